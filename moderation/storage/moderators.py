"""Store moderators and the hashes of their passwords."""

from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection, RowMapping, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from moderation.domain.decision import Moderator
from moderation.domain.errors import Conflict
from moderation.storage.tables import moderators

_SELECT = select(moderators.c.id, moderators.c.name, moderators.c.created_at, moderators.c.password_hash)


def add(connection: Connection, name: str, password_hash: str, at: datetime) -> Moderator:
    """Store a new moderator. Raises `Conflict` if the name is taken."""
    try:
        row = {"name": name, "password_hash": password_hash, "created_at": at}
        moderator_id = connection.execute(insert(moderators).returning(moderators.c.id), row).scalar_one()
    except IntegrityError:
        raise Conflict("A moderator with this name exists already.") from None
    return Moderator(moderator_id, name, at, _session_version(password_hash))


def list_all(connection: Connection) -> list[Moderator]:
    """Return all moderators in the order of their names."""
    return [_moderator(row) for row in connection.execute(_SELECT.order_by(moderators.c.name)).mappings()]


def find(connection: Connection, moderator_id: int) -> Moderator | None:
    """Return the moderator with this id."""
    row = connection.execute(_SELECT.where(moderators.c.id == moderator_id)).mappings().first()
    return None if row is None else _moderator(row)


def find_with_password_hash(connection: Connection, name: str) -> tuple[Moderator, str] | None:
    """Return the moderator with this name, and the hash of the password."""
    row = connection.execute(_SELECT.where(moderators.c.name == name)).mappings().first()
    return None if row is None else (_moderator(row), row["password_hash"])


def set_password_hash(connection: Connection, name: str, password_hash: str) -> bool:
    """Replace the password hash. Returns false if no moderator has this name."""
    statement = update(moderators).where(moderators.c.name == name).values(password_hash=password_hash)
    return connection.execute(statement).rowcount == 1


def remove(connection: Connection, name: str) -> bool:
    """Delete the moderator; labels keep the name. Returns false if no moderator has this name."""
    return connection.execute(delete(moderators).where(moderators.c.name == name)).rowcount == 1


def _moderator(row: RowMapping) -> Moderator:
    return Moderator(row["id"], row["name"], row["created_at"], _session_version(row["password_hash"]))


def _session_version(password_hash: str) -> str:
    """Return a digest of the salted hash, from which the password cannot be guessed."""
    return sha256(password_hash.encode()).hexdigest()[:16]
