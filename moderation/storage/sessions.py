"""Store the sessions of moderators. A row has the digest of a session's token, never the token."""

from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from moderation.domain.decision import Moderator
from moderation.storage.moderators import WITH_GRANTS, from_rows
from moderation.storage.operator_tables import moderators, sessions


def add(
    connection: Connection, digest: str, moderator_id: int, expires_at: datetime, *, has_second_factor: bool = False
) -> None:
    """Store a session."""
    row = {"digest": digest, "moderator_id": moderator_id, "expires_at": expires_at}
    connection.execute(insert(sessions), row | {"has_second_factor": has_second_factor})


def find_moderator(connection: Connection, digest: str, at: datetime) -> Moderator | None:
    """Return the moderator whose session has this digest, with the roles of this moment, unless it has expired."""
    session = sessions.c.moderator_id == moderators.c.id, sessions.c.digest == digest, sessions.c.expires_at > at
    rows = connection.execute(WITH_GRANTS.where(*session)).mappings().all()
    return from_rows(rows) if rows else None


def has_second_factor(connection: Connection, digest: str) -> bool:
    """Return whether the OIDC provider asked for a second factor when the session with this digest began."""
    found = select(sessions.c.has_second_factor).where(sessions.c.digest == digest)
    return bool(connection.execute(found).scalar())


def remove(connection: Connection, digest: str) -> None:
    """Delete a session."""
    connection.execute(delete(sessions).where(sessions.c.digest == digest))


def remove_of(connection: Connection, moderator_id: int) -> int:
    """Delete all sessions of a moderator. Returns how many."""
    return connection.execute(delete(sessions).where(sessions.c.moderator_id == moderator_id)).rowcount


def remove_others(connection: Connection, moderator_id: int, digest: str) -> None:
    """Delete all sessions of a moderator but one."""
    others = (sessions.c.moderator_id == moderator_id, sessions.c.digest != digest)
    connection.execute(delete(sessions).where(*others))


def purge(connection: Connection, at: datetime) -> int:
    """Delete the sessions that have expired. Returns how many."""
    return connection.execute(delete(sessions).where(sessions.c.expires_at <= at)).rowcount
