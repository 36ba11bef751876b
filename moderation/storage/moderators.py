"""Store moderators, the hashes of their passwords, and the log of changes of their accounts."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from itertools import groupby
from operator import itemgetter

from sqlalchemy import Connection, RowMapping, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from moderation.domain.decision import Moderator
from moderation.domain.errors import Conflict
from moderation.domain.people import Access, Grant, Role
from moderation.storage.grants import IN_FORCE
from moderation.storage.operator_tables import account_events, grants, moderators, totp

WITH_GRANTS = select(
    moderators.c.id,
    moderators.c.name,
    moderators.c.created_at,
    moderators.c.password_hash,
    totp.c.enabled_at.is_not(None).label("has_totp"),
    grants.c.role,
    grants.c.site_id,
).select_from(
    moderators.outerjoin(grants, and_(grants.c.moderator_id == moderators.c.id, IN_FORCE)).outerjoin(
        totp, totp.c.moderator_id == moderators.c.id
    )
)
"""The rows that `from_rows` needs: one for each role of a moderator, and one for a moderator without a role."""


def add(connection: Connection, name: str, password_hash: str, at: datetime) -> Moderator:
    """Store a new moderator. Raises `Conflict` if the name is taken."""
    try:
        row = {"name": name, "password_hash": password_hash, "created_at": at}
        moderator_id = connection.execute(insert(moderators).returning(moderators.c.id), row).scalar_one()
    except IntegrityError:
        raise Conflict("A moderator with this name exists already.") from None
    return Moderator(moderator_id, name, at, _password_version(password_hash))


def list_all(connection: Connection) -> list[Moderator]:
    """Return all moderators in the order of their names."""
    rows = connection.execute(WITH_GRANTS.order_by(moderators.c.name)).mappings()
    return [from_rows(list(of_one)) for _, of_one in groupby(rows, itemgetter("id"))]


def find(connection: Connection, name: str, *, lock: bool = False) -> tuple[Moderator, str] | None:
    """Return the moderator with this name, and the hash of the password.

    With `lock`, PostgreSQL lets no other transaction change the moderator until this one ends.
    """
    statement = WITH_GRANTS.where(moderators.c.name == name)
    rows = connection.execute(statement.with_for_update(of=moderators) if lock else statement).mappings().all()
    return (from_rows(rows), rows[0]["password_hash"]) if rows else None


def set_password_hash(connection: Connection, moderator_id: int, password_hash: str) -> None:
    """Replace the hash of a moderator's password."""
    connection.execute(update(moderators).where(moderators.c.id == moderator_id).values(password_hash=password_hash))


def remove(connection: Connection, moderator_id: int) -> None:
    """Delete a moderator without sessions; labels keep the name."""
    connection.execute(delete(moderators).where(moderators.c.id == moderator_id))


def log_change(connection: Connection, event: str, name: str, person: str, channel: str, at: datetime) -> None:
    """Store for the log that a person changed or used the account of the moderator `name`."""
    row = {"at": at, "person": person, "channel": channel, "event": event, "name": name}
    connection.execute(insert(account_events), row)


def from_rows(rows: Sequence[RowMapping]) -> Moderator:
    """Return the moderator in the rows of `WITH_GRANTS`, of which there is at least one."""
    row = rows[0]
    access = Access(tuple(Grant(Role(each["role"]), each["site_id"]) for each in rows if each["role"] is not None))
    version = _password_version(row["password_hash"])
    return Moderator(row["id"], row["name"], row["created_at"], version, row["has_totp"], access)


def _password_version(password_hash: str) -> str:
    """Return a digest of the salted hash, from which the password cannot be guessed."""
    return sha256(password_hash.encode()).hexdigest()[:16]
