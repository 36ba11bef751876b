"""Store the keys by which clients name their requests, with the ids of the decisions that answered."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, delete, exists, select
from sqlalchemy.dialects import postgresql, sqlite

from moderation.storage.tables import idempotency_keys as keys
from moderation.storage.tables import sites

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


def site_ids(connection: Connection) -> list[int]:
    """Return the ids of the sites with keys, of removed sites too."""
    has_keys = exists().where(keys.c.site_id == sites.c.id)
    return list(connection.execute(select(sites.c.id).where(has_keys)).scalars())


def purge(connection: Connection, site_id: int, now: datetime, lifetime: timedelta, max_count: int) -> bool:
    """Delete keys of a site that are older than `lifetime`, and all but the newest `max_count`.

    A key that is newer than the clock by as much was stored before the clock was set back. Returns whether there may be
    more to delete.
    """
    of_site = select(keys.c.key).where(keys.c.site_id == site_id)
    doomed = (
        of_site.where(keys.c.created_at < now - lifetime),
        of_site.where(keys.c.created_at > now + lifetime),
        of_site.order_by(keys.c.created_at.desc()).offset(max_count),
    )
    return any(_delete(connection, site_id, found.limit(_MAX_DELETED)) == _MAX_DELETED for found in doomed)


def _delete(connection: Connection, site_id: int, found: Select[tuple[str]]) -> int:
    return connection.execute(delete(keys).where(keys.c.site_id == site_id, keys.c.key.in_(found))).rowcount


def _is(site_id: int, key: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return keys.c.site_id == site_id, keys.c.key == key
