"""The append-only log of labels. Of all labels of a comment the newest one is in force."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, and_, case, exists, func, insert, or_, select, update

from moderation.domain.comment import Comment
from moderation.domain.decision import PERSON_CHANNELS, Label, LabelOrigin, LabelValue, LogEntry, TrackRecord
from moderation.domain.history import HISTORY_CHANNEL
from moderation.storage import comments, findings
from moderation.storage.columns import UtcDateTime
from moderation.storage.tables import comments as comments_table
from moderation.storage.tables import decisions, labels, queue_items, sites

_later = labels.alias("later_label")
IN_FORCE = ~exists().where(_later.c.comment_id == labels.c.comment_id, _later.c.id > labels.c.id)
"""Condition on `labels`: the comment has no later label. A withdrawal is in force too; its value is NULL."""

_revoking = labels.alias("revoking_label")
_NEXT_ID = (
    select(func.min(_later.c.id))
    .where(_later.c.comment_id == labels.c.comment_id, _later.c.id > labels.c.id)
    .correlate(labels)
    .scalar_subquery()
)
_WITH_REVOKING = labels.join(sites, sites.c.id == labels.c.site_id).outerjoin(_revoking, _revoking.c.id == _NEXT_ID)

_LABEL_ID = (
    select(case((or_(_later.c.value.is_not(None), _later.c.removes.is_(True)), _later.c.id)))
    .where(_later.c.comment_id == decisions.c.comment_id)
    .order_by(_later.c.id.desc())
    .limit(1)
    .correlate(decisions)
    .scalar_subquery()
)
_MAX_HASHES_PER_QUERY = 500
_MAX_IDS_PER_QUERY = 500
LABEL_COLUMNS: tuple[ColumnElement[Any], ...] = (
    labels.c.value,
    labels.c.labelled_by,
    labels.c.channel,
    labels.c.created_at,
    labels.c.origin,
    labels.c.reason,
    labels.c.decision_id,
    labels.c.removes,
)
"""The columns that `label_from_row` needs."""


class LabelledComment(NamedTuple):
    """A comment of a site with its label in force, which has a value and the number `label_id`, as in a `Finding`.

    `audit_probability` is that with which its decision in force was drawn for the audit, `None` if it was not drawn.
    """

    comment_id: int
    site_url: str
    comment: Comment
    label: Label
    value: LabelValue
    audit_probability: float | None
    label_id: int


class ImportKey(NamedTuple):
    """The facts by which an import recognizes a comment that was labelled before."""

    content_hash: bytes
    author: str | None
    email: str | None
    permalink: str | None


class ImportedComment(NamedTuple):
    """A stored comment and the value of its label in force; `None` if that was withdrawn."""

    comment_id: int
    value: LabelValue | None


class LabelSource(NamedTuple):
    """The act that a row of the log belongs to. A row that an undo appends also says who undid and when.

    `restores_id` is the number of the row that it repeats, whose place in time it has.
    """

    act_id: int | None = None
    restores_id: int | None = None
    undone_at: datetime | None = None
    undone_by: str | None = None


NO_ACT = LabelSource()


def append(connection: Connection, site_id: int, comment_id: int, label: Label, source: LabelSource = NO_ACT) -> None:
    """Append a label to the log, name it in the comment's decision, and open and close findings by it."""
    append_many(connection, site_id, [(comment_id, label)], source)
    refresh_decisions(connection, [comment_id])
    findings.follow(connection, comment_id, label, is_undo=source.undone_at is not None)


def refresh_decisions(connection: Connection, comment_ids: Sequence[int]) -> None:
    """Name the rows in force of the log in the current decisions on comments, which must be locked."""
    for start in range(0, len(comment_ids), _MAX_IDS_PER_QUERY):
        page = comment_ids[start : start + _MAX_IDS_PER_QUERY]
        current = and_(decisions.c.comment_id.in_(page), decisions.c.superseded.is_(False))
        connection.execute(update(decisions).where(current).values(label_id=_LABEL_ID))


def append_many(
    connection: Connection, site_id: int, labelled: Iterable[tuple[int, Label]], source: LabelSource = NO_ACT
) -> None:
    """Append pairs of comment id and label to the log.

    Of comments that have a decision, `refresh_decisions` must follow.
    """
    rows = [
        {
            "site_id": site_id,
            "comment_id": comment_id,
            "value": label.value and label.value.value,
            "labelled_by": label.labelled_by,
            "channel": label.channel,
            "created_at": label.created_at,
            "origin": label.origin.value,
            "reason": label.reason,
            "decision_id": label.decision_id,
            "removes": label.removes,
            **source._asdict(),
        }
        for comment_id, label in labelled
    ]
    if rows:
        connection.execute(insert(labels), rows)


def last(connection: Connection, comment_id: int) -> Label | None:
    """Return the newest label of a comment, which may be a withdrawal; `None` if it was never labelled."""
    row = connection.execute(
        select(*LABEL_COLUMNS).where(labels.c.comment_id == comment_id).order_by(labels.c.id.desc()).limit(1)
    ).first()
    return None if row is None else label_from_row(row)


def last_of_site(connection: Connection, site_id: int) -> Label | None:
    """Return the newest label of a site; `None` if none of its comments was labelled."""
    row = connection.execute(
        select(*LABEL_COLUMNS).where(labels.c.site_id == site_id).order_by(labels.c.id.desc()).limit(1)
    ).first()
    return None if row is None else label_from_row(row)


def read_log(
    connection: Connection, site_id: int | None, comment_id: int | None, before: int | None, limit: int
) -> list[LogEntry]:
    """Return the newest `limit` rows of the log with an id below `before`, newest first.

    `site_id` and `comment_id` restrict them to one site and one comment.
    """
    statement = (
        select(
            labels.c.id,
            sites.c.url,
            labels.c.comment_id,
            func.coalesce(_revoking.c.undone_at, _revoking.c.created_at, type_=UtcDateTime).label("revoked_at"),
            func.coalesce(_revoking.c.undone_by, _revoking.c.labelled_by).label("revoked_by"),
            labels.c.act_id,
            labels.c.undone_at,
            labels.c.undone_by,
            *LABEL_COLUMNS,
        )
        .select_from(_WITH_REVOKING)
        .order_by(labels.c.id.desc())
        .limit(limit)
    )
    for column, wanted in ((labels.c.site_id, site_id), (labels.c.comment_id, comment_id)):
        if wanted is not None:
            statement = statement.where(column == wanted)
    if before is not None:
        statement = statement.where(labels.c.id < before)
    return [
        LogEntry(
            row.id,
            row.url,
            row.comment_id,
            label_from_row(row),
            row.revoked_at,
            row.revoked_by,
            row.act_id,
            row.undone_at,
            row.undone_by,
        )
        for row in connection.execute(statement)
    ]


def track_records(connection: Connection, site_id: int | None) -> list[TrackRecord]:
    """Return the track record of each person and channel that has labelled, of one site or of all."""
    # An undo repeats a label that was counted, and contradicts none.
    by_another = or_(_revoking.c.labelled_by != labels.c.labelled_by, _revoking.c.channel != labels.c.channel)
    contradicted = and_(_revoking.c.value != labels.c.value, by_another, _revoking.c.undone_by.is_(None))
    forgotten = and_(_revoking.c.id.is_not(None), _revoking.c.value.is_(None), _revoking.c.removes.is_(False))
    group = (sites.c.url, labels.c.labelled_by, labels.c.channel)
    statement = (
        select(*group, func.count(), *(func.sum(case((met, 1), else_=0)) for met in (contradicted, forgotten)))
        .select_from(_WITH_REVOKING)
        .where(labels.c.value.is_not(None), labels.c.undone_by.is_(None))
        .group_by(*group)
        .order_by(*group)
    )
    if site_id is not None:
        statement = statement.where(labels.c.site_id == site_id)
    return [TrackRecord(*row) for row in connection.execute(statement)]


def list_labelled(connection: Connection, site_id: int | None, after: int, limit: int) -> list[LabelledComment]:
    """Return the next `limit` labelled comments whose id is above `after`, in the order of their ids.

    `site_id` restricts them to one site. Withdrawn labels and comments whose contents were deleted are left out.
    """
    probability = (
        select(queue_items.c.audit_probability)
        .join(decisions, decisions.c.id == queue_items.c.decision_id)
        .where(decisions.c.comment_id == labels.c.comment_id, decisions.c.superseded.is_(False))
        .where(queue_items.c.audit_probability.is_not(None))
        .limit(1)
        .scalar_subquery()
        .label("audit_probability")
    )
    label_id = func.coalesce(labels.c.restores_id, labels.c.id).label("label_id")
    about = (labels.c.comment_id, sites.c.url.label("site_url"), probability, label_id)
    statement = (
        select(*about, *LABEL_COLUMNS, *comments.COLUMNS)
        .select_from(labels)
        .join(comments_table, comments_table.c.id == labels.c.comment_id)
        .join(sites, sites.c.id == labels.c.site_id)
        .where(labels.c.value.is_not(None), labels.c.comment_id > after, IN_FORCE, comments_table.c.purged_at.is_(None))
        .order_by(labels.c.comment_id)
        .limit(limit)
    )
    if site_id is not None:
        statement = statement.where(labels.c.site_id == site_id)
    return [
        LabelledComment(
            row.comment_id,
            row.site_url,
            comments.from_row(row._mapping),  # noqa: SLF001  # SQLAlchemy's documented name
            label_from_row(row),
            LabelValue(row.value),
            row.audit_probability,
            row.label_id,
        )
        for row in connection.execute(statement)
    ]


def list_of_history(connection: Connection, site_id: int) -> list[tuple[int, str]]:
    """Return comments of a site and the channels of their labels, if these come from the site's history.

    Those are labels in force that an import gave, and those of a second look at comments that were never judged.
    """
    judged = exists().where(decisions.c.comment_id == labels.c.comment_id)
    of_second_look = and_(labels.c.channel.in_(PERSON_CHANNELS), ~judged)
    statement = (
        select(labels.c.comment_id, labels.c.channel)
        .where(labels.c.site_id == site_id, labels.c.value.is_not(None), IN_FORCE)
        .where(or_(labels.c.channel == HISTORY_CHANNEL, of_second_look))
        .order_by(labels.c.comment_id)
    )
    return [(comment_id, channel) for comment_id, channel in connection.execute(statement)]


def find_imported(
    connection: Connection, site_id: int, content_hashes: Sequence[bytes]
) -> dict[ImportKey, ImportedComment]:
    """Return the site's comments that were labelled and have one of these content hashes, the newest of each key."""
    found: dict[ImportKey, ImportedComment] = {}
    for start in range(0, len(content_hashes), _MAX_HASHES_PER_QUERY):
        page = content_hashes[start : start + _MAX_HASHES_PER_QUERY]
        statement = (
            select(
                comments_table.c.content_hash,
                comments_table.c.author,
                comments_table.c.email,
                comments_table.c.permalink,
                comments_table.c.id,
                labels.c.value,
            )
            .join(labels, labels.c.comment_id == comments_table.c.id)
            .where(comments_table.c.site_id == site_id, comments_table.c.content_hash.in_(page))
            .where(IN_FORCE)
            .order_by(comments_table.c.id)
        )
        for *key, comment_id, value in connection.execute(statement):
            found[ImportKey(*key)] = ImportedComment(comment_id, value and LabelValue(value))
    return found


def label_from_row(row: Row[Any]) -> Label:
    """Return the label in a row that was selected with `LABEL_COLUMNS`."""
    return label_from_values(*(getattr(row, column.name) for column in LABEL_COLUMNS))


def label_from_values(
    value: str | None,
    labelled_by: str,
    channel: str,
    created_at: datetime,
    origin: str,
    reason: str,
    decision_id: str | None,
    removes: bool,
) -> Label:
    """Return the label with the values of `LABEL_COLUMNS`, in their order."""
    known = None if value is None else LabelValue(value)
    return Label(known, labelled_by, channel, created_at, LabelOrigin(origin), reason, decision_id, removes)
