"""Store which comment each moderator has open: one row for each of them, so that the table stays small."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from moderation.storage.operator_tables import moderators
from moderation.storage.tables import open_comments


class Opener(NamedTuple):
    """A moderator who has a comment open."""

    comment_id: int
    name: str
    expires_at: datetime


def put(connection: Connection, moderator_id: int, comment_id: int, expires_at: datetime) -> None:
    """Store that a moderator has a comment open, in the place of any other."""
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    opened = {"comment_id": comment_id, "expires_at": expires_at}
    added = insert(open_comments).values(moderator_id=moderator_id, **opened)
    connection.execute(added.on_conflict_do_update(index_elements=[open_comments.c.moderator_id], set_=opened))


def remove(connection: Connection, moderator_id: int) -> None:
    """Store that a moderator has no comment open."""
    connection.execute(delete(open_comments).where(open_comments.c.moderator_id == moderator_id))


def find(connection: Connection, comment_ids: Collection[int], now: datetime) -> list[Opener]:
    """Return the moderators who have one of some comments open, by name."""
    statement = (
        select(open_comments.c.comment_id, moderators.c.name, open_comments.c.expires_at)
        .join(moderators, moderators.c.id == open_comments.c.moderator_id)
        .where(open_comments.c.expires_at > now, open_comments.c.comment_id.in_(comment_ids))
        .order_by(moderators.c.name)
    )
    return list(map(Opener._make, connection.execute(statement)))
