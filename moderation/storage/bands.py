"""Where labelled comments are looked for that are like another one: what follows from the labels that hold."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from sqlalchemy import Connection, Select, Subquery, bindparam, delete, exists, func, insert, select, union_all

from moderation.domain.judgement import Label, LabelValue
from moderation.storage.tables import bands, comments, labels

_later = labels.alias("later")
_HOLDS = ~exists().where(_later.c.comment_id == labels.c.comment_id, _later.c.id > labels.c.id)
_BEGINNING = func.substr(comments.c.text, 1, bindparam("length")).label("text")
_ADD = insert(bands)
_DROP = delete(bands).where(bands.c.comment_id == bindparam("wanted_comment"))
_TEXT = select(_BEGINNING).where(comments.c.id == bindparam("wanted_comment"))
_MISSING = (
    select(labels.c.comment_id, labels.c.site_id, labels.c.value, _BEGINNING)
    .join(comments, comments.c.id == labels.c.comment_id)
    .where(
        labels.c.value.is_not(None),
        labels.c.comment_id > bindparam("after"),
        _HOLDS,
        ~exists().where(bands.c.comment_id == labels.c.comment_id, bands.c.version == bindparam("wanted_version")),
    )
    .order_by(labels.c.comment_id)
    .limit(bindparam("most"))
)
_LABELLED = (
    select(_BEGINNING, labels.c.value, labels.c.who, labels.c.source, labels.c.given_at)
    .join(comments, comments.c.id == labels.c.comment_id)
    .where(labels.c.comment_id.in_(bindparam("wanted_comments", expanding=True)), labels.c.value.is_not(None), _HOLDS)
    .order_by(labels.c.id.desc())
)


@cache
def _nearest(number: int) -> Select[int]:
    """The statement that asks for `number` bands: each by itself, so that a band of many comments costs no more."""
    sharing = union_all(*(select(_newest(f"band_{place}").c.comment_id) for place in range(number))).subquery()
    hits = select(sharing.c.comment_id, func.count().label("number")).group_by(sharing.c.comment_id).subquery()
    newest, shared = func.max(hits.c.comment_id).label("newest"), func.max(hits.c.number)
    return (
        select(newest)
        .select_from(hits.join(comments, comments.c.id == hits.c.comment_id))
        .where(hits.c.comment_id != bindparam("but"))
        .group_by(comments.c.content_key)
        .order_by(shared.desc(), newest.desc())
        .limit(bindparam("most"))
    )


def _newest(band: str) -> Subquery:
    return (
        select(bands.c.comment_id)
        .where(
            bands.c.site_id == bindparam("wanted_site"),
            bands.c.value == bindparam("wanted_value"),
            bands.c.band == bindparam(band),
        )
        .order_by(bands.c.comment_id.desc())
        .limit(bindparam("most_of_band"))
        .subquery()
    )


class Missing(NamedTuple):
    """A labelled comment that cannot be found yet, and how it begins."""

    comment_id: int
    site_id: int
    value: LabelValue
    text: str


def text_of(connection: Connection, comment_id: int, length: int) -> str:
    """The first `length` code points of a comment's text."""
    text: str = connection.execute(_TEXT, {"wanted_comment": comment_id, "length": length}).scalar_one()
    return text


def drop(connection: Connection, comment_id: int) -> None:
    """Lets a comment not be found any more."""
    connection.execute(_DROP, {"wanted_comment": comment_id})


def put_many(connection: Connection, filed: Sequence[tuple[Missing, Sequence[int]]], version: int) -> None:
    """Lets each of these comments be found by its bands, and by no others, among those with its label."""
    if not filed:
        return
    connection.execute(_DROP, [{"wanted_comment": one.comment_id} for one, _ in filed])
    rows = [
        {
            "site_id": one.site_id,
            "value": one.value.value,
            "band": band,
            "comment_id": one.comment_id,
            "version": version,
        }
        for one, found in filed
        for band in found
    ]
    connection.execute(_ADD, rows)


def missing(connection: Connection, version: int, after: int, most: int, length: int) -> list[Missing]:
    """The next `most` labelled comments without bands of this version whose number is above `after`, by number.

    Of their texts the first `length` code points.
    """
    wanted = {"wanted_version": version, "after": after, "most": most, "length": length}
    return [Missing(*row)._replace(value=LabelValue(row.value)) for row in connection.execute(_MISSING, wanted)]


def nearest(
    connection: Connection,
    site_id: int,
    value: LabelValue,
    found: Sequence[int],
    *,
    but: int | None,
    most: int,
    most_of_band: int,
) -> list[int]:
    """The numbers of the site's comments labelled `value` that share the most of these bands; at most `most`.

    Of each band the newest `most_of_band` are looked at, of those with equal content the newest is taken. `but` is
    the number of a comment to leave out.
    """
    wanted: dict[str, object] = {"wanted_site": site_id, "wanted_value": value.value, "most": most}
    wanted |= {"but": but or 0, "most_of_band": most_of_band}
    wanted |= {f"band_{number}": band for number, band in enumerate(found)}
    return list(connection.execute(_nearest(len(found)), wanted).scalars())


def labelled(connection: Connection, comment_ids: Sequence[int], length: int) -> list[tuple[str, Label]]:
    """The first `length` code points of these comments with the labels that hold, the newest label first."""
    if not comment_ids:
        return []
    rows = connection.execute(_LABELLED, {"wanted_comments": comment_ids, "length": length})
    return [(row.text, Label(LabelValue(row.value), row.who, row.source, row.given_at)) for row in rows]
