"""The lessons of a site: its labels in force with the features of their comments. Learning reads nothing else."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from sqlalchemy import Connection, and_, bindparam, delete, exists, func, select

from moderation.domain.comment import Comment
from moderation.domain.decision import Label, LabelValue
from moderation.features.label_features import ROW_VERSION, LabelFeatures
from moderation.scoring.site_weights import Lesson
from moderation.storage import comments, decisions
from moderation.storage.labels import IN_FORCE
from moderation.storage.prepared import PreparedQuery, PreparedUpsert
from moderation.storage.tables import comments as comments_table
from moderation.storage.tables import label_features, labels

_NEWEST_ID = PreparedQuery(select(func.max(labels.c.id)).where(labels.c.site_id == bindparam("site_id")))
_PUT = PreparedUpsert(
    label_features,
    lambda _, added: {name: added[name] for name in ("site_id", "features_version", "features", "reader_change")},
)
_CURRENT = and_(label_features.c.comment_id == labels.c.comment_id, label_features.c.features_version == ROW_VERSION)
_LABELLED = and_(labels.c.value.is_not(None), IN_FORCE)


class LabelChange(NamedTuple):
    """The newest label of a comment. `lesson` is `None` if it was withdrawn, or if its features are not stored."""

    label_id: int
    comment_id: int
    lesson: Lesson | None


class MissingFeatures(NamedTuple):
    """A labelled comment whose features are missing, or of another version."""

    comment_id: int
    site_id: int
    comment: Comment


def put_features(connection: Connection, site_id: int, rows: Iterable[tuple[int, bytes]]) -> None:
    """Store pairs of comment id and packed features of this version, in the place of earlier ones.

    The change of the comment's logit by the second reader is stored too, as an offset for the site's weights.
    """
    features = dict(rows)
    changes = decisions.find_reader_changes(connection, features)
    beginning = {"site_id": site_id, "features_version": ROW_VERSION}
    _PUT.run(
        connection,
        [
            {"comment_id": comment_id, "features": row, "reader_change": changes.get(comment_id, 0.0), **beginning}
            for comment_id, row in features.items()
        ],
    )


def remove_features(connection: Connection, comment_ids: Collection[int]) -> None:
    """Delete the features of comments, so that their labels teach nothing."""
    connection.execute(delete(label_features).where(label_features.c.comment_id.in_(comment_ids)))


def newest_label_id(connection: Connection, site_id: int) -> int:
    """Return the id of the newest label of a site, 0 without one. It grows with every label and every withdrawal."""
    newest: int | None = _NEWEST_ID.run(connection, {"site_id": site_id})
    return newest or 0


def changes_after(connection: Connection, site_id: int, label_id: int) -> list[LabelChange]:
    """Return the newest labels of the comments of a site that were labelled after a label, in the order of their ids.

    With 0 all are returned. The last id is that of `newest_label_id`.
    """
    order = func.coalesce(labels.c.restores_id, labels.c.id)
    columns = (labels.c.id, order, labels.c.comment_id, labels.c.value, labels.c.labelled_by, labels.c.channel)
    statement = (
        select(*columns, labels.c.created_at, label_features.c.features, label_features.c.reader_change)
        .select_from(labels.outerjoin(label_features, _CURRENT))
        .where(labels.c.site_id == site_id, labels.c.id > label_id, IN_FORCE)
        .order_by(labels.c.id)
    )
    changes = []
    for newest_id, place, comment_id, value, labelled_by, channel, created_at, features, change in connection.execute(
        statement
    ):
        lesson = None
        if value is not None and features is not None:
            label = Label(LabelValue(value), labelled_by, channel, created_at)
            lesson = Lesson(label, place, comment_id, LabelFeatures.from_bytes(features), change)
        changes.append(LabelChange(newest_id, comment_id, lesson))
    return changes


def count(connection: Connection, site_id: int | None) -> tuple[int, int]:
    """Return the numbers of lessons, and of labels in force without features of this version, of a site or of all."""
    of_site = [] if site_id is None else [labels.c.site_id == site_id]
    statement = (
        select(func.count(label_features.c.comment_id), func.count())
        .select_from(labels.outerjoin(label_features, _CURRENT))
        .where(_LABELLED, *of_site)
    )
    usable, in_force = connection.execute(statement).one()
    return usable, in_force - usable


def list_missing(connection: Connection, after: int, limit: int) -> list[MissingFeatures]:
    """Return the next `limit` labelled comments without features of this version, with an id above `after`.

    Comments whose contents were deleted are left out: there is nothing to make features from.
    """
    statement = (
        select(labels.c.comment_id, labels.c.site_id, *comments.COLUMNS)
        .join(comments_table, comments_table.c.id == labels.c.comment_id)
        .where(_LABELLED, labels.c.comment_id > after, ~exists().where(_CURRENT).correlate(labels))
        .where(comments_table.c.purged_at.is_(None))
        .order_by(labels.c.comment_id)
        .limit(limit)
    )
    rows = connection.execute(statement).mappings()
    return [MissingFeatures(row["comment_id"], row["site_id"], comments.from_row(row)) for row in rows]
