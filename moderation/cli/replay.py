"""`moderation replay`: the effect that a model, thresholds or a list would have had on past comments."""

import re
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from moderation.actions.lists import parse_lines
from moderation.actions.replay import (
    Change,
    ChangedVerdict,
    DecidePages,
    Outcomes,
    SiteReplay,
    count_decisions,
    decide_elsewhere,
    rates,
    run_replay,
)
from moderation.actions.services import Services
from moderation.actions.sites import find_site, list_sites
from moderation.cli._cluster import cluster_option, opened_executor
from moderation.cli._options import as_json, input_file, opened_services, output_file, raw
from moderation.cli._output import echo_status, print_json, print_table, progress_line
from moderation.cli._tables import choose_format, format_option, open_table
from moderation.domain.decision import LabelValue
from moderation.domain.errors import InvalidInput
from moderation.domain.lists import DEFAULT_WEIGHT, MAX_WEIGHT, OperatorList
from moderation.domain.thresholds import Thresholds, Verdict
from moderation.settings import Settings
from moderation.training.executors import ONE_PROCESSOR
from moderation.training.table_files import TableFile, errors_named
from moderation.wiring import load_stored_model

COLUMNS = (
    *("decision", "comment", "site", "decided_at", "label", "before", "after"),
    *("probability_before", "probability_after", "author", "text", "url"),
)
_NUMBERS = ("probability_before", "probability_after")
_DAYS = re.compile(r"([1-9]\d{0,4})d")
_MAX_EXCERPT_LENGTH = 60


def _parse_since(_ctx: click.Context, _param: click.Parameter, value: str) -> datetime:
    days = _DAYS.fullmatch(value)
    try:
        return (
            datetime.now(UTC) - timedelta(int(days[1])) if days else datetime.fromisoformat(value).replace(tzinfo=UTC)
        )
    except (ValueError, OverflowError):
        raise click.BadParameter(f"{value!r} is neither a date, such as 2026-11-01, nor days, such as 30d.") from None


def _parse_thresholds(_ctx: click.Context, _param: click.Parameter, value: str | None) -> Thresholds | None:
    if value is None:
        return None
    try:
        review, spam, discard = map(float, value.split(","))
    except ValueError:
        raise click.BadParameter(f"{value!r} is not REVIEW,SPAM,DISCARD, such as 0.5,0.9,1.") from None
    return Thresholds(review, spam, discard)


@click.command()
@click.option("--model", "model_id", metavar="ID", help="Decide by this model, live or not.")
@click.option(
    "--thresholds", metavar="REVIEW,SPAM,DISCARD", callback=_parse_thresholds, help="Decide by these thresholds."
)
@click.option("--list", "file", metavar="FILE", type=input_file, help="Decide with a list of the lines of FILE.")
@click.option(
    "--weight",
    type=click.FloatRange(0, MAX_WEIGHT, min_open=True),
    default=DEFAULT_WEIGHT,
    show_default=True,
    help="Weight of the list in logits.",
)
@click.option("--allow", is_flag=True, help="The list allows: matches are evidence of ham.")
@click.option(
    "--since", metavar="DATE|DAYSd", callback=_parse_since, default="30d", show_default=True, help="The first day."
)
@click.option("--site", "url", metavar="URL", help="Only the comments of this site.")
@click.option("--output", "out", metavar="FILE", type=output_file, help="Write all changed verdicts to FILE.")
@format_option
@click.option("--limit", type=click.IntRange(0), default=20, show_default=True, help="Show so many changed verdicts.")
@raw
@cluster_option
@as_json
def replay(
    model_id: str | None,
    thresholds: Thresholds | None,
    file: Path | None,
    weight: float,
    allow: bool,
    since: datetime,
    url: str | None,
    out: Path | None,
    form: str | None,
    limit: int,
    raw: bool,
    cluster: str | None,
    as_json: bool,
) -> None:
    """Decide past comments again, and show which verdicts would change. Nothing is stored.

    Name a model, thresholds, a list, or several of them. Labels in force tell right from wrong.
    """
    if model_id is None and thresholds is None and file is None:
        raise click.UsageError("There is nothing to try: name --model, --thresholds or --list.")
    settings = Settings.from_environment()
    model = load_stored_model(settings, model_id) if model_id else None
    change = Change(
        model.model if model else None,
        thresholds,
        _read_list(file, -weight if allow else weight) if file else None,
    )
    shown: list[ChangedVerdict] = []
    table = open_table(out, choose_format(form, out), COLUMNS, _NUMBERS, raw=raw) if out else nullcontext()
    opened = opened_executor(cluster, ONE_PROCESSOR)
    with opened_services(settings) as services, opened as executor, table as write:

        def report(changed: ChangedVerdict) -> None:
            if len(shown) < limit:
                shown.append(changed)
            if write:
                write([str(cell) for cell in _row(changed).values()])

        replays = _run(services, change, url, since, report, decide_elsewhere(executor.stream, model))
    if as_json:
        print_json(_as_json(replays, shown))
    else:
        _print(replays, shown)


def _run(
    services: Services,
    change: Change,
    url: str | None,
    since: datetime,
    report: Callable[[ChangedVerdict], None],
    decide_pages: DecidePages,
) -> list[SiteReplay]:
    site = find_site(services, url) if url else None
    total, done = count_decisions(services, site, since), 0
    with progress_line(lambda step, done, total: f"{step} {done:,} of {total:,} decisions") as watch:

        def advance(read: int) -> None:
            nonlocal done
            done += read
            watch("Replay:", done, total)

        return run_replay(
            services, change, [site] if site else list_sites(services), since, report, advance, decide_pages
        )


def _read_list(file: Path, weight: float) -> OperatorList:
    with TableFile.open(file, ()) as table, errors_named(table.name):
        parsed = parse_lines(table.lines())
    if not parsed.entries:
        raise InvalidInput(f"{table.name} has no line that can be in a list.")
    for reason, count in parsed.left_out_counts.items():
        echo_status(f"{table.name}: {count} lines left out: {reason}.")
    return OperatorList(table.source, None, weight, datetime.now(UTC), parsed.entries)


def _print(replays: Sequence[SiteReplay], shown: Sequence[ChangedVerdict]) -> None:
    total = SiteReplay("all sites")
    for each in replays:
        total.add(each)
    _print_confusion(total)
    click.echo()
    moved = [(f"{before} -> {after}", f"{count:,}") for (before, after), count in total.changes.most_common()]
    print_table(("CHANGE", "COMMENTS"), moved or [("none", "")])
    click.echo()
    header = ("SITE", "DECISIONS", "CHANGED", *(name.upper() for name in rates(total.before)))
    print_table(header, [_site_row(each) for each in (*replays, *([total] if len(replays) > 1 else []))])
    if shown:
        click.echo()
        rows = [
            (
                each.decision.id,
                each.site_url,
                f"{each.decision.decided_at:%Y-%m-%d}",
                each.label or "",
                f"{each.decision.verdict} -> {each.verdict}",
                _excerpt(each.decision.comment.text),
            )
            for each in shown
        ]
        print_table(("DECISION", "SITE", "DECIDED", "LABEL", "CHANGE", "TEXT"), rows)
    hidden = total.changes.total() - len(shown)
    if hidden:
        echo_status(f"{hidden:,} more comments would get another verdict; --output FILE lists all.")
    if total.superseded or total.degraded:
        echo_status(
            f"Left out: {total.superseded:,} decisions that a later one replaced, "
            f"{total.degraded:,} made without a model."
        )


def _print_confusion(total: SiteReplay) -> None:
    """Print the numbers of comments by label and verdict, as they were and as they would be."""
    rows = []
    for value in (*LabelValue, None):
        for title, outcomes in (("before", total.before), ("after", total.after)):
            rows.append((value or "no label", title, *(f"{outcomes[value, verdict]:,}" for verdict in Verdict)))
    print_table(("LABEL", "", *(verdict.upper() for verdict in Verdict)), rows)


def _site_row(each: SiteReplay) -> tuple[str, ...]:
    before, after = rates(each.before), rates(each.after)
    moves = [f"{_percent(*before[name])} -> {_percent(*after[name])}" for name in before]
    return each.site_url, f"{each.before.total():,}", f"{each.changes.total():,}", *moves


def _percent(count: int, total: int) -> str:
    return f"{count / total:.2%}" if total else "-"


def _as_json(replays: Sequence[SiteReplay], shown: Sequence[ChangedVerdict]) -> dict[str, Any]:
    sites = [
        {
            "site": each.site_url,
            "superseded": each.superseded,
            "degraded": each.degraded,
            "before": _outcomes_json(each.before),
            "after": _outcomes_json(each.after),
            "changes": [
                {"before": before, "after": after, "count": count}
                for (before, after), count in each.changes.most_common()
            ],
        }
        for each in replays
    ]
    return {"sites": sites, "changed": [_row(each) for each in shown]}


def _outcomes_json(outcomes: Outcomes) -> dict[str, dict[str, int]]:
    return {
        value or "unlabelled": {verdict.value: outcomes[value, verdict] for verdict in Verdict}
        for value in (*LabelValue, None)
    }


def _row(each: ChangedVerdict) -> dict[str, Any]:
    decision = each.decision
    values = (
        *(decision.id, each.comment_id, each.site_url, decision.decided_at.isoformat(), each.label or ""),
        *(decision.verdict.value, each.verdict.value, decision.score.probability, each.probability),
        *(decision.comment.author or "", _excerpt(decision.comment.text), f"/v1/decisions/{decision.id}"),
    )
    return dict(zip(COLUMNS, values, strict=True))


def _excerpt(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MAX_EXCERPT_LENGTH else f"{line[: _MAX_EXCERPT_LENGTH - 1]}…"
