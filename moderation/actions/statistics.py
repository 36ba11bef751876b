"""Statistics of a site's comments by calendar day or month, in UTC, and the track record of each person who labels."""

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from moderation.actions.services import Services
from moderation.domain.decision import TrackRecord
from moderation.domain.site import Site
from moderation.storage import labels, statistics
from moderation.storage.engine import read_transaction

SECONDS_PER_REVIEW = 10
"""The time that a person takes to review one comment: an assumption, not a measurement."""


class Period(StrEnum):
    """The length of the periods in a breakdown."""

    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Figures:
    """The numbers of comments in a time. A comment that was checked again counts once, by its newest verdict.

    `spam` counts comments that were blocked, or held and then labelled spam. `ham` counts all others. `missed_spam` is
    the part of `ham` that was published and labelled spam, `false_positives` the part of `spam` that was labelled ham.
    `held` counts comments that went to review, with any outcome.
    """

    spam: int = 0
    ham: int = 0
    missed_spam: int = 0
    false_positives: int = 0
    held: int = 0

    @property
    def accuracy(self) -> float:
        """Percentage of comments whose verdict no label contradicts, rounded down to two decimals. 100 without any.

        A held comment is never wrong, as a person decides it.
        """
        total = self.spam + self.ham
        correct = total - self.missed_spam - self.false_positives
        return correct * 10_000 // total / 100 if total else 100.0

    @property
    def seconds_saved(self) -> int:
        """`SECONDS_PER_REVIEW` for each comment that no person reviewed."""
        reviewed = self.held + self.missed_spam + self.false_positives
        return (self.spam + self.ham - reviewed) * SECONDS_PER_REVIEW


@dataclass(frozen=True, slots=True)
class Statistics:
    """The figures of a time in total, and of each of its periods by the first day of the period.

    The breakdown begins with the first comment and has no gaps.
    """

    total: Figures
    breakdown: Mapping[date, Figures]


@dataclass(frozen=True, slots=True)
class Activity:
    """The figures of one month. `calls` counts each time that the blog had a comment checked or labelled."""

    figures: Figures
    calls: int


def site_statistics(services: Services, site: Site, since: datetime | None, period: Period) -> Statistics:
    """Return the site's figures until now, from the period that contains `since`, or from the first comment on."""
    with read_transaction(services.engine, slow=True) as connection:
        first = statistics.first_decided_at(connection, site.id)
        if first is None:
            return Statistics(Figures(), {})
        starts = _starts(max(first, since or first), services.clock(), period)
        counts = statistics.count_verdicts(connection, site.id, starts)
    figures = [_figures(period_counts) for period_counts in counts]
    return Statistics(_sum(figures), dict(zip([start.date() for start in starts], figures, strict=True)))


def activity(services: Services, site: Site, month: datetime) -> Activity:
    """Return the site's figures for the month that contains a time."""
    start = month_start(month)
    end = month_start(start, 1)
    with read_transaction(services.engine, slow=True) as connection:
        (counts,) = statistics.count_verdicts(connection, site.id, [start], end)
        return Activity(_figures(counts), statistics.count_calls(connection, site.id, start, end))


def month_start(time: datetime, months: int = 0) -> datetime:
    """Return the start of the month of `time`, moved by `months`, in UTC."""
    utc = time.astimezone(UTC)
    year, month = divmod(utc.year * 12 + utc.month - 1 + months, 12)
    return datetime(year, month + 1, 1, tzinfo=UTC)


def day_start(time: datetime) -> datetime:
    """Return the start of the day of `time` in UTC."""
    return time.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def read_track_records(services: Services, site: Site | None) -> list[TrackRecord]:
    """Return how the labels of each person and channel have stood, of a site or of all."""
    with read_transaction(services.engine, slow=True) as connection:
        return labels.track_records(connection, site.id if site else None)


def _starts(since: datetime, now: datetime, period: Period) -> list[datetime]:
    """Return the starts of the periods from the one of `since` to the one of `now`, at least the first."""
    starts = [month_start(since) if period is Period.MONTH else day_start(since)]
    while (following := _next(starts[-1], period)) <= now:
        starts.append(following)
    return starts


def _next(start: datetime, period: Period) -> datetime:
    return month_start(start, 1) if period is Period.MONTH else start + timedelta(days=1)


def _figures(counts: statistics.VerdictCounts) -> Figures:
    return Figures(
        spam=counts.blocked + counts.held_spam,
        ham=counts.published + counts.held - counts.held_spam,
        missed_spam=counts.missed_spam,
        false_positives=counts.false_positives,
        held=counts.held,
    )


def _sum(figures: list[Figures]) -> Figures:
    return Figures(*map(sum, zip(*map(astuple, figures), strict=True)))
