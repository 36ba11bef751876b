"""The installation's row, and the stored data that only its secret can read."""

from datetime import datetime
from uuid import uuid4

from sqlalchemy import Connection, func, select, update

from moderation.storage.operator_tables import totp
from moderation.storage.tables import callbacks, installation, keys

_SECRET_DIGEST = select(installation.c.secret_digest)
_KEYED_SITES = select(func.count(keys.c.site_id.distinct())).where(keys.c.retired_at.is_(None))
_UNDELIVERED_CALLBACKS = select(func.count()).select_from(callbacks).where(callbacks.c.delivered_at.is_(None))
_TOTP = select(func.count()).select_from(totp).where(totp.c.enabled_at.is_not(None))
_NEWEST_ENCRYPTED_KEY = select(callbacks.c.encrypted_key).order_by(callbacks.c.publishes_at.desc()).limit(1)
_RETIRE_ALL_KEYS = update(keys).where(keys.c.retired_at.is_(None))


def find_id(connection: Connection) -> str:
    """Return the id of the installation."""
    return str(connection.execute(select(installation.c.id)).scalar_one())


def secret_digest(connection: Connection) -> str | None:
    """Return the check value of the secret; `None` before `moderation init` has stored one."""
    return connection.execute(_SECRET_DIGEST).scalar()


def set_secret_digest(connection: Connection, digest: str) -> None:
    """Store the check value of the secret."""
    connection.execute(update(installation).values(secret_digest=digest))


def count_keyed_sites(connection: Connection) -> int:
    """Return the number of sites with an active key."""
    return int(connection.execute(_KEYED_SITES).scalar_one())


def retire_all_keys(connection: Connection, at: datetime) -> None:
    """Retire the keys of every site."""
    connection.execute(_RETIRE_ALL_KEYS.values(retired_at=at))
    change_sites_version(connection)


def change_sites_version(connection: Connection) -> None:
    """Store a new version, so that every process reads the sites again.

    Random, not a number: a restored database must not count up to a version that a process remembers.
    """
    connection.execute(update(installation).values(sites_version=uuid4().hex))


def change_lists_version(connection: Connection) -> None:
    """Store a new version of the lists. It reaches every process with the sites, which it is read with."""
    connection.execute(update(installation).values(lists_version=uuid4().hex))
    change_sites_version(connection)


def count_undelivered_callbacks(connection: Connection) -> int:
    """Return the number of held comments whose blog has not confirmed the outcome."""
    return int(connection.execute(_UNDELIVERED_CALLBACKS).scalar_one())


def count_totp(connection: Connection) -> int:
    """Return the number of moderators with TOTP."""
    return int(connection.execute(_TOTP).scalar_one())


def newest_encrypted_key(connection: Connection) -> str | None:
    """Return the callback key that was encrypted last, if one is stored."""
    return connection.execute(_NEWEST_ENCRYPTED_KEY).scalar()
