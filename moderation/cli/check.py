"""`moderation check`."""

from dataclasses import asdict
from typing import Any

import click

from moderation.actions.judge import appoint
from moderation.assembly import open_shelf
from moderation.cli.lines import site_at
from moderation.cli.options import as_json
from moderation.cli.printing import print_json, visible
from moderation.domain.comment import Comment
from moderation.domain.judgement import Reason, Score
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
@click.option("--site", metavar="URL", help="Draw the lines of this site instead of the model's.")
@click.option("--model", "model_id", metavar="ID", help="Judge by this model instead of the live one.")
@as_json
def command(text: str, site: str | None, model_id: str | None, as_json: bool, **fields: str | None) -> None:
    """Judge one comment and say why. Nothing is stored; options left out count neither for nor against it."""
    settings = Settings.from_environment()
    judge = appoint(open_shelf(settings), model_id, site_at(site, settings))
    comment = Comment(text, **fields)
    score, verdict = judge.judge(comment)
    policy = judge.policy_for(comment)
    if as_json:
        print_json(_described(policy, score, verdict))
    else:
        _tell(policy, score, verdict)


def _tell(policy: Policy, score: Score, verdict: Verdict) -> None:
    lines = ", ".join(f"{name} from {line:.1%}" for name, line in asdict(policy).items())
    click.echo(f"{verdict.value}: {_MEANINGS[verdict]}")
    click.echo(f"{score.probability:.1%} chance of spam by the model {score.model} ({lines})")
    click.echo()
    for reason in strongest(score.reasons):
        click.echo(_line(reason))
    named = sum(reason.weight for reason in strongest(score.reasons))
    click.echo(f"{score.logit - named:+7.2f}  everything else, and where the model starts from")
    click.echo(f"{score.logit:+7.2f}  together (natural logarithm of the odds; above 0 speaks for spam)")


def _line(reason: Reason) -> str:
    found = f": {visible(reason.detail)}" if reason.detail else ""
    return f"{reason.weight:+7.2f}  {SENTENCES.get(reason.code, '')}{found}  [{reason.code}]"


def _described(policy: Policy, score: Score, verdict: Verdict) -> dict[str, Any]:
    return {
        "verdict": verdict.value,
        "probability": score.probability,
        "thresholds": asdict(policy),
        "reasons": [asdict(reason) for reason in score.reasons],
        "bias": score.bias,
        "logit": score.logit,
        "model": score.model,
    }
