"""The people who decide, and the hashes of their passwords."""

from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection, RowMapping, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from moderation.domain.errors import Conflict
from moderation.domain.site import Moderator
from moderation.storage.tables import moderators

_ADD = insert(moderators).returning(moderators.c.id)
_FIELDS = (moderators.c.id, moderators.c.name, moderators.c.created_at, moderators.c.password_hash)
_ALL = select(*_FIELDS).order_by(moderators.c.name)
_BY_ID = select(*_FIELDS).where(moderators.c.id == bindparam("wanted_id"))
_BY_NAME = select(*_FIELDS).where(moderators.c.name == bindparam("wanted_name"))
_NAMED = moderators.c.name == bindparam("wanted_name")
_SET_HASH = update(moderators).where(_NAMED).values(password_hash=bindparam("new_hash"))
_REMOVE = delete(moderators).where(_NAMED)


def add(connection: Connection, name: str, password_hash: str, at: datetime) -> Moderator:
    """A new moderator; `Conflict` when the name is taken."""
    try:
        row = {"name": name, "password_hash": password_hash, "created_at": at}
        moderator_id = connection.execute(_ADD, row).scalar_one()
    except IntegrityError:
        raise Conflict("A moderator with this name is there already.") from None
    return Moderator(moderator_id, name, at, _stamp(password_hash))


def everyone(connection: Connection) -> list[Moderator]:
    """All moderators, by name."""
    return [_moderator(row) for row in connection.execute(_ALL).mappings()]


def find(connection: Connection, moderator_id: int) -> Moderator | None:
    """The moderator with this number."""
    row = connection.execute(_BY_ID, {"wanted_id": moderator_id}).mappings().first()
    return None if row is None else _moderator(row)


def find_with_hash(connection: Connection, name: str) -> tuple[Moderator, str] | None:
    """The moderator with this name, and the hash of the password."""
    row = connection.execute(_BY_NAME, {"wanted_name": name}).mappings().first()
    return None if row is None else (_moderator(row), row["password_hash"])


def set_hash(connection: Connection, name: str, password_hash: str) -> bool:
    """Changes the password; false when there is no such moderator."""
    return connection.execute(_SET_HASH, {"wanted_name": name, "new_hash": password_hash}).rowcount == 1


def remove(connection: Connection, name: str) -> bool:
    """Takes the moderator out; false when there is none. Labels keep the name."""
    return connection.execute(_REMOVE, {"wanted_name": name}).rowcount == 1


def _moderator(row: RowMapping) -> Moderator:
    return Moderator(row["id"], row["name"], row["created_at"], _stamp(row["password_hash"]))


def _stamp(password_hash: str) -> str:
    """Tells nothing of the hash, whose salt nobody knows."""
    return sha256(password_hash.encode()).hexdigest()[:16]
