"""Store the digests of the tokens that open moderators' feeds, never the tokens."""

from datetime import datetime

from sqlalchemy import Connection, delete, insert

from moderation.domain.decision import Moderator
from moderation.storage.moderators import WITH_GRANTS, from_rows
from moderation.storage.operator_tables import feeds, moderators


def put(connection: Connection, moderator_id: int, digest: str, at: datetime) -> None:
    """Store the digest of a moderator's token in the place of an earlier one."""
    remove(connection, moderator_id)
    connection.execute(insert(feeds), {"moderator_id": moderator_id, "digest": digest, "created_at": at})


def find(connection: Connection, moderator_id: int) -> tuple[Moderator, str] | None:
    """Return the moderator with this id and the digest of the token; `None` without a feed."""
    of_feed = moderators.c.id == moderator_id, feeds.c.moderator_id == moderators.c.id
    rows = connection.execute(WITH_GRANTS.add_columns(feeds.c.digest).where(*of_feed)).mappings().all()
    return (from_rows(rows), rows[0]["digest"]) if rows else None


def remove(connection: Connection, moderator_id: int) -> bool:
    """Delete a moderator's token. Returns false if there is none."""
    return connection.execute(delete(feeds).where(feeds.c.moderator_id == moderator_id)).rowcount == 1
