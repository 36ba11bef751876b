"""Store the keys by which clients name their requests, with the ids of the decisions that answered."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, delete, func, or_, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from moderation.storage.tables import idempotency_keys as keys

_MAX_DELETED = 5_000
"""Keys that one statement deletes, so that no write waits long for it."""


class StoredKey(NamedTuple):
    """A key as it was first used."""

    fingerprint: str
    decision_ids: tuple[str, ...]
    created_at: datetime


def add(connection: Connection, site_id: int, key: str, stored: StoredKey) -> bool:
    """Store a key and return true, or return false if the site has it.

    On PostgreSQL this waits for another transaction that is storing the same key.
    """
    row = {"site_id": site_id, "key": key, **stored._asdict(), "decision_ids": " ".join(stored.decision_ids)}
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    return connection.execute(insert(keys).values(row).on_conflict_do_nothing()).rowcount == 1


def find(connection: Connection, site_id: int, key: str) -> StoredKey | None:
    """Return the site's key; `None` if it was not used."""
    statement = select(keys.c.fingerprint, keys.c.decision_ids, keys.c.created_at).where(*_is(site_id, key))
    row = connection.execute(statement).first()
    return None if row is None else StoredKey(row.fingerprint, tuple(row.decision_ids.split()), row.created_at)


def remove(connection: Connection, site_id: int, key: str) -> None:
    """Delete a key."""
    connection.execute(delete(keys).where(*_is(site_id, key)))


def purge(connection: Connection, now: datetime, lifetime: timedelta, max_per_site: int) -> bool:
    """Delete keys that are older than `lifetime`, and of each site all but the newest `max_per_site`.

    A key that is newer than the clock by as much was stored before the clock was set back. Returns whether there may be
    more to delete.
    """
    age_rank = func.row_number().over(partition_by=keys.c.site_id, order_by=keys.c.created_at.desc())
    ranked = select(keys.c.site_id, keys.c.key, keys.c.created_at, age_rank.label("age_rank")).subquery()
    expired = or_(ranked.c.created_at < now - lifetime, ranked.c.created_at > now + lifetime)
    superfluous = or_(expired, ranked.c.age_rank > max_per_site)
    found = select(ranked.c.site_id, ranked.c.key).where(superfluous).limit(_MAX_DELETED)
    deleted = connection.execute(delete(keys).where(tuple_(keys.c.site_id, keys.c.key).in_(found)))
    return deleted.rowcount == _MAX_DELETED


def _is(site_id: int, key: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return keys.c.site_id == site_id, keys.c.key == key
