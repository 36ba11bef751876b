"""The content of a labelled comment as similarity and learning read it, computed before the database is locked."""

from collections.abc import Collection, Mapping
from functools import partial
from typing import NamedTuple, Self

from sqlalchemy import Connection

from moderation.actions.services import Services
from moderation.actions.similarity import IndexedText, index_label
from moderation.domain.comment import Comment
from moderation.domain.decision import LabelValue
from moderation.domain.site import Site
from moderation.features.label_features import LabelFeatures
from moderation.features.parsed_comment import ParsedComment
from moderation.storage import comments, lessons
from moderation.storage.engine import read_transaction
from moderation.storage.locks import lock_comments

_PAGE_SIZE = 200


class LabelContent(NamedTuple):
    """The content of a comment for its label. `comment_id` is 0 for a comment that is not stored yet."""

    comment_id: int
    text: IndexedText
    features: bytes

    @classmethod
    def of(cls, comment: Comment, comment_id: int = 0) -> Self:
        """Return the content of a comment as it is stored."""
        return cls(comment_id, IndexedText.of(comment.text), pack_features(comment))


def pack_features(comment: Comment) -> bytes:
    """Return all that learning reads of a comment, packed."""
    # As stored: an unstorable character must not make a difference.
    return LabelFeatures.of(ParsedComment(comments.as_stored(comment))).to_bytes()


def read_content(connection: Connection, comment_id: int) -> LabelContent | None:
    """Return the content of a stored comment; `None` if it was deleted."""
    comment = comments.find_many(connection, [comment_id]).get(comment_id)
    return None if comment is None else LabelContent.of(comment, comment_id)


def read_contents(services: Services, comment_ids: Collection[int]) -> dict[int, LabelContent]:
    """Return the contents of those of the comments that are stored as they came, by id."""
    with read_transaction(services.engine, slow=True) as connection:
        stored = comments.find_many(connection, comment_ids)
    return {comment_id: LabelContent.of(comment, comment_id) for comment_id, comment in stored.items()}


def store_content(
    connection: Connection, site_id: int, comment_id: int, value: LabelValue | None, content: LabelContent | None
) -> None:
    """Store the content of a comment that gets this label. Without a label, remove it.

    If `content` is that of another comment, or `None`, it is read here, while the database is locked. Of a comment
    whose contents were deleted, the features of an earlier label stay: without any, the label teaches nothing.
    """
    if value is not None and (content is None or content.comment_id != comment_id):
        content = read_content(connection, comment_id)
    purged = value is not None and comments.is_purged(connection, comment_id)
    # A purged text would come back as an excerpt of similar comments.
    index_label(connection, site_id, comment_id, value, None if purged or content is None else content.text)
    if value is None:
        lessons.remove_features(connection, [comment_id])
    elif content is not None:
        lessons.put_features(connection, site_id, [(comment_id, content.features)])


def count_lessons(services: Services, site: Site | None) -> tuple[int, int]:
    """Return the numbers of labels that teach and of labels without features, of a site or of all."""
    with read_transaction(services.engine, slow=True) as connection:
        return lessons.count(connection, site.id if site else None)


def make_features(services: Services) -> int:
    """Make the features of labelled comments that have none of this version, from their texts. Returns how many.

    Each page is one transaction, so that other processes can write in between.
    """
    after = count = 0
    while True:
        with read_transaction(services.engine, slow=True) as connection:
            missing = lessons.list_missing(connection, after, _PAGE_SIZE)
        if not missing:
            return count
        rows = {row.comment_id: (row.site_id, pack_features(row.comment)) for row in missing}
        count += services.writer.run(partial(_store_missing, rows, after), slow=True)
        after = missing[-1].comment_id


def _store_missing(rows: Mapping[int, tuple[int, bytes]], after: int, connection: Connection) -> int:
    lock_comments(connection, rows)
    # Read again: a label may have been withdrawn before the lock.
    still = [row for row in lessons.list_missing(connection, after, _PAGE_SIZE) if row.comment_id in rows]
    for row in still:
        site_id, features = rows[row.comment_id]
        lessons.put_features(connection, site_id, [(row.comment_id, features)])
    return len(still)
