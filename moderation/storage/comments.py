"""What sites sent, with a key that equal texts share."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, RowMapping, bindparam, case, insert, select

from moderation.domain.comment import COMMENT_FIELDS, Comment
from moderation.storage.columns import AnyText
from moderation.storage.tables import comments

FIELDS = tuple(comments.c[name].label(f"comment_{name}") for name in COMMENT_FIELDS)
"""What `from_row` reads."""

_LABELS = tuple(f"comment_{name}" for name in COMMENT_FIELDS)
_ADD = insert(comments).returning(comments.c.id)
_ADD_MANY = insert(comments).returning(comments.c.id, sort_by_parameter_order=True)
_ALIKE = (
    select(comments.c.id, comments.c.author, comments.c.email, comments.c.permalink)
    .where(comments.c.site_id == bindparam("wanted_site"), comments.c.content_key == bindparam("wanted_key"))
    .order_by(case((comments.c.permalink == bindparam("wanted_page", type_=AnyText), 0), else_=1), comments.c.id.desc())
    .limit(bindparam("most"))
)


class Alike(NamedTuple):
    """What tells comments of the same content apart."""

    id: int
    author: str | None
    email: str | None
    permalink: str | None


def add(connection: Connection, site_id: int, content_key: str, comment: Comment, at: datetime) -> int:
    """Stores a comment; its number."""
    number: int = connection.execute(_ADD, _row(site_id, content_key, comment, at)).scalar_one()
    return number


def add_many(connection: Connection, site_id: int, keyed: Sequence[tuple[str, Comment]], at: datetime) -> list[int]:
    """Stores pairs of content key and comment; their numbers, in the same order."""
    if not keyed:
        return []
    rows = [_row(site_id, content_key, comment, at) for content_key, comment in keyed]
    return list(connection.execute(_ADD_MANY, rows).scalars())


def alike(connection: Connection, site_id: int, content_key: str, permalink: str | None, most: int) -> list[Alike]:
    """The site's comments with this content key, at most `most`: those with this permalink first, the newest first."""
    wanted = {"wanted_site": site_id, "wanted_key": content_key, "wanted_page": permalink, "most": most}
    return [Alike(*row) for row in connection.execute(_ALIKE, wanted)]


def from_row(row: RowMapping) -> Comment:
    """The comment of a row that was selected with `FIELDS`."""
    return Comment(*(row[label] for label in _LABELS))


def _row(site_id: int, content_key: str, comment: Comment, at: datetime) -> dict[str, object]:
    fields = {name: getattr(comment, name) for name in COMMENT_FIELDS}
    return {"site_id": site_id, "content_key": content_key, "received_at": at, **fields}
