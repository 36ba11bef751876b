"""Read and export the log of who did what, and count how far a person and the others agree."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum

from moderation.actions.services import Services
from moderation.domain.act_log import Agreement, LogEvent, LogFilter, LogPage
from moderation.domain.csv_cells import neutralize
from moderation.domain.decision import Moderator
from moderation.storage import act_log, agreement
from moderation.storage.engine import read_transaction

AGREEMENT_DAYS = 90
COLUMNS = ("at", "person", "event", "channel", "site", "comments", "decision", "detail", "undone_at", "undone_by")
"""The columns of an export, in order."""

_EXPORT_PAGE_SIZE = 500


class LogFormat(StrEnum):
    """A format of an export: CSV with a header, or one JSON object a line."""

    CSV = "csv"
    JSON_LINES = "jsonl"


def day_after(midnight: datetime | None) -> datetime | None:
    """Return the midnight after a day, the bound of a log until that day; `None` after the last day of the calendar."""
    try:
        return midnight and midnight + timedelta(days=1)
    except OverflowError:
        return None


def read_log(services: Services, wanted: LogFilter, *, after: str = "", limit: int = 50) -> LogPage:
    """Return a page of the events on sites of the scope, the newest first; `after` is that of the page before."""
    with read_transaction(services.engine) as connection:
        return act_log.read(connection, services.scope, wanted, after, limit)


def read_all(services: Services, wanted: LogFilter) -> Iterator[LogEvent]:
    """Yield all events on sites of the scope, the newest first, a page at a time."""
    after = ""
    while True:
        page = read_log(services, wanted, after=after, limit=_EXPORT_PAGE_SIZE)
        yield from page.events
        after = page.after
        if not after:
            return


def export_lines(events: Iterable[LogEvent], form: LogFormat, *, raw: bool = False) -> Iterator[str]:
    """Yield the lines of an export. A CSV cell that a spreadsheet would run is neutralized unless `raw`."""
    if form is LogFormat.CSV:
        yield _csv_line(COLUMNS)
    for event in events:
        row = dict(zip(COLUMNS, _plain(event), strict=True))
        if form is LogFormat.JSON_LINES:
            yield json.dumps(row) + "\n"
        else:
            cells = ["" if value is None else str(value) for value in row.values()]
            yield _csv_line(cells if raw else map(neutralize, cells))


def read_agreement(services: Services, moderator: Moderator) -> Agreement:
    """Return how others decided the comments that a moderator decided in the last `AGREEMENT_DAYS` days."""
    since = services.clock() - timedelta(days=AGREEMENT_DAYS)
    with read_transaction(services.engine) as connection:
        return agreement.agreement(connection, services.scope, moderator.name, since)


def _plain(event: LogEvent) -> tuple[str | int | None, ...]:
    undone_at = event.undone_at.isoformat() if event.undone_at else None
    about = (event.site_url, event.number, event.decision_id, event.detail)
    return (event.at.isoformat(), event.person, event.event, event.channel, *about, undone_at, event.undone_by)


def _csv_line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()
