"""How many comments of a site got which verdict, when, and what people said of them.

A comment counts once, in the period of its newest decision and with the verdict of that. Of its labels the last one
counts, and none where that is a withdrawal.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, bindparam, exists, func, or_, select

from moderation.domain.judgement import LabelValue
from moderation.domain.policy import Verdict
from moderation.storage.tables import decisions, labels

_BLOG_DOORS = ("akismet", "api")

_later_label = labels.alias("later_label")

_OF_SITE = decisions.c.site_id == bindparam("wanted_site")
_NEWEST = decisions.c.superseded.is_(False)
_FIRST = select(func.min(decisions.c.made_at)).where(_OF_SITE)
_MADE = select(
    func.count().filter(decisions.c.verdict == Verdict.PUBLISH.value),
    func.count().filter(decisions.c.verdict == Verdict.REVIEW.value),
    func.count(),
).where(_OF_SITE, _NEWEST)
_CALLS = select(func.count()).where(_OF_SITE)
_SUBMITTED = select(func.count()).where(labels.c.site_id == bindparam("wanted_site"), labels.c.source.in_(_BLOG_DOORS))
_CALLED_SPAM = and_(
    labels.c.value == LabelValue.SPAM.value, decisions.c.verdict.in_([Verdict.PUBLISH.value, Verdict.REVIEW.value])
)
_CALLED_HAM = and_(
    labels.c.value == LabelValue.HAM.value, decisions.c.verdict.in_([Verdict.SPAM.value, Verdict.DISCARD.value])
)
_CONTRADICTED = (
    select(decisions.c.made_at, decisions.c.verdict, labels.c.value)
    .join(labels, labels.c.comment_id == decisions.c.comment_id)
    .where(
        labels.c.site_id == bindparam("wanted_site"),
        or_(_CALLED_SPAM, _CALLED_HAM),
        ~exists().where(_later_label.c.comment_id == labels.c.comment_id, _later_label.c.id > labels.c.id),
        _NEWEST,
    )
)


class Tally(NamedTuple):
    """Comments of one period.

    `published`, `held` and `stopped` (verdict `spam` or `discard`) are all of them. The others are a part of these:
    `missed` were published and a person said spam, `wronged` were stopped and a person said ham, `held_spam` were
    held and a person said spam.
    """

    published: int = 0
    held: int = 0
    stopped: int = 0
    missed: int = 0
    wronged: int = 0
    held_spam: int = 0


_BY_LABEL = {
    (Verdict.PUBLISH, LabelValue.SPAM): Tally(missed=1),
    (Verdict.REVIEW, LabelValue.SPAM): Tally(held_spam=1),
    (Verdict.SPAM, LabelValue.HAM): Tally(wronged=1),
    (Verdict.DISCARD, LabelValue.HAM): Tally(wronged=1),
}


def first_at(connection: Connection, site_id: int) -> datetime | None:
    """When the site's first decision was made; `None` before that."""
    found: datetime | None = connection.execute(_FIRST, {"wanted_site": site_id}).scalar()
    return found


def tallies(
    connection: Connection, site_id: int, starts: Sequence[datetime], end: datetime | None = None
) -> list[Tally]:
    """The tally of each period. A period lasts from its start to the next one, the last one to `end` (`None`: open).

    `starts` ascend, and there is at least one.
    """
    counted = _made(connection, site_id, starts, end)
    within = _within(starts[0], end)
    contradicted = connection.execute(_CONTRADICTED.where(*within), {"wanted_site": site_id})
    for (period, verdict, value), number in _by_period(contradicted, starts).items():
        counted[period] = _plus(counted[period], _BY_LABEL[Verdict(verdict), LabelValue(value)], number)
    return counted


def calls(connection: Connection, site_id: int, start: datetime, end: datetime) -> int:
    """How often the site's blog had a comment judged or said what one really was, from `start` until before `end`."""
    wanted = {"wanted_site": site_id}
    judged = connection.execute(_CALLS.where(*_within(start, end)), wanted).scalar_one()
    given = (labels.c.given_at >= start, labels.c.given_at < end)
    return judged + connection.execute(_SUBMITTED.where(*given), wanted).scalar_one()


def _made(connection: Connection, site_id: int, starts: Sequence[datetime], end: datetime | None) -> list[Tally]:
    """The tallies with every decision in them. One range of the index a period: no row is sorted or looked at twice."""
    found = []
    for start, until in zip(starts, [*starts[1:], end], strict=True):
        row = connection.execute(_MADE.where(*_within(start, until)), {"wanted_site": site_id}).one()
        published, held, everything = row
        found.append(Tally(published, held, everything - published - held))
    return found


def _within(start: datetime, end: datetime | None) -> list[ColumnElement[bool]]:
    since = decisions.c.made_at >= start
    return [since] if end is None else [since, decisions.c.made_at < end]


def _by_period(rows: Iterable[Any], starts: Sequence[datetime]) -> Counter[tuple[Any, ...]]:
    """How many rows are alike once their first column, a time, is the number of its period."""
    return Counter((bisect_right(starts, at) - 1, *others) for at, *others in rows)


def _plus(tally: Tally, one: Tally, times: int) -> Tally:
    return Tally(*(count + times * unit for count, unit in zip(tally, one, strict=True)))
