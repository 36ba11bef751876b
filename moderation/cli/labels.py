"""`moderation labels`: label decided comments, read the log of labels, export and import labelled comments."""

from collections.abc import Callable
from dataclasses import asdict, astuple, fields
from pathlib import Path
from typing import Any

import click

from moderation.actions.check import find_decision
from moderation.actions.labelling import (
    export_labels,
    import_labels,
    label_decision,
    read_label_log,
    remove_comment,
    withdraw_label,
)
from moderation.actions.services import Services
from moderation.actions.sites import find_site
from moderation.actions.statistics import read_track_records
from moderation.cli._label_audit import audit_site
from moderation.cli._options import as_json, input_file, labels_option, opened_services, output_file, raw, url_argument
from moderation.cli._output import echo_status, print_json, print_table
from moderation.cli._tables import choose_format, format_option, open_table
from moderation.domain.csv_cells import EXPORT_COLUMNS
from moderation.domain.decision import LabelOrigin, LabelValue, LogEntry, TrackRecord
from moderation.domain.site import Site
from moderation.training.corpus import LabelWords, read_corpus
from moderation.training.label_audit import DoubtfulLabel
from moderation.web.api.schemas import LogEntryResponse

_CHANNEL = "cli"
_AUDIT_COLUMNS = ("comment_id", "decision_id", "label", "labelled_by", "channel", "right", "contradicts", "text")
_MAX_EXCERPT_LENGTH = 60
_VERBS = (*(value.value for value in LabelValue), "forget", "remove")


@click.group()
def labels() -> None:
    """Label comments, read the log of labels, export and import labelled comments."""


@labels.command(name="set")
@url_argument
@click.argument("verb", type=click.Choice(_VERBS))
@click.argument("decision_ids", metavar="DECISION...", nargs=-1, required=True)
@click.option("--by", "labelled_by", metavar="NAME", default=_CHANNEL, help="The person who decides.")
@click.option("--why", "reason", metavar="TEXT", default="", help="The reason, for the log.")
def set_(url: str, verb: str, decision_ids: tuple[str, ...], labelled_by: str, reason: str) -> None:
    """Label the comments of decisions of the site at URL, or take their labels back.

    VERB is ham, spam, forget (as if never said) or remove (the comment goes, and nothing is learnt). Several decisions
    at once count as a stroke: they enter no guarantee.
    """
    with opened_services() as services:
        site = find_site(services, url)
        for decision_id in decision_ids:
            find_decision(services, site, decision_id)  # an unknown one is refused before anything is stored
        for decision_id in decision_ids:
            if verb == "forget":
                withdraw_label(services, site, decision_id, labelled_by, _CHANNEL, reason=reason)
            elif verb == "remove":
                remove_comment(services, site, decision_id, labelled_by, _CHANNEL, reason=reason)
            else:
                origin = LabelOrigin.SINGLE if len(decision_ids) == 1 else LabelOrigin.BULK
                value = LabelValue(verb)
                label_decision(services, site, decision_id, value, labelled_by, _CHANNEL, origin=origin, reason=reason)
    click.echo(f"{verb}: {len(decision_ids)} comment{'' if len(decision_ids) == 1 else 's'}.")


@labels.command(name="log")
@click.option("--site", "url", metavar="URL", help="Only the comments of this site.")
@click.option("--decision", "decision_id", metavar="ID", help="Only the comment of this decision; needs --site.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Show at most so many rows.")
@as_json
def log(url: str | None, decision_id: str | None, limit: int, as_json: bool) -> None:
    """List what people said of comments: who, when, through which channel, why, and by whom it was revoked.

    The newest row comes first.
    """
    if decision_id and not url:
        raise click.UsageError("--decision needs --site.")
    with opened_services() as services:
        entries = read_label_log(services, find_site(services, url) if url else None, decision_id, limit=limit)
    if as_json:
        print_json([LogEntryResponse.model_validate(entry) for entry in entries])
    else:
        header = ("id", "when", "comment", "label", "by", "channel", "origin", "why", "revoked")
        print_table(header, map(_log_row, entries))


@labels.command()
@click.option("--site", "url", metavar="URL", required=True, help="The site whose labels are looked at.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="List at most so many labels.")
@as_json
def audit(url: str, limit: int, as_json: bool) -> None:
    """List labels of a site that may be wrong, here and in the queue, for a second look. No label changes.

    Contradictions among near-duplicates come first, then labels that a model of the other labels contradicts.
    """
    with opened_services() as services:
        labelled, doubtful = audit_site(services, find_site(services, url))
    entries = [_audit_entry(label, [labelled[place] for place in label.places]) for label in doubtful[:limit]]
    if as_json:
        print_json(entries)
    else:
        print_table(_AUDIT_COLUMNS, ([_cell(entry[name]) for name in _AUDIT_COLUMNS] for entry in entries))
        echo_status(f"{len(entries)} of {len(labelled)} labels for a second look.")


@labels.command()
@click.option("--site", "url", metavar="URL", help="Only the labels of this site.")
@as_json
def reporters(url: str | None, as_json: bool) -> None:
    """Show how the labels of each person and each site's key have stood: given, contradicted and forgotten."""
    with opened_services() as services:
        records = read_track_records(services, find_site(services, url) if url else None)
    if as_json:
        print_json([asdict(record) for record in records])
    else:
        print_table([field.name for field in fields(TrackRecord)], ([*map(str, astuple(record))] for record in records))


@labels.command(name="export")
@click.option("--site", "url", metavar="URL", help="Only the comments of this site.")
@click.option("--output", "out", metavar="FILE", type=output_file, help="Write to this file instead of stdout.")
@format_option
@raw
def export(url: str | None, out: Path | None, form: str | None, raw: bool) -> None:
    """Write the labelled comments for `moderation train`. The last label of each comment counts.

    A cell of CSV that a spreadsheet would run as a formula gets an apostrophe. `labels import` and `train` remove it.
    """
    table_format, count = choose_format(form, out), 0
    with opened_services() as services:
        site = find_site(services, url) if url else None
        with open_table(out, table_format, EXPORT_COLUMNS, {"weight"}, raw=raw) as write:
            for row in export_labels(services, site):
                write([row[name] for name in EXPORT_COLUMNS])
                count += 1
    echo_status(f"{count} labelled comments.")


@labels.command(name="import")
@click.argument("file", type=input_file)
@click.option("--site", "url", metavar="URL", required=True, help="The site that the comments belong to.")
@labels_option
def import_(file: Path, url: str, words: LabelWords) -> None:
    """Store the labelled comments of FILE under a site, all or none. Takes the files of `moderation train`.

    A comment that was labelled before is not stored again, and gets the label of FILE if it has another one.
    """
    with opened_services() as services:
        _import_labels(services, find_site(services, url), file, words, echo_status)


def _import_labels(
    services: Services, site: Site, file: Path, words: LabelWords, report: Callable[[str], None]
) -> None:
    corpus = read_corpus([file], report, words)
    if set(corpus.site_urls) - {site.url}:
        report(f"{file.name}: ignored the column site; all comments are stored under {site.url}.")
    values = (LabelValue.SPAM if spam else LabelValue.HAM for spam in corpus.spam)
    result = import_labels(services, site, zip(corpus.comments, values, strict=True))
    click.echo(f"{result.stored} labelled comments stored, {result.changed} changed, {result.known} known already.")


def _log_row(entry: LogEntry) -> tuple[str, ...]:
    label = entry.label
    revoked = f"{entry.revoked_at:%Y-%m-%d %H:%M} by {entry.revoked_by}" if entry.revoked_at else ""
    return (
        str(entry.id),
        f"{label.created_at:%Y-%m-%d %H:%M}",
        str(entry.comment_id),
        label.verb,
        label.labelled_by,
        label.channel,
        label.origin.value,
        label.reason,
        revoked,
    )


def _audit_entry(doubtful: DoubtfulLabel, labelled: list[Any]) -> dict[str, Any]:
    """Return a row of the audit. `labelled` are the comment and its near-duplicates with another label."""
    one, *others = labelled
    return {
        "comment_id": one.comment_id,
        "decision_id": one.label.decision_id,
        "label": one.value.value,
        "labelled_by": one.label.labelled_by,
        "channel": one.label.channel,
        "right": None if doubtful.probability is None else round(doubtful.probability, 3),
        "contradicts": [other.comment_id for other in others],
        "text": one.comment.text[:_MAX_EXCERPT_LENGTH],
    }


def _cell(value: object) -> str:
    if value is None:
        return ""
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
