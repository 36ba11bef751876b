"""Count a site's comments by verdict and time, and how people labelled them.

A comment counts once, in the period of its newest decision and with that verdict. Only its label in force counts.
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, func, or_, select

from moderation.domain.decision import LabelValue
from moderation.domain.thresholds import Verdict
from moderation.storage.labels import IN_FORCE
from moderation.storage.tables import decisions, labels

_BLOG_CHANNELS = ("akismet", "api")
_CURRENT = decisions.c.superseded.is_(False)


class VerdictCounts(NamedTuple):
    """The comments of one period.

    `published`, `held` and `blocked` (verdict `spam` or `discard`) add up to all of them. The other fields count parts:
    `missed_spam` were published and labelled spam, `false_positives` were blocked and labelled ham, `held_spam` were
    held and labelled spam.
    """

    published: int = 0
    held: int = 0
    blocked: int = 0
    missed_spam: int = 0
    false_positives: int = 0
    held_spam: int = 0


_FIELDS = {
    (Verdict.PUBLISH, LabelValue.SPAM): "missed_spam",
    (Verdict.REVIEW, LabelValue.SPAM): "held_spam",
    (Verdict.SPAM, LabelValue.HAM): "false_positives",
    (Verdict.DISCARD, LabelValue.HAM): "false_positives",
}
_COUNTED_SEPARATELY = or_(
    *((decisions.c.verdict == verdict.value) & (labels.c.value == value.value) for verdict, value in _FIELDS)
)


def first_decided_at(connection: Connection, site_id: int) -> datetime | None:
    """Return the time of the site's first decision; `None` if it has none."""
    statement = select(func.min(decisions.c.decided_at)).where(decisions.c.site_id == site_id)
    first: datetime | None = connection.execute(statement).scalar()
    return first


def count_verdicts(
    connection: Connection, site_id: int, starts: Sequence[datetime], end: datetime | None = None
) -> list[VerdictCounts]:
    """Return the counts of each period. A period ends where the next one starts, the last one at `end` if it is given.

    `starts` holds at least one time and ascends.
    """
    counts = [
        _count_decisions(connection, site_id, start, until)
        for start, until in zip(starts, [*starts[1:], end], strict=True)
    ]
    statement = (
        select(decisions.c.decided_at, decisions.c.verdict, labels.c.value)
        .join(labels, labels.c.comment_id == decisions.c.comment_id)
        .where(labels.c.site_id == site_id, _COUNTED_SEPARATELY, IN_FORCE, _CURRENT)
        .where(*_decided_between(starts[0], end))
    )
    for decided_at, verdict, value in connection.execute(statement):
        field = _FIELDS[Verdict(verdict), LabelValue(value)]
        period = bisect_right(starts, decided_at) - 1
        counts[period] = counts[period]._replace(**{field: getattr(counts[period], field) + 1})
    return counts


def count_calls(connection: Connection, site_id: int, start: datetime, end: datetime) -> int:
    """Return how many comments the site's blog had checked or labelled, from `start` until before `end`."""
    checked = select(func.count()).where(decisions.c.site_id == site_id, *_decided_between(start, end))
    labelled = select(func.count()).where(
        labels.c.site_id == site_id,
        labels.c.channel.in_(_BLOG_CHANNELS),
        labels.c.created_at >= start,
        labels.c.created_at < end,
    )
    return connection.execute(checked).scalar_one() + connection.execute(labelled).scalar_one()


def _count_decisions(connection: Connection, site_id: int, start: datetime, end: datetime | None) -> VerdictCounts:
    # One query for each period reads a range of an index. Grouping by period would sort all rows.
    published, held, total = connection.execute(
        select(
            func.count().filter(decisions.c.verdict == Verdict.PUBLISH.value),
            func.count().filter(decisions.c.verdict == Verdict.REVIEW.value),
            func.count(),
        ).where(decisions.c.site_id == site_id, _CURRENT, *_decided_between(start, end))
    ).one()
    return VerdictCounts(published, held, total - published - held)


def _decided_between(start: datetime, end: datetime | None) -> list[ColumnElement[bool]]:
    since = decisions.c.decided_at >= start
    return [since] if end is None else [since, decisions.c.decided_at < end]
