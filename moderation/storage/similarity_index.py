"""The index by which similar comments are found. It follows from the labels in force and can be rebuilt from them."""

from collections.abc import Collection, Sequence
from functools import cache
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, bindparam, delete, exists, func, insert, select, union_all

from moderation.domain.decision import Label, LabelValue
from moderation.storage.labels import IN_FORCE, LABEL_COLUMNS, label_from_row
from moderation.storage.tables import comments, labels, similarity_index


class LabelledText(NamedTuple):
    """A labelled comment and the beginning of its text."""

    comment_id: int
    site_id: int
    value: LabelValue
    text: str


def remove(connection: Connection, comment_id: int) -> None:
    """Remove a comment from the index."""
    connection.execute(delete(similarity_index).where(similarity_index.c.comment_id == comment_id))


def replace_many(
    connection: Connection, entries: Sequence[tuple[LabelledText, Sequence[int]]], features_version: int
) -> None:
    """Replace the index entries of these comments. An entry is a comment and its band hashes."""
    if not entries:
        return
    comment_ids = [comment.comment_id for comment, _ in entries]
    connection.execute(delete(similarity_index).where(similarity_index.c.comment_id.in_(comment_ids)))
    rows = [
        {
            "site_id": comment.site_id,
            "value": comment.value.value,
            "band_hash": band_hash,
            "comment_id": comment.comment_id,
            "features_version": features_version,
        }
        for comment, band_hashes in entries
        for band_hash in band_hashes
    ]
    connection.execute(insert(similarity_index), rows)


def list_missing(
    connection: Connection, features_version: int, after: int, limit: int, length: int
) -> list[LabelledText]:
    """Return the next `limit` labelled comments without index entries of this version and with an id above `after`.

    They come in the order of their ids, each with the first `length` code points of its text.
    """
    indexed = exists().where(
        similarity_index.c.comment_id == labels.c.comment_id, similarity_index.c.features_version == features_version
    )
    statement = (
        select(labels.c.comment_id, labels.c.site_id, labels.c.value, _excerpt(length))
        .join(comments, comments.c.id == labels.c.comment_id)
        .where(labels.c.value.is_not(None), labels.c.comment_id > after, IN_FORCE, ~indexed)
        .where(comments.c.purged_at.is_(None))
        .order_by(labels.c.comment_id)
        .limit(limit)
    )
    return [LabelledText(*row)._replace(value=LabelValue(row.value)) for row in connection.execute(statement)]


def candidates(
    connection: Connection,
    site_id: int,
    value: LabelValue,
    band_hashes: Sequence[int],
    *,
    exclude: int | None,
    limit: int,
    limit_per_band: int,
) -> list[int]:
    """Return the ids of at most `limit` comments of the site, labelled `value`, that share the most of these bands.

    Only the newest `limit_per_band` comments of a band are read. Of comments with equal content only the newest is
    returned, and never the comment with the id `exclude`.
    """
    parameters: dict[str, object] = {"site_id": site_id, "value": value.value, "limit_per_band": limit_per_band}
    parameters |= {"exclude": exclude or 0, "limit": limit}
    parameters |= {f"band_{number}": band_hash for number, band_hash in enumerate(band_hashes)}
    return list(connection.execute(_candidates(len(band_hashes)), parameters).scalars())


def labelled_texts(connection: Connection, comment_ids: Collection[int], length: int) -> dict[int, tuple[str, Label]]:
    """Return the first `length` code points of these comments with their labels in force, the newest label first."""
    statement = (
        select(labels.c.comment_id, _excerpt(length), *LABEL_COLUMNS)
        .join(comments, comments.c.id == labels.c.comment_id)
        .where(labels.c.comment_id.in_(comment_ids), labels.c.value.is_not(None), IN_FORCE)
        .order_by(labels.c.id.desc())
    )
    rows = connection.execute(statement).all() if comment_ids else []
    return {row.comment_id: (row.text, label_from_row(row)) for row in rows}


def _excerpt(length: int) -> ColumnElement[str]:
    return func.substr(comments.c.text, 1, length).label("text")


@cache
def _candidates(band_count: int) -> Select[int]:
    """Build the statement for `band_count` bands.

    It is built once, as building takes longer than running it. A subquery for each band stops after its newest
    comments, so a band with many comments costs no more than any other.
    """
    bands = [
        select(similarity_index.c.comment_id)
        .where(
            similarity_index.c.site_id == bindparam("site_id"),
            similarity_index.c.value == bindparam("value"),
            similarity_index.c.band_hash == bindparam(f"band_{number}"),
        )
        .order_by(similarity_index.c.comment_id.desc())
        .limit(bindparam("limit_per_band"))
        .subquery()
        for number in range(band_count)
    ]
    hits = union_all(*(select(band.c.comment_id) for band in bands)).subquery()
    counted = select(hits.c.comment_id, func.count().label("shared")).group_by(hits.c.comment_id).subquery()
    newest = func.max(counted.c.comment_id).label("newest")
    return (
        select(newest)
        .select_from(counted.join(comments, comments.c.id == counted.c.comment_id))
        .where(counted.c.comment_id != bindparam("exclude"))
        .group_by(comments.c.content_hash)
        .order_by(func.max(counted.c.shared).desc(), newest.desc())
        .limit(bindparam("limit"))
    )
