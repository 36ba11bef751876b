"""The content of a labelled comment as the similarity index reads it, computed before the database is locked."""

from collections.abc import Collection
from typing import NamedTuple, Self

from sqlalchemy import Connection

from moderation.actions.services import Services
from moderation.actions.similarity import IndexedText, index_label
from moderation.domain.comment import Comment
from moderation.domain.decision import LabelValue
from moderation.storage import comments
from moderation.storage.engine import read_transaction


class LabelContent(NamedTuple):
    """The content of a comment for its label. `comment_id` is 0 for a comment that is not stored yet."""

    comment_id: int
    text: IndexedText

    @classmethod
    def of(cls, comment: Comment, comment_id: int = 0) -> Self:
        """Return the content of a comment as it is stored."""
        return cls(comment_id, IndexedText.of(comment.text))


def read_content(connection: Connection, comment_id: int) -> LabelContent:
    """Return the content of a stored comment. No later write changes it."""
    return LabelContent.of(comments.get(connection, comment_id), comment_id)


def read_contents(services: Services, comment_ids: Collection[int]) -> dict[int, LabelContent]:
    """Return the contents of those of the comments that are stored, by id."""
    with read_transaction(services.engine, slow=True) as connection:
        stored = comments.find_many(connection, comment_ids)
    return {comment_id: LabelContent.of(comment, comment_id) for comment_id, comment in stored.items()}


def store_content(
    connection: Connection, site_id: int, comment_id: int, value: LabelValue | None, content: LabelContent | None
) -> None:
    """Store the content of a comment that gets this label. Without a label, remove it.

    If `content` is that of another comment, or `None`, it is read here, while the database is locked.
    """
    if value is not None and (content is None or content.comment_id != comment_id):
        content = read_content(connection, comment_id)
    index_label(connection, site_id, comment_id, value, content and content.text)
