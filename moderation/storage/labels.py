"""The append-only log of what people said: of all labels of a comment the last one holds."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, RowMapping, bindparam, exists, insert, select

from moderation.domain.comment import Comment
from moderation.domain.judgement import Label, LabelValue
from moderation.storage import comments
from moderation.storage.tables import comments as comments_table
from moderation.storage.tables import labels, sites

_later = labels.alias("later")
_ADD = insert(labels)
_LAST = (
    select(labels.c.value, labels.c.who, labels.c.source, labels.c.given_at)
    .where(labels.c.comment_id == bindparam("wanted_comment"))
    .order_by(labels.c.id.desc())
    .limit(1)
)
_HOLDING = (
    select(labels.c.comment_id, labels.c.value, sites.c.url.label("site_url"), *comments.FIELDS)
    .select_from(labels)
    .join(comments_table, comments_table.c.id == labels.c.comment_id)
    .join(sites, sites.c.id == labels.c.site_id)
    .where(
        labels.c.value.is_not(None),
        labels.c.comment_id > bindparam("after"),
        ~exists().where(_later.c.comment_id == labels.c.comment_id, _later.c.id > labels.c.id),
    )
    .order_by(labels.c.comment_id)
    .limit(bindparam("most"))
)
_HOLDING_OF_SITE = _HOLDING.where(labels.c.site_id == bindparam("wanted_site"))


class Labelled(NamedTuple):
    """A comment of a site with the label that holds."""

    comment_id: int
    site_url: str
    comment: Comment
    value: LabelValue


def append(connection: Connection, site_id: int, comment_id: int, label: Label) -> None:
    """Adds to the log."""
    connection.execute(_ADD, _row(site_id, comment_id, label))


def append_many(connection: Connection, site_id: int, given: Sequence[tuple[int, Label]]) -> None:
    """Adds pairs of comment number and label to the log."""
    if given:
        connection.execute(_ADD, [_row(site_id, comment_id, label) for comment_id, label in given])


def last(connection: Connection, comment_id: int) -> Label | None:
    """The newest label of a comment, be it a withdrawal; `None` when nobody ever labelled it."""
    row = connection.execute(_LAST, {"wanted_comment": comment_id}).mappings().first()
    return None if row is None else _label(row)


def holding(connection: Connection, site_id: int | None, after: int, most: int) -> list[Labelled]:
    """The next `most` labelled comments of a site (`None`: of all) whose number is above `after`, by number.

    Withdrawn labels are left out.
    """
    wanted: dict[str, int] = {"after": after, "most": most}
    statement = _HOLDING
    if site_id is not None:
        wanted["wanted_site"] = site_id
        statement = _HOLDING_OF_SITE
    rows = connection.execute(statement, wanted).mappings()
    return [
        Labelled(row["comment_id"], row["site_url"], comments.from_row(row), LabelValue(row["value"])) for row in rows
    ]


def _label(row: RowMapping) -> Label:
    value = None if row["value"] is None else LabelValue(row["value"])
    return Label(value=value, who=row["who"], source=row["source"], given_at=row["given_at"])


def _row(site_id: int, comment_id: int, label: Label) -> dict[str, object]:
    return {
        "site_id": site_id,
        "comment_id": comment_id,
        "value": None if label.value is None else label.value.value,
        "who": label.who,
        "source": label.source,
        "given_at": label.given_at,
    }
