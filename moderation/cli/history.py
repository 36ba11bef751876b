"""`moderation import` and `moderation history`: a blog's comments so far, and the second look at them."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import click

from moderation.actions.history import SecondLook, label_history, second_look
from moderation.actions.history_import import ImportResult, Watch, import_history
from moderation.actions.history_removal import RemovalResult, remove_history
from moderation.actions.rollout import RolloutStatus
from moderation.actions.sites import find_site
from moderation.cli._options import as_json, input_file, labels_option, opened_services
from moderation.cli._output import echo_status, print_json, print_table, progress_line
from moderation.cli.site_thresholds import print_rollout
from moderation.domain.decision import LabelValue
from moderation.domain.history import MAX_ORPHAN_RATE, SECOND_LOOK_CHANNEL, PastStatus
from moderation.exports.formats import FORMATS, SELF_CONTAINED, Export, open_export
from moderation.exports.table import COLUMNS
from moderation.training.corpus import LabelWords
from moderation.web.api.schemas import RolloutResponse

_MAX_EXCERPT_LENGTH = 60


def _parse_columns(_ctx: click.Context, _param: click.Parameter, pairs: tuple[str, ...]) -> Mapping[str, str]:
    columns = {}
    for pair in pairs:
        column, _, name = pair.partition("=")
        if column not in COLUMNS or not name:
            raise click.BadParameter(f"{pair!r} is not COLUMN=NAME with a column of {', '.join(COLUMNS)}.")
        columns[column] = name
    return columns


@click.command(name="import")
@click.argument("kind", metavar="FORMAT", type=click.Choice(list(FORMATS)))
@click.argument("file", type=input_file)
@click.option("--site", "url", metavar="URL", required=True, help="The site that the comments belong to.")
@click.option(
    "--column",
    "columns",
    metavar="COLUMN=NAME",
    multiple=True,
    callback=_parse_columns,
    help="With csv: the table's name of a column, such as text=body; in JSON also a path, such as author=user.name.",
)
@labels_option
@click.option(
    "--complete/--partial",
    "complete",
    default=None,
    help="Whether FILE has all published comments of the site, so that they count for its thresholds.",
)
@click.option("--dry-run", is_flag=True, help="Store nothing; show the counts and the thresholds that would result.")
@as_json
def import_(
    kind: str,
    file: Path,
    url: str,
    columns: Mapping[str, str],
    words: LabelWords,
    complete: bool | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Import the comments that a blog has, as the history of a site, all or none.

    FORMAT is wordpress (the export, or wp_comments as CSV or SQL dump), disqus, isso, remark42, commento, or csv for
    any other table. Published comments count as ham, spam becomes labels, deleted and waiting comments are left out.
    The same import twice is once.
    """
    if complete is None and kind not in SELF_CONTAINED:
        complete = False
    with opened_services() as services:
        site = find_site(services, url)
        with open_export(kind, file, site.url, columns, words) as export, _watching(export) as watch:
            result = import_history(
                services, site, export.name, export.comments, complete=complete, dry_run=dry_run, watch=watch
            )
    if as_json:
        print_json(_as_json(result, dry_run))
    else:
        _print_result(export.name, result, complete)
        if dry_run:
            click.echo("Nothing was stored: this was a dry run.")


@click.group()
def history() -> None:
    """Take a second look at imported comments that look like spam, or remove all imported comments."""


@history.command(name="second-look")
@click.argument("url")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="List at most so many comments.")
@as_json
def list_suspicious(url: str, limit: int, as_json: bool) -> None:
    """List published comments of the site at URL at or above the model's spam threshold, the most suspicious first.

    They count as ham until `moderation history label` says otherwise.
    """
    with opened_services() as services:
        look = second_look(services, find_site(services, url), limit)
    if as_json:
        print_json(_second_look_as_json(look))
        return
    rows = (
        (
            str(entry.comment_id),
            f"{entry.probability:.4f}",
            f"{entry.published_at:%Y-%m-%d}",
            entry.comment.type or "",
            _excerpt(entry.comment.author or ""),
            _excerpt(entry.comment.url or ""),
            _excerpt(entry.comment.text),
        )
        for entry in look.comments
    )
    print_table(("COMMENT", "SPAM", "PUBLISHED", "TYPE", "AUTHOR", "URL", "TEXT"), rows)
    echo_status(f"{look.total} published comments are at or above {look.threshold:g}; {len(look.comments)} are listed.")


@history.command()
@click.argument("url")
@click.argument("value", metavar="[ham|spam]", type=click.Choice([value.value for value in LabelValue]))
@click.argument("comments", metavar="COMMENT...", nargs=-1, required=True, type=click.IntRange(1, 2**31 - 1))
@click.option("--by", "labelled_by", metavar="NAME", default="operator", show_default=True, help="Who says so.")
def label(url: str, value: str, comments: tuple[int, ...], labelled_by: str) -> None:
    """Label imported comments of the site at URL, by their numbers in the list, and choose its thresholds again."""
    with opened_services() as services:
        site = find_site(services, url)
        status = label_history(services, site, comments, LabelValue(value), labelled_by, SECOND_LOOK_CHANNEL)
    click.echo(f"{len(comments)} comments are labelled {value}.")
    print_rollout(status)


@history.command()
@click.argument("url")
@click.option("--dry-run", is_flag=True, help="Remove nothing; show the counts and the thresholds that would result.")
@as_json
def remove(url: str, dry_run: bool, as_json: bool) -> None:
    """Remove all that imports brought to the site at URL, such as the export of another blog, all or nothing.

    Its thresholds are chosen again. Comments that the service judged stay, and so do labels that came through the blog,
    the queue or a file of labels. All imports of the site are removed: import the right export again.
    """
    with opened_services() as services:
        result = remove_history(services, find_site(services, url), dry_run=dry_run)
    if as_json:
        names = ("history", "deleted", "labels", "second_look")
        counts = {name: getattr(result, name) for name in names}
        print_json({"dry_run": dry_run, **counts, "rollout": _rollout_json(result.rollout)})
        return
    _print_removal(result)
    if dry_run:
        click.echo("Nothing was removed: this was a dry run.")


def _print_removal(result: RemovalResult) -> None:
    lines = {
        "History": f"{result.history:,} comments removed from it",
        "Comments": f"{result.deleted:,} deleted; the others are judged or labelled",
        "Labels": f"{result.labels:,} of imports withdrawn, {result.second_look:,} of a second look",
    }
    for title, line in lines.items():
        click.echo(f"{title:<12}{line}")
    print_rollout(result.rollout)


def _watching(export: Export) -> AbstractContextManager[Watch]:
    """Show each step of an import and its progress on one line of stderr."""
    size = export.size

    def describe(step: str, done: int, total: int) -> str:
        if total:
            return f"{step} {done:,} of {total:,} comments"
        share = f", {min(1.0, export.position() / size):.0%} of {size / 1e6:,.0f} MB" if size else ""
        return f"{step} {done:,} comments{share}"

    return progress_line(describe)


def _print_result(name: str, result: ImportResult, stated: bool | None) -> None:
    counts = result.counts
    click.echo(f"{name}: {counts.total:,} comments")
    pings = f"{counts.pings:,} of them pingbacks, trackbacks or webmentions"
    notes = {PastStatus.PUBLISHED: pings, PastStatus.SPAM: "labelled"}
    for status in PastStatus:
        if counts.by_status[status]:
            note = notes.get(status, "left out")
            click.echo(f"  {status.value:<10}{counts.by_status[status]:>9,}  {note}")
    if counts.unreadable:
        echo_status(f"{counts.problems()}.")
    lines = {
        "Stored": f"{result.stored:,} new; {result.known:,} known before, {result.repeated:,} repeated in the file, "
        f"{result.removed:,} no longer published",
        "Labels": f"{result.labelled:,} spam, {result.withdrawn:,} withdrawn, {result.kept:,} kept as people gave them",
        "Complete": _describe_completeness(result, stated),
        "Second look": f"{result.suspicious:,} published comments are above the model's spam threshold",
    }
    for title, line in lines.items():
        click.echo(f"{title:<12}{line}")
    if result.rollout:
        print_rollout(result.rollout)


def _describe_completeness(result: ImportResult, stated: bool | None) -> str:
    counts = result.counts
    if stated is None:
        reason = (
            f"the file was read to its end, and {counts.orphans:,} of {counts.replies:,} replies lack their parent, "
            f"where {MAX_ORPHAN_RATE:.0%} may"
        )
    else:
        reason = "as stated" if stated else "as stated, or because a table may be any selection (--complete)"
    effect = "count" if result.complete else "do not count"
    return f"{'yes' if result.complete else 'no'}: {reason}. Published comments {effect} for the thresholds"


def _as_json(result: ImportResult, dry_run: bool) -> dict[str, Any]:
    counts = result.counts
    names = ("stored", "known", "repeated", "labelled", "withdrawn", "kept", "removed", "suspicious", "complete")
    return {
        "dry_run": dry_run,
        "comments": {status.value: counts.by_status[status] for status in PastStatus},
        "pings": counts.pings,
        "replies": counts.replies,
        "orphans": counts.orphans,
        **{name: getattr(result, name) for name in names},
        "rollout": _rollout_json(result.rollout),
    }


def _rollout_json(status: RolloutStatus | None) -> Any:
    return status and RolloutResponse.model_validate(status).model_dump(mode="json")


def _second_look_as_json(look: SecondLook) -> dict[str, Any]:
    entries = [
        {
            "comment": entry.comment_id,
            "probability": entry.probability,
            "published_at": entry.published_at.isoformat(),
            "type": entry.comment.type,
            "author": entry.comment.author,
            "url": entry.comment.url,
            "text": entry.comment.text,
        }
        for entry in look.comments
    ]
    return {"threshold": look.threshold, "count": look.total, "comments": entries}


def _excerpt(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MAX_EXCERPT_LENGTH else f"{line[: _MAX_EXCERPT_LENGTH - 1]}…"
