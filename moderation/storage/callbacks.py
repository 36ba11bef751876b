"""Blogs that hold a comment and want to be told the outcome.

`result` is what a person said, `next_at` when the blog is to be told (again), `told_at` when it confirmed.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select, update

from moderation.domain.judgement import LabelValue
from moderation.storage.tables import callbacks, decisions, sites

_ADD = insert(callbacks)
_ONE = callbacks.c.decision_id == bindparam("wanted_id")
_OF_COMMENT = callbacks.c.decision_id.in_(
    select(decisions.c.id).where(decisions.c.comment_id == bindparam("wanted_comment"))
)
_DROP = delete(callbacks).where(_OF_COMMENT)
_DECIDE = (
    update(callbacks)
    .where(_OF_COMMENT)
    .values(result=bindparam("outcome"), next_at=bindparam("when"), attempts=0, told_at=None, problem=None)
)
_UNDECIDED = callbacks.c.result.is_(None)
_DECIDE_UNDECIDED = _DECIDE.where(_UNDECIDED)
_CARRY = (
    update(callbacks)
    .where(_OF_COMMENT, _UNDECIDED)
    .values(decision_id=bindparam("new_decision"))
    .returning(callbacks.c.guid)
)
_REARM = (
    update(callbacks)
    .where(
        callbacks.c.site_id == bindparam("wanted_site"),
        callbacks.c.next_at.is_(None),
        callbacks.c.problem.is_not(None),
        callbacks.c.result.is_not(None),
    )
    .values(next_at=bindparam("at"), attempts=0)
)
_queued = (
    select(
        callbacks.c.decision_id,
        func.row_number().over(partition_by=callbacks.c.site_id, order_by=callbacks.c.next_at).label("place"),
    )
    .where(callbacks.c.next_at <= bindparam("now"))
    .subquery()
)
_DUE = (
    select(
        callbacks.c.decision_id,
        callbacks.c.guid,
        sites.c.url.label("site_url"),
        sites.c.private_callback,
        callbacks.c.url,
        callbacks.c.sealed_key,
        callbacks.c.result,
        callbacks.c.attempts,
        callbacks.c.next_at,
    )
    .join(sites, sites.c.id == callbacks.c.site_id)
    .join(_queued, _queued.c.decision_id == callbacks.c.decision_id)
    .where(_queued.c.place <= bindparam("most_of_one"), sites.c.removed_at.is_(None))
    .order_by(callbacks.c.next_at)
    .limit(bindparam("most"))
)
_COUNT = (
    select(func.count())
    .select_from(callbacks.join(sites, sites.c.id == callbacks.c.site_id))
    .where(callbacks.c.next_at.is_not(None), sites.c.removed_at.is_(None))
)
_AS_IT_WAS = (
    _ONE,
    callbacks.c.next_at == bindparam("was_next_at"),
    callbacks.c.attempts == bindparam("was_attempts"),
    callbacks.c.result == bindparam("was_result"),
)
_CLAIM = update(callbacks).where(*_AS_IT_WAS).values(next_at=bindparam("until"), attempts=callbacks.c.attempts + 1)
_TOLD = update(callbacks).where(*_AS_IT_WAS).values(next_at=None, told_at=bindparam("at"), problem=None)
_FAILED = update(callbacks).where(*_AS_IT_WAS).values(next_at=bindparam("again_at"), problem=bindparam("sentence"))
_OVERTAKEN = (
    update(callbacks)
    # Another word than the one that was sent; with the same one, whoever sends it now settles it.
    .where(_ONE, callbacks.c.result != bindparam("was_result"))
    .values(next_at=bindparam("at"), told_at=None)
)
_FORGET = delete(callbacks).where(
    or_(
        callbacks.c.next_at.is_(None) & (callbacks.c.publishes_at < bindparam("before")),
        callbacks.c.site_id.in_(select(sites.c.id).where(sites.c.removed_at.is_not(None))),
    )
)

_UNTOLD = (
    select(sites.c.url, func.count(), func.max(callbacks.c.problem))
    .join(sites, sites.c.id == callbacks.c.site_id)
    .where(callbacks.c.problem.is_not(None), sites.c.removed_at.is_(None))
    .group_by(sites.c.url)
    .order_by(sites.c.url)
)


class Untold(NamedTuple):
    """A blog that did not confirm what it was told, how often, and one of the troubles."""

    site_url: str
    number: int
    problem: str


class Due(NamedTuple):
    """A blog that is to be told now."""

    decision_id: str
    guid: str
    site_url: str
    private_callback: bool
    url: str
    sealed_key: str
    result: LabelValue
    attempts: int
    next_at: datetime


def add(
    connection: Connection, decision_id: str, site_id: int, url: str, sealed_key: str, publishes_at: datetime
) -> None:
    """Keeps where the blog that holds the comment of a decision wants to be told."""
    connection.execute(
        _ADD,
        {
            "decision_id": decision_id,
            "site_id": site_id,
            "guid": decision_id,
            "url": url,
            "sealed_key": sealed_key,
            "publishes_at": publishes_at,
        },
    )


def decide_of_comment(
    connection: Connection,
    comment_id: int,
    result: LabelValue | None,
    at: datetime,
    *,
    undecided_only: bool = False,
) -> None:
    """A person spoke: the blog is told from `at` on; with `None` it is told nothing (any more)."""
    outcome = None if result is None else result.value
    when = None if result is None else at
    statement = _DECIDE_UNDECIDED if undecided_only else _DECIDE
    connection.execute(statement, {"wanted_comment": comment_id, "outcome": outcome, "when": when})


def carry(connection: Connection, comment_id: int, decision_id: str) -> str | None:
    """Lets a newer decision on a comment that its blog holds stand for it; the guid that the blog knows it by.

    `None` where no blog waits for a word on the comment.
    """
    return connection.execute(_CARRY, {"wanted_comment": comment_id, "new_decision": decision_id}).scalar()


def rearm(connection: Connection, site_id: int, at: datetime) -> int:
    """Lets the site's blog be told, from `at` on, what it was given up on; how many."""
    return connection.execute(_REARM, {"wanted_site": site_id, "at": at}).rowcount


def drop_of_comment(connection: Connection, comment_id: int) -> None:
    """Forgets where the blog wants to be told of a comment that it has asked about again."""
    connection.execute(_DROP, {"wanted_comment": comment_id})


def due(connection: Connection, now: datetime, most: int, most_of_one: int = 10) -> Sequence[Due]:
    """The blogs of living sites to be told now, the longest waiting first: at most `most`, and so many of one site."""
    rows = connection.execute(_DUE, {"now": now, "most": most, "most_of_one": most_of_one}).all()
    return [Due(*row)._replace(result=LabelValue(row.result)) for row in rows]


def claim(connection: Connection, found: Due, until: datetime) -> Due | None:
    """Takes a due one for this process until `until`, when it is due again; `None` when somebody was faster."""
    if connection.execute(_CLAIM, {**_was(found), "until": until}).rowcount != 1:
        return None
    return found._replace(next_at=until, attempts=found.attempts + 1)


def told(connection: Connection, claimed: Due, at: datetime) -> bool:
    """The blog confirmed. False where a person changed their mind meanwhile: then the blog is told again, from `at` on.

    It is told again even where another process has told it already: which of the two it heard last, nobody knows.
    """
    settled = connection.execute(_TOLD, {**_was(claimed), "at": at}).rowcount == 1
    return settled or _overtaken(connection, claimed, at)


def failed(connection: Connection, claimed: Due, problem: str, again_at: datetime | None, at: datetime) -> bool:
    """The blog did not confirm; it is told again at `again_at`, or (`None`) given up. As for `told` otherwise."""
    values = {**_was(claimed), "sentence": problem, "again_at": again_at}
    return connection.execute(_FAILED, values).rowcount == 1 or _overtaken(connection, claimed, at)


def count(connection: Connection) -> int:
    """How many blogs of living sites are still to be told, now or later."""
    return connection.execute(_COUNT).scalar_one()


def untold(connection: Connection) -> list[Untold]:
    """The living sites whose blogs did not confirm, by address; those given up are among them until forgotten."""
    return [Untold(*row) for row in connection.execute(_UNTOLD)]


def forget(connection: Connection, before: datetime) -> int:
    """Deletes, with their keys, the settled ones whose comments the blogs published before `before`; how many.

    Those of removed sites go at once.
    """
    return connection.execute(_FORGET, {"before": before}).rowcount


def _overtaken(connection: Connection, claimed: Due, at: datetime) -> bool:
    wanted = {"wanted_id": claimed.decision_id, "was_result": claimed.result.value, "at": at}
    connection.execute(_OVERTAKEN, wanted)
    return False


def _was(found: Due) -> dict[str, object]:
    return {
        "wanted_id": found.decision_id,
        "was_next_at": found.next_at,
        "was_attempts": found.attempts,
        "was_result": found.result.value,
    }
