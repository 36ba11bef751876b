"""Store comments, and find those with the same content."""

import re
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from struct import iter_unpack, pack
from typing import NamedTuple

from sqlalchemy import Connection, RowMapping, and_, bindparam, case, delete, exists, func, literal, or_, select

from moderation.domain.authors import UNKNOWN_AUTHOR, VouchedAuthor
from moderation.domain.comment import COMMENT_FIELDS, Comment
from moderation.storage.columns import AnyText, ClampedInteger, storable
from moderation.storage.prepared import PreparedInsert, PreparedQuery
from moderation.storage.tables import (
    AUTHOR_BEGINNING,
    AUTHOR_BEGINNING_LENGTH,
    comments,
    decisions,
    labels,
    notes,
    open_comments,
    opinions,
)

_LABELS = tuple(f"comment_{name}" for name in COMMENT_FIELDS)
COLUMNS = tuple(comments.c[name].label(label) for name, label in zip(COMMENT_FIELDS, _LABELS, strict=True))
"""The columns that `from_row` needs."""
EXCERPTS = tuple(
    func.substr(comments.c[column.element.name], 1, bindparam("excerpt_length")).label(column.name)
    for column in COLUMNS
)
"""The same columns, each with the first `excerpt_length` code points only, so that a list of long texts is small."""

_ADD = PreparedInsert(comments, without=frozenset({"id", "purged_at"}), returning="id")
_BY_RETRY_HASH = PreparedQuery(
    select(func.max(comments.c.id)).where(
        comments.c.site_id == bindparam("site_id"),
        comments.c.content_hash == bindparam("content_hash"),
        bindparam("author_beginning") == AUTHOR_BEGINNING,
        comments.c.retry_hash == bindparam("retry_hash"),
    )
)
_UNUSED = and_(
    *(~exists().where(table.c.comment_id == comments.c.id).correlate(comments) for table in (decisions, labels))
)
_MAX_IDS_PER_QUERY = 500
_SLASHED = re.compile("['\"]")
_NEWEST = select(comments.c.received_at).order_by(comments.c.id.desc()).limit(1)


class SameContent(NamedTuple):
    """The fields by which comments with the same content differ."""

    id: int
    author: str | None
    email: str | None
    permalink: str | None


class SentFields(NamedTuple):
    """The fields that distinguish comments with the same content at a blog; `None` or empty where it does not."""

    author: str | None
    email: str | None
    permalink: str | None


def add(
    connection: Connection,
    site_id: int,
    hashed_comments: Iterable[tuple[bytes, Comment]],
    at: datetime,
    retry_hash: int | None = None,
    trait_keys: Sequence[int] = (),
    author: VouchedAuthor = UNKNOWN_AUTHOR,
) -> list[int]:
    """Store pairs of content hash and comment and return their ids in the same order.

    `retry_hash` is that of the request, if it brought one comment, and `trait_keys` are the comment's in `appearances`.
    `author` has the facts that the blog vouches for.
    """
    packed_keys = pack(f">{len(trait_keys)}q", *trait_keys) or None
    ids = []
    for content_hash, comment in hashed_comments:
        row = {"site_id": site_id, "content_hash": content_hash, "received_at": at, "retry_hash": retry_hash}
        row |= {"trait_keys": packed_keys, "author_id": author.id, "author_roles": author.roles}
        row |= {name: getattr(comment, name) for name in COMMENT_FIELDS}
        ids.append(_ADD.run(connection, row))
    return ids


def get(connection: Connection, comment_id: int) -> Comment:
    """Return the stored comment with this id, as far as its contents were not deleted."""
    return from_row(connection.execute(select(*COLUMNS).where(comments.c.id == comment_id)).mappings().one())


def is_purged(connection: Connection, comment_id: int) -> bool:
    """Return whether contents of a comment were deleted."""
    return connection.execute(select(comments.c.purged_at).where(comments.c.id == comment_id)).scalar_one() is not None


def text_part(connection: Connection, comment_id: int, start: int, length: int) -> tuple[str, int]:
    """Return `length` code points of the text of a comment from `start` on, and the length of the text."""
    text = comments.c.text
    statement = select(func.substr(text, literal(start + 1, ClampedInteger), length), func.length(text))
    part, text_length = connection.execute(statement.where(comments.c.id == comment_id)).one()
    return part, text_length


def find_many(connection: Connection, comment_ids: Collection[int]) -> dict[int, Comment]:
    """Return those of the comments that are stored as they came, by id."""
    statement, ids = select(comments.c.id, *COLUMNS).where(comments.c.purged_at.is_(None)), list(comment_ids)
    pages = (ids[start : start + _MAX_IDS_PER_QUERY] for start in range(0, len(ids), _MAX_IDS_PER_QUERY))
    return {
        row["id"]: from_row(row)
        for page in pages
        for row in connection.execute(statement.where(comments.c.id.in_(page))).mappings()
    }


def trait_keys(connection: Connection, comment_id: int) -> tuple[int, ...]:
    """Return the keys of a comment's traits in `appearances`, none if they were not stored."""
    stored = connection.execute(select(comments.c.trait_keys).where(comments.c.id == comment_id)).scalar()
    return tuple(key for (key,) in iter_unpack(">q", stored)) if stored else ()


def find_by_retry_hash(
    connection: Connection, site_id: int, content_hash: bytes, author: str | None, retry_hash: int
) -> int | None:
    """Return the id of the newest comment that a request with this hash brought; `None` if there is none.

    Site, content and author follow from the request: with them, the index of contents serves here too.
    """
    values = {
        "site_id": site_id,
        "content_hash": content_hash,
        "author_beginning": storable((author or "")[:AUTHOR_BEGINNING_LENGTH]),
        "retry_hash": retry_hash,
    }
    comment_id: int | None = _BY_RETRY_HASH.run(connection, values)
    return comment_id


def find_same(
    connection: Connection, site_id: int, content_hashes: Collection[bytes], sent: SentFields, digests: tuple[str, str]
) -> int | None:
    """Return the id of the site's newest comment with one of these content hashes and these fields, or `None`.

    A field that is absent or empty on either side agrees, and so do the digests of author and e-mail address; slashes
    do not count. Comments on the same page come first. With an author, an index leads to the comments of that author
    and those without one.
    """
    columns = (comments.c.author, comments.c.email, comments.c.permalink)
    agreeing = [
        or_(
            column.is_(None),
            column.in_(["", digest]),
            func.replace(column, "\\", "") == literal(value.replace("\\", ""), AnyText),
        )
        for column, value, digest in zip(columns, sent, (*digests, ""), strict=True)
        if value
    ]
    if sent.author:
        agreeing.append(AUTHOR_BEGINNING.in_([*_beginnings(sent.author), digests[0]]))
    elsewhere = case((comments.c.permalink == literal(sent.permalink, AnyText), 0), else_=1)
    statement = (
        select(comments.c.id)
        .where(comments.c.site_id == site_id, comments.c.content_hash.in_(content_hashes), *agreeing)
        .order_by(elsewhere, comments.c.id.desc())
        .limit(1)
    )
    return connection.execute(statement).scalar()


def with_same_content(
    connection: Connection, site_id: int, content_hashes: Collection[bytes], permalink: str | None, limit: int
) -> list[SameContent]:
    """Return at most `limit` comments of the site with one of these content hashes.

    Comments with this permalink come first, newer comments before older ones.
    """
    elsewhere = case((comments.c.permalink == literal(permalink, AnyText), 0), else_=1)
    statement = (
        select(comments.c.id, comments.c.author, comments.c.email, comments.c.permalink)
        .where(comments.c.site_id == site_id, comments.c.content_hash.in_(content_hashes))
        .order_by(elsewhere, comments.c.id.desc())
        .limit(limit)
    )
    return [SameContent(*row) for row in connection.execute(statement)]


def list_unused(connection: Connection, site_id: int) -> list[int]:
    """Return the ids of the site's comments that were never judged or labelled, in their order."""
    statement = select(comments.c.id).where(comments.c.site_id == site_id, _UNUSED).order_by(comments.c.id)
    return list(connection.execute(statement).scalars())


def delete_unused(connection: Connection, comment_ids: Collection[int]) -> int:
    """Delete those of the comments that were never judged or labelled, with all about them. Returns how many."""
    unused = select(comments.c.id).where(comments.c.id.in_(comment_ids), _UNUSED)
    for table in (notes, open_comments, opinions):
        connection.execute(delete(table).where(table.c.comment_id.in_(unused)))
    return connection.execute(delete(comments).where(comments.c.id.in_(comment_ids), _UNUSED)).rowcount


def newest_received_at(connection: Connection) -> datetime | None:
    """Return the time at which the newest comment was received; `None` if there is none."""
    newest: datetime | None = connection.execute(_NEWEST).scalar()
    return newest


def as_stored(comment: Comment) -> Comment:
    """Return the comment as the database returns it."""
    fields = {name: getattr(comment, name) for name in COMMENT_FIELDS}
    return Comment(**{name: field and storable(field) for name, field in fields.items()})


def _beginnings(author: str) -> list[str]:
    """Return the beginnings of an author's name as blogs send it, without slashes and with them, and of none."""
    plain = author.replace("\\", "")
    spellings = (author, plain, _SLASHED.sub(r"\\\g<0>", plain), "")
    return list(dict.fromkeys(storable(spelling[:AUTHOR_BEGINNING_LENGTH]) for spelling in spellings))


def from_row(row: RowMapping) -> Comment:
    """Return the comment in a row that was selected with `COLUMNS`."""
    return Comment(*(row[label] for label in _LABELS))
