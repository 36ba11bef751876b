"""What became of a site's comments, in figures: by the calendar, in UTC."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from moderation.actions.desk import Desk
from moderation.domain.site import Site
from moderation.storage import counts
from moderation.storage.engine import reading

SECONDS_TO_JUDGE = 10
"""What it costs a person to read one comment and decide: our assumption, not a measurement."""


class By(StrEnum):
    """The length of a period."""

    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Figures:
    """Comments of some time; one that was judged again counts once, by its newest verdict.

    `spam` were judged spam, or held and then called spam by a person. `ham` are all others: published, or held and
    not called spam so far. `missed_spam` is the part of `ham` that we published and a person called spam,
    `false_positives` the part of `spam` that a person called ham. `held` waited for a person, whatever came of it.
    """

    spam: int = 0
    ham: int = 0
    missed_spam: int = 0
    false_positives: int = 0
    held: int = 0

    @property
    def accuracy(self) -> float:
        """The share, in percent to two decimals, that nobody contradicted; rounded down, 100 of no comments at all.

        A held comment is never wrong: we left it to a person.
        """
        total = self.spam + self.ham
        right = total - self.missed_spam - self.false_positives
        return right * 10_000 // total / 100 if total else 100.0

    @property
    def seconds_saved(self) -> int:
        """`SECONDS_TO_JUDGE` for each comment that no person had to look at."""
        seen = self.held + self.missed_spam + self.false_positives
        return (self.spam + self.ham - seen) * SECONDS_TO_JUDGE


@dataclass(frozen=True, slots=True)
class Statistics:
    """The figures of some time, and of each of its periods by the first day of that.

    There is a period for all time from the first comment on, also where nothing came.
    """

    total: Figures
    breakdown: Mapping[date, Figures]


@dataclass(frozen=True, slots=True)
class Activity:
    """A month of a site. `calls` had a comment judged, each time anew, or said what one really was."""

    figures: Figures
    calls: int


def statistics(desk: Desk, site: Site, since: datetime | None, by: By) -> Statistics:
    """The site's figures from the period that `since` lies in, or (`None`) from the first comment on, until now."""
    with reading(desk.engine) as connection:
        first = counts.first_at(connection, site.id)
        if first is None:
            return Statistics(Figures(), {})
        starts = _starts(max(first, since or first), desk.clock(), by)
        tallies = counts.tallies(connection, site.id, starts)
    figures = [_figures(tally) for tally in tallies]
    return Statistics(_sum(figures), {start.date(): one for start, one in zip(starts, figures, strict=True)})


def activity(desk: Desk, site: Site, month: datetime) -> Activity:
    """The site's figures for the month that a time lies in."""
    start = month_start(month)
    end = month_start(start, 1)
    with reading(desk.engine) as connection:
        (tally,) = counts.tallies(connection, site.id, [start], end)
        return Activity(_figures(tally), counts.calls(connection, site.id, start, end))


def month_start(time: datetime, months: int = 0) -> datetime:
    """The start of the month that lies `months` after (below zero: before) that of `time`."""
    utc = time.astimezone(UTC)
    year, month = divmod(utc.year * 12 + utc.month - 1 + months, 12)
    return datetime(year, month + 1, 1, tzinfo=UTC)


def _starts(since: datetime, now: datetime, by: By) -> list[datetime]:
    """The starts of the periods from that of `since` to that of `now`; that of `since` at least."""
    starts = [month_start(since) if by is By.MONTH else _day_start(since)]
    while (following := _next(starts[-1], by)) <= now:
        starts.append(following)
    return starts


def _next(start: datetime, by: By) -> datetime:
    return month_start(start, 1) if by is By.MONTH else start + timedelta(days=1)


def _day_start(time: datetime) -> datetime:
    return time.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _figures(tally: counts.Tally) -> Figures:
    return Figures(
        spam=tally.stopped + tally.held_spam,
        ham=tally.published + tally.held - tally.held_spam,
        missed_spam=tally.missed,
        false_positives=tally.wronged,
        held=tally.held,
    )


def _sum(figures: list[Figures]) -> Figures:
    return Figures(
        spam=sum(one.spam for one in figures),
        ham=sum(one.ham for one in figures),
        missed_spam=sum(one.missed_spam for one in figures),
        false_positives=sum(one.false_positives for one in figures),
        held=sum(one.held for one in figures),
    )
