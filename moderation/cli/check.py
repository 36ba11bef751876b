"""`moderation check`."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click

from moderation.actions.judge import appoint
from moderation.assembly import open_shelf
from moderation.cli.lines import neighbours_at, site_at
from moderation.cli.options import as_json
from moderation.cli.printing import print_json, visible
from moderation.domain.budget import Standing
from moderation.domain.comment import Comment
from moderation.domain.judgement import Neighbour, Reason, Score
from moderation.domain.policy import Policy, Verdict
from moderation.scoring.reasons import SENTENCES, strongest
from moderation.settings import Settings

_MEANINGS = {
    Verdict.PUBLISH: "publish it",
    Verdict.REVIEW: "hold it for a person",
    Verdict.SPAM: "spam",
    Verdict.DISCARD: "spam so plain that nobody need see it",
}


@click.command(name="check")
@click.argument("text")
@click.option("--author", help="The name the author gave.")
@click.option("--url", help="The author's web address.")
@click.option("--email", help="The author's e-mail address.")
@click.option("--permalink", help="Address of the page commented on.")
@click.option("--context", help="Title of the page commented on.")
@click.option("--type", metavar="TYPE", help="What kind of comment it is, such as contact-form.")
@click.option("--lang", help="The languages of the page, such as en_US.")
@click.option("--site", metavar="URL", help="Judge by the weights and the lines of this site.")
@click.option("--model", "model_id", metavar="ID", help="Judge by this model instead of the live one.")
@as_json
def command(text: str, site: str | None, model_id: str | None, as_json: bool, **fields: str | None) -> None:
    """Judge one comment and say why. Nothing is stored; options left out count neither for nor against it."""
    settings = Settings.from_environment()
    judge = appoint(open_shelf(settings), settings.budget, model_id, site_at(site, settings))
    comment = Comment(text, **fields)
    score, verdict = judge.judge(comment)
    neighbours = neighbours_at(judge.site, comment, settings)
    policy, standing = judge.policy_for(comment), judge.standing_for(comment)
    if as_json:
        told = {"standing": _stands(standing), "neighbours": [_recalled(one) for one in neighbours]}
        print_json(_described(policy, score, verdict) | told)
    else:
        _tell(policy, score, verdict, standing)
        _tell_neighbours(neighbours)


def _tell(policy: Policy, score: Score, verdict: Verdict, standing: Standing | None) -> None:
    lines = ", ".join(f"{name} from {line:.1%}" for name, line in asdict(policy).items())
    lines = f"{lines}; step {standing.step}" if standing else lines
    click.echo(f"{verdict.value}: {_MEANINGS[verdict]}")
    click.echo(f"{score.probability:.1%} chance of spam by the model {score.model} ({lines})")
    click.echo()
    for reason in strongest(score.reasons):
        click.echo(_line(reason))
    named = sum(reason.weight for reason in strongest(score.reasons))
    click.echo(f"{score.logit - named:+7.2f}  everything else, and where the model starts from")
    click.echo(f"{score.logit:+7.2f}  together (natural logarithm of the odds; above 0 speaks for spam)")


def _tell_neighbours(neighbours: Sequence[Neighbour]) -> None:
    if neighbours:
        click.echo()
        click.echo("The labelled comments of the site that are most like it:")
    for one in neighbours:
        value, said = _recalled(one)["label"], f"{one.label.who} ({one.label.source})"
        click.echo(f"{one.alike:6.0%}  {value}, said {said} on {one.label.given_at:%d %b %Y}: {visible(one.text)}")


def _recalled(one: Neighbour) -> dict[str, Any]:
    label = one.label
    said = {"label": label.value.value if label.value else None, "who": label.who, "source": label.source}
    return {"text": one.text, "alike": one.alike, **said, "given_at": label.given_at.isoformat()}


def _stands(standing: Standing | None) -> dict[str, Any] | None:
    if standing is None:
        return None
    certificates = {"review": standing.review, "spam": standing.spam}
    return {"step": standing.step, **{name: asdict(one) if one else None for name, one in certificates.items()}}


def _line(reason: Reason) -> str:
    found = f": {visible(reason.detail)}" if reason.detail else ""
    return f"{reason.weight:+7.2f}  {SENTENCES.get(reason.code, '')}{found}  [{reason.code}]"


def _plain(reason: Reason) -> dict[str, Any]:
    return reason._asdict() | {"spans": [span._asdict() for span in reason.spans]}


def _described(policy: Policy, score: Score, verdict: Verdict) -> dict[str, Any]:
    return {
        "verdict": verdict.value,
        "probability": score.probability,
        "thresholds": asdict(policy),
        "reasons": [_plain(reason) for reason in score.reasons],
        "bias": score.bias,
        "logit": score.logit,
        "model": score.model,
    }
