"""Store moderators and the hashes of their passwords."""

from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection, RowMapping, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from moderation.domain.decision import Moderator
from moderation.domain.errors import Conflict
from moderation.storage.operator_tables import moderators

COLUMNS = (moderators.c.id, moderators.c.name, moderators.c.created_at, moderators.c.password_hash)
"""The columns that `from_row` needs."""


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
    return [from_row(row) for row in connection.execute(select(*COLUMNS).order_by(moderators.c.name)).mappings()]


def find(connection: Connection, name: str, *, lock: bool = False) -> tuple[Moderator, str] | None:
    """Return the moderator with this name, and the hash of the password.

    With `lock`, PostgreSQL lets no other transaction change the moderator until this one ends.
    """
    statement = select(*COLUMNS).where(moderators.c.name == name)
    row = connection.execute(statement.with_for_update() if lock else statement).mappings().first()
    return None if row is None else (from_row(row), row["password_hash"])


def set_password_hash(connection: Connection, moderator_id: int, password_hash: str) -> None:
    """Replace the hash of a moderator's password."""
    connection.execute(update(moderators).where(moderators.c.id == moderator_id).values(password_hash=password_hash))


def remove(connection: Connection, moderator_id: int) -> None:
    """Delete a moderator without sessions; labels keep the name."""
    connection.execute(delete(moderators).where(moderators.c.id == moderator_id))


def from_row(row: RowMapping) -> Moderator:
    """Return the moderator in a row that was selected with `COLUMNS`."""
    return Moderator(row["id"], row["name"], row["created_at"], _password_version(row["password_hash"]))


def _password_version(password_hash: str) -> str:
    """Return a digest of the salted hash, from which the password cannot be guessed."""
    return sha256(password_hash.encode()).hexdigest()[:16]
