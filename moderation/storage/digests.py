"""Store which moderators get a digest, and when the next one is due."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, delete, func, insert, select

from moderation.domain.digests import Digest, DigestPeriod, next_slot
from moderation.storage.claims import claim_unchanged, is_due, update_unchanged
from moderation.storage.operator_tables import digests, moderators

MAX_DELAY = timedelta(days=1, minutes=5)
"""Limit of the time between scheduling and sending."""
SETTLING = timedelta(seconds=5)
"""Age from which a digest has an event: one that is being stored has an earlier time, and would be in no digest."""

_COMPARED = ("moderator_id", "next_attempt_at", "attempts")
_JOINED = digests.join(moderators, moderators.c.id == digests.c.moderator_id)


class DueDigest(NamedTuple):
    """A digest that is due, about the time after `covered_until` up to `until`."""

    moderator_id: int
    name: str
    email: str
    period: DigestPeriod
    hour: int
    covered_until: datetime
    until: datetime
    attempts: int
    next_attempt_at: datetime


def put(connection: Connection, moderator_id: int, email: str, period: DigestPeriod, hour: int, at: datetime) -> None:
    """Store a moderator's digest in the place of an earlier one."""
    remove(connection, moderator_id)
    row = {
        "moderator_id": moderator_id,
        "email": email,
        "period": period.value,
        "hour": hour,
        "covered_until": at,
        "next_attempt_at": next_slot(period, hour, at),
    }
    connection.execute(insert(digests), row)


def remove(connection: Connection, moderator_id: int) -> bool:
    """Delete a moderator's digest. Returns false if there is none."""
    return connection.execute(delete(digests).where(digests.c.moderator_id == moderator_id)).rowcount == 1


def list_all(connection: Connection) -> list[Digest]:
    """Return the digests of all moderators, by name."""
    columns = (digests.c.email, digests.c.period, digests.c.hour, digests.c.next_attempt_at, digests.c.last_error)
    statement = select(moderators.c.name, *columns).select_from(_JOINED).order_by(moderators.c.name)
    return [
        Digest(name, email, DigestPeriod(period), hour, next_attempt_at, last_error or "")
        for name, email, period, hour, next_attempt_at, last_error in connection.execute(statement)
    ]


def count_failing(connection: Connection) -> int:
    """Return how many digests failed at their last attempt."""
    statement = select(func.count()).select_from(digests).where(digests.c.last_error.is_not(None))
    return int(connection.execute(statement).scalar_one())


def due(connection: Connection, now: datetime, limit: int) -> list[DueDigest]:
    """Return at most `limit` digests that are due, the longest due first."""
    condition = is_due(digests.c.next_attempt_at, now, MAX_DELAY)
    return _read(connection, _SELECT_DUE.where(condition).order_by(digests.c.next_attempt_at).limit(limit), now)


def find(connection: Connection, moderator_id: int, now: datetime) -> DueDigest | None:
    """Return a moderator's digest as if it were due."""
    return next(iter(_read(connection, _SELECT_DUE.where(digests.c.moderator_id == moderator_id), now)), None)


def claim(connection: Connection, digest: DueDigest, until: datetime) -> DueDigest | None:
    """Reserve a digest for this process until `until`. Returns `None` if another process was faster."""
    claimed = digest._replace(next_attempt_at=until, attempts=digest.attempts + 1)
    values = {"next_attempt_at": until, "attempts": claimed.attempts}
    return claimed if claim_unchanged(connection, digests, digest, _COMPARED, **values) else None


def mark_sent(connection: Connection, claimed: DueDigest, at: datetime) -> bool:
    """Schedule the next digest after `at`. Returns false if another process has claimed this one."""
    following = next_slot(claimed.period, claimed.hour, at)
    values = {"covered_until": claimed.until, "next_attempt_at": following, "attempts": 0, "last_error": None}
    return _update_unchanged(connection, claimed, **values)


def mark_failed(
    connection: Connection, claimed: DueDigest, last_error: str, again_at: datetime | None, at: datetime
) -> bool:
    """Record an error and retry at `again_at`, or at the time of the next digest if that is sooner."""
    following = next_slot(claimed.period, claimed.hour, at)
    again_at = min(again_at, following) if again_at else following
    return _update_unchanged(connection, claimed, next_attempt_at=again_at, last_error=last_error)


_SELECT_DUE = select(
    digests.c.moderator_id,
    moderators.c.name,
    digests.c.email,
    digests.c.period,
    digests.c.hour,
    digests.c.covered_until,
    digests.c.attempts,
    digests.c.next_attempt_at,
).select_from(_JOINED)


def _read(connection: Connection, statement: Select[Any], now: datetime) -> list[DueDigest]:
    rows = connection.execute(statement).mappings()
    until = now - SETTLING
    return [DueDigest(**{**row, "period": DigestPeriod(row["period"])}, until=until) for row in rows]


def _update_unchanged(connection: Connection, digest: DueDigest, **values: object) -> bool:
    return update_unchanged(connection, digests, digest, _COMPARED, **values)
