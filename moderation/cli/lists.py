"""`moderation list`: the operator's lists of words, domains and mailboxes."""

import re
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import reduce
from pathlib import Path
from typing import Any

import click

from moderation.actions import lists
from moderation.actions.list_preview import PREVIEW_DAYS, Preview, preview_change
from moderation.actions.lists import ListChange, ListRequest, ParsedLines
from moderation.actions.services import Services
from moderation.cli._options import as_json, input_file, opened_services
from moderation.cli._output import echo_status, print_json, print_table, progress_line
from moderation.domain.decision import LabelValue
from moderation.domain.errors import InvalidInput
from moderation.domain.lists import DEFAULT_WEIGHT, EntryKind, ListEntry, OperatorList
from moderation.training.table_files import TableFile, errors_named

_DAYS = re.compile(r"([1-9]\d{0,4})d")


def _parse_expiry(_ctx: click.Context, _param: click.Parameter, value: str | None) -> datetime | None:
    """Return the time that a date or a number of days names."""
    if value is None:
        return None
    now = datetime.now(UTC)
    days = _DAYS.fullmatch(value)
    try:
        at = now + timedelta(int(days[1])) if days else datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise click.BadParameter(f"{value!r} is neither a date, such as 2027-01-31, nor days, such as 90d.") from None
    if at <= now:
        raise click.BadParameter(f"{value} is over.")
    return at


_CHANGE_OPTIONS = (
    click.option("--site", "url", metavar="URL", help="Make a new list one of this site, not of all sites."),
    click.option("--weight", type=float, help=f"Weight of the list in logits; {DEFAULT_WEIGHT:g} for a new list."),
    click.option("--allow", is_flag=True, help="Make a new list one that allows: matches are evidence of ham."),
    click.option("--substring", is_flag=True, help="Match keys anywhere, also within words, as WordPress does."),
    click.option(
        "--expires", "expires_at", metavar="DATE|DAYSd", callback=_parse_expiry, help="Let these entries expire then."
    ),
    click.option("--force", is_flag=True, help="Save although the preview objects."),
    click.option("--dry-run", is_flag=True, help="Save nothing; show the preview."),
    as_json,
)


def _change_options(command: Any) -> Any:
    return reduce(lambda decorated, option: option(decorated), reversed(_CHANGE_OPTIONS), command)


@click.group(name="list")
def list_() -> None:
    """Keep lists of words, domains and mailboxes that count for or against a comment."""


@list_.command()
@click.argument("name")
@click.argument("entries", metavar="ENTRY...", nargs=-1, required=True)
@_change_options
def add(name: str, entries: tuple[str, ...], substring: bool, expires_at: datetime | None, **options: Any) -> None:
    """Add entries to the list NAME, which is created if there is none: words, domains or mailboxes.

    The preview says how many comments of the last 30 days they match, and how many verdicts would change.
    """
    parsed = lists.parse_lines(entries, substring=substring, expires_at=expires_at)
    for reason, numbers in parsed.left_out.items():
        raise InvalidInput(f"Entry {numbers[0]} cannot be in a list: {reason}.")
    if not parsed.entries:
        raise InvalidInput("An entry is a word, a domain or a mailbox; got none.")
    _change(name, parsed, **options)


@list_.command(name="import")
@click.argument("name")
@click.argument("file", type=input_file)
@_change_options
def import_(name: str, file: Path, substring: bool, expires_at: datetime | None, **options: Any) -> None:
    """Add the lines of FILE to the list NAME, all or none: one word, phrase, domain or mailbox a line.

    Takes WordPress's disallowed comment keys; - is stdin. Lines that are no keys are left out, and counted by reason.
    """
    with TableFile.open(file, ()) as table, errors_named(table.name):
        parsed = lists.parse_lines(table.lines(), substring=substring, expires_at=expires_at)
    if not parsed.entries:
        _print_left_out(parsed)
        raise InvalidInput(f"{table.name} has no line that can be in a list.")
    _change(name, parsed, **options)


@list_.command()
@click.argument("name", required=False)
@as_json
def show(name: str | None, as_json: bool) -> None:
    """Show all lists, or the entries of the list NAME."""
    with opened_services() as services:
        shown = lists.show_lists(services) if name is None else [lists.get_list(services, name)]
        now = services.clock()
    if as_json:
        bodies = [_as_json(each, now, entries=name is not None) for each in shown]
        print_json(bodies if name is None else bodies[0])
    elif name is None:
        print_table(("LIST", "SITE", "WEIGHT", "ENTRIES", "EXPIRED", "SINCE"), (_row(each, now) for each in shown))
    else:
        rows = ((entry.kind.value, entry.key, _describe_expiry(entry, now)) for entry in shown[0].entries)
        print_table(("KIND", "ENTRY", "EXPIRES"), rows)


@list_.command()
@click.argument("name")
@click.argument("entries", metavar="[ENTRY]...", nargs=-1)
def remove(name: str, entries: tuple[str, ...]) -> None:
    """Remove entries from the list NAME, or without any the whole list. Past decisions keep their reasons."""
    with opened_services() as services:
        if entries:
            left = lists.remove_entries(services, name, entries)
            click.echo(f"{len(entries)} entries are removed; {name} has {left:,} left.")
        else:
            count = lists.remove_list(services, name)
            click.echo(f"The list {name} is removed, with {count:,} entries.")


def _change(
    name: str,
    parsed: ParsedLines,
    *,
    url: str | None,
    weight: float | None,
    allow: bool,
    force: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    request = ListRequest(name, parsed.entries, url, weight, allow)
    with opened_services() as services:
        change, preview = _preview(services, request)
        objection = preview.objection(change.after.allows)
        is_saved = not dry_run and (force or not objection)
        if is_saved:
            change = lists.save_change(services, request, change)
    if as_json:
        print_json(_change_as_json(change, parsed, preview, saved=is_saved))
    else:
        _print_change(change, parsed)
        _print_preview(preview)
        click.echo("Saved; the next comment meets it." if is_saved else "Nothing was saved.")
    if objection and not is_saved and not dry_run:
        raise InvalidInput(objection)


def _preview(services: Services, request: ListRequest) -> tuple[ListChange, Preview]:
    change = lists.plan_change(services, request)
    with progress_line(lambda step, done, total: f"{step} {done:,} of {total:,} decisions") as watch:
        return change, preview_change(services, change, watch)


def _print_change(change: ListChange, parsed: ParsedLines) -> None:
    after = change.after
    kinds = Counter(entry.kind for entry in change.added)
    added = ", ".join(f"{kinds[kind]:,} {kind}" for kind in EntryKind if kinds[kind])
    click.echo(f"List      {after.name}: {after.site_url or 'all sites'}, weight {after.weight:+g}")
    click.echo(
        f"Entries   {len(change.added):,} new{f' ({added})' if added else ''}; {change.known:,} known before, "
        f"{len(change.renewed):,} of them with another expiry; {parsed.repeated:,} repeated; "
        f"{len(after.entries):,} in all"
    )
    _print_left_out(parsed)


def _print_left_out(parsed: ParsedLines) -> None:
    for reason, count in parsed.left_out_counts.most_common():
        numbers = ", ".join(map(str, parsed.left_out[reason]))
        more = ", …" if count > len(parsed.left_out[reason]) else ""
        echo_status(f"Left out  {count:,}: {reason} (line {numbers}{more})")


def _print_preview(preview: Preview) -> None:
    if not preview.read:
        click.echo(f"Preview   no decisions of the last {PREVIEW_DAYS} days to compare with")
        return
    limit = f", the newest of {preview.total:,}" if preview.read < preview.total else ""
    click.echo(f"Preview   of {preview.read:,} decisions of the last {PREVIEW_DAYS} days{limit}:")
    click.echo(f"  the new entries match {preview.matched:,} comments{_describe_labels(preview.matched_labels)}")
    changed = preview.changes.total()
    click.echo(f"  {changed:,} verdicts would change{_describe_labels(preview.changed_labels)}")
    for (before, after), count in preview.changes.most_common():
        click.echo(f"    {before} -> {after}: {count:,}")


def _describe_labels(labels: Counter[LabelValue | None]) -> str:
    counts = [f"{labels[value]:,} of them labelled {value}" for value in LabelValue if labels[value]]
    return f"; {', '.join(counts)}" if counts else ""


def _change_as_json(change: ListChange, parsed: ParsedLines, preview: Preview, *, saved: bool) -> dict[str, Any]:
    after = change.after
    return {
        "list": after.name,
        "site": after.site_url,
        "weight": after.weight,
        "new": len(change.added),
        "known": change.known,
        "renewed": len(change.renewed),
        "repeated": parsed.repeated,
        "left_out": parsed.left_out_counts,
        "preview": {
            "decisions": preview.read,
            "matched": preview.matched,
            "matched_labels": _labels_as_json(preview.matched_labels),
            "changed": preview.changes.total(),
            "changed_labels": _labels_as_json(preview.changed_labels),
            "changes": [
                {"before": before, "after": after, "count": count} for (before, after), count in preview.changes.items()
            ],
        },
        "objection": preview.objection(after.allows),
        "saved": saved,
    }


def _labels_as_json(labels: Counter[LabelValue | None]) -> dict[str, int]:
    return {value: labels[value] for value in LabelValue}


def _as_json(shown: OperatorList, now: datetime, *, entries: bool) -> dict[str, Any]:
    body: dict[str, Any] = {
        "list": shown.name,
        "site": shown.site_url,
        "active": shown.is_active,
        "weight": shown.weight,
        "created_at": shown.created_at.isoformat(),
        "count": len(shown.entries),
        "expired": _count_expired(shown.entries, now),
    }
    if entries:
        body["entries"] = [
            {
                "kind": entry.kind,
                "entry": entry.key,
                "expires_at": entry.expires_at and entry.expires_at.isoformat(),
                "expired": entry.is_expired(now),
            }
            for entry in shown.entries
        ]
    return body


def _row(shown: OperatorList, now: datetime) -> tuple[str, ...]:
    site = (shown.site_url or "all sites") + ("" if shown.is_active else " (removed)")
    expired = _count_expired(shown.entries, now)
    return (
        shown.name,
        site,
        f"{shown.weight:+g}",
        f"{len(shown.entries):,}",
        f"{expired:,}",
        f"{shown.created_at:%Y-%m-%d}",
    )


def _count_expired(entries: Iterable[ListEntry], now: datetime) -> int:
    return sum(entry.is_expired(now) for entry in entries)


def _describe_expiry(entry: ListEntry, now: datetime) -> str:
    if entry.expires_at is None:
        return ""
    return f"{entry.expires_at:%Y-%m-%d %H:%M} UTC" + (", expired" if entry.is_expired(now) else "")
