"""`moderation check` and `moderation score`: judge one comment, or a file of comments. Nothing is stored."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from moderation.actions.judging import Judgement, judge
from moderation.actions.similarity import find_similar_to_text
from moderation.actions.sites import find_site
from moderation.cli._options import as_json, input_file, opened_services, output_file, raw
from moderation.cli._output import echo_status, print_json, progress_counter
from moderation.cli._tables import choose_format, format_option, open_table
from moderation.domain.comment import Comment
from moderation.domain.decision import Reason, SimilarComment
from moderation.domain.errors import InvalidInput
from moderation.domain.general_guarantee import GeneralGuarantees
from moderation.domain.invisible import show_invisible
from moderation.domain.protection import describe_protection
from moderation.domain.thresholds import Verdict
from moderation.features.parsed_comment import ParsedComment
from moderation.scoring.lists import list_reasons
from moderation.scoring.model import Model
from moderation.scoring.reasons import describe, strongest
from moderation.scoring.second_reader import map_in_threads
from moderation.settings import Settings
from moderation.training.corpus import COMMENT_COLUMNS, Survey, comment_of, row_id, survey_comments
from moderation.training.rows import Row
from moderation.training.table_files import TableFile, open_stdin
from moderation.training.table_writers import WriteRow
from moderation.web.api.bodies import judgement_body
from moderation.web.json_text import to_json
from moderation.wiring import load_model

SCORE_COLUMNS = ("id", "probability", "verdict", "reasons")

_VERDICT_MEANINGS = {
    Verdict.PUBLISH: "publish the comment",
    Verdict.REVIEW: "hold the comment for a moderator",
    Verdict.SPAM: "treat the comment as spam",
    Verdict.DISCARD: "delete the comment without review",
}

JudgeParsed = Callable[[ParsedComment], Judgement]
Cells = tuple[str, str, str, str]
RunInOrder = Callable[[Callable[[Row], Cells], Iterator[Row]], Iterable[Cells]]

_site_option = click.option("--site", "site_url", metavar="URL", help="Use the weights and thresholds of this site.")
_model_option = click.option("--model", "model_id", metavar="ID", help="Use this model instead of the live one.")


@click.command()
@click.argument("text")
@click.option("--author", help="Name of the author.")
@click.option("--url", help="Web address of the author.")
@click.option("--email", help="E-mail address of the author.")
@click.option("--permalink", help="Address of the page commented on.")
@click.option("--context", help="Title of the page commented on.")
@click.option("--type", metavar="TYPE", help="Type of the comment, such as contact-form.")
@click.option("--lang", help="Languages of the page, such as en_US.")
@_site_option
@_model_option
@as_json
def check(text: str, site_url: str | None, model_id: str | None, as_json: bool, **fields: str | None) -> None:
    """Judge the comment TEXT and show the reasons; - reads it from stdin. Nothing is stored.

    A field that is left out counts neither for nor against the comment. Text that begins with a dash goes after --.
    """
    settings = Settings.from_environment()
    model = load_model(settings, model_id)
    judge_parsed = _judge_for(settings, model, site_url, spans=as_json)
    comment = Comment(_read_stdin() if text == "-" else text, **fields)
    judgement = judge_parsed(ParsedComment(comment))
    similar_comments = _find_similar_comments(site_url, comment, settings)
    if as_json:
        body = judgement_body(judgement, model.general_guarantees) | {"similar_comments": similar_comments}
        print_json(json.loads(to_json(body)))
    else:
        _print_judgement(judgement, model.general_guarantees)
        _print_similar_comments(similar_comments)


@click.command()
@click.argument("file", type=input_file)
@click.option("--output", "out", metavar="OUT", type=output_file, help="Write to this file instead of stdout.")
@format_option
@_site_option
@_model_option
@raw
def score(
    file: Path, out: Path | None, form: str | None, site_url: str | None, model_id: str | None, raw: bool
) -> None:
    """Judge each comment of FILE: CSV, JSON Lines (plain or gzip'd) or Parquet, of any length; - is stdin.

    Only the column text is required. Writes a table with the columns id, probability, verdict and reasons, in the
    order of the file. An unreadable row keeps its place and has the error as its reason. Nothing is stored.
    """
    table_format = choose_format(form, out)
    settings = Settings.from_environment()
    model = load_model(settings, model_id)
    judge_parsed = _judge_for(settings, model, site_url)
    with TableFile.open(file, ("text",)) as table:
        # Before the output is opened, so that a refused file writes nothing.
        survey = survey_comments(table, echo_status)
        with (
            progress_counter("Judging comments", survey.rows) as advance,
            open_table(out, table_format, SCORE_COLUMNS, {"probability"}, raw=raw) as write,
        ):
            run = map_in_threads if model.second_reader else map
            invalid = score_table(judge_parsed, table, survey, write, advance=advance, run=run)
    if invalid:
        echo_status(f"{invalid} of {survey.rows} rows could not be judged; the column reasons says why.")


def score_table(
    judge: JudgeParsed,
    table: TableFile,
    survey: Survey,
    write: WriteRow,
    *,
    advance: Callable[[], None],
    run: RunInOrder = map,
) -> int:
    """Write one row for each row of a file, in its order, without holding the rows in memory.

    A row without a comment gets the error as its reason, and neither probability nor verdict. Returns the number of
    such rows. Calls `advance` after each row. `run` is `map`, or like it.
    """
    invalid = 0

    def judge_row(row: Row) -> Cells:
        try:
            comment = comment_of(row, survey)
        except ValueError as error:
            return row_id(table, row), "", "", str(error)
        return row_id(table, row), *_score_cells(judge(ParsedComment(comment)))

    for cells in run(judge_row, table.rows(COMMENT_COLUMNS)):
        invalid += not cells[1]
        write(cells)
        advance()
    return invalid


def _score_cells(judgement: Judgement) -> tuple[str, str, str]:
    names = dict.fromkeys(reason.name for reason in strongest(judgement.score.reasons))
    return f"{judgement.score.probability:.6f}", judgement.verdict.value, ";".join(names)


def _judge_for(settings: Settings, model: Model, url: str | None, *, spans: bool = False) -> JudgeParsed:
    """Return a function that judges a comment as the site with this address does. Without one, opens no database."""
    if url is None:
        return lambda parsed: judge(model, None, parsed, default_budget=settings.budget, spans=spans)
    with opened_services(settings) as services:
        site = find_site(services, url)
        matchers, site_weights = services.list_cache.find(site), services.site_weights_cache.find(site, model)

    def judge_parsed(parsed: ParsedComment) -> Judgement:
        listed = list_reasons(matchers, parsed, datetime.now(UTC), spans=spans)
        return judge(
            model,
            site,
            parsed,
            default_budget=settings.budget,
            evidence=listed,
            site_weights=site_weights,
            spans=spans,
        )

    return judge_parsed


def _find_similar_comments(url: str | None, comment: Comment, settings: Settings) -> list[SimilarComment]:
    if url is None:
        return []
    with opened_services(settings) as services:
        return find_similar_to_text(services, find_site(services, url).id, comment.text)


def _read_stdin() -> str:
    try:
        text = open_stdin().read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInput("stdin is not UTF-8. Convert it, such as with iconv -f WINDOWS-1252 -t UTF-8.") from None
    # The line break with which `echo` and most files end is not part of the comment.
    return text.removesuffix("\n").removesuffix("\r")


def _print_judgement(judgement: Judgement, general: GeneralGuarantees | None) -> None:
    score, verdict = judgement.score, judgement.verdict
    thresholds = ", ".join(f"{name} {value:.2%}" for name, value in asdict(judgement.thresholds).items())
    stage = f"; stage {judgement.calibration.stage}" if judgement.calibration else ""
    click.echo(f"{verdict}: {_VERDICT_MEANINGS[verdict]}")
    click.echo(
        f"Spam probability {score.probability:.2%} by the model {score.model} (thresholds: {thresholds}{stage})\n"
    )
    if judgement.calibration:
        click.echo(f"{describe_protection(judgement.calibration, general)}\n")
    reasons = strongest(score.reasons)
    for reason in reasons:
        click.echo(_format_reason(reason))
    others = score.logit - sum(reason.weight for reason in reasons)
    click.echo(f"{others:+7.2f}  all other evidence, and the starting value of the model")
    click.echo(
        f"{score.logit:+7.2f}  sum: natural logarithm of the odds of spam; above 0, spam is more likely than ham"
    )


def _format_reason(reason: Reason) -> str:
    detail = f": {show_invisible(reason.detail)}" if reason.detail else ""
    return f"{reason.weight:+7.2f}  {describe(reason)}{detail}  [{reason.code}]"


def _print_similar_comments(similar_comments: Sequence[SimilarComment]) -> None:
    if similar_comments:
        click.echo("\nThe most similar labelled comments of the site:")
    for similar in similar_comments:
        label = similar.label
        source = f"{label.value}, labelled by {label.labelled_by} ({label.channel}) on {label.created_at:%d %b %Y}"
        click.echo(f"{similar.similarity:6.0%}  {show_invisible(f'{source}: {similar.text}')}")
