"""The lists of the queue, a page at a time, and the counts of each."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, func, select

from moderation.domain.comment import COMMENT_FIELDS
from moderation.domain.decision import Label, LabelValue
from moderation.domain.people import SiteScope
from moderation.domain.queue import (
    MAX_COUNTED,
    CallbackState,
    ListedComment,
    ListName,
    ListPage,
    QueueItem,
    QueueList,
    unjudged_id,
    unjudged_number,
)
from moderation.domain.site import ReviewAction
from moderation.storage import comments, decisions, opinions, second_look
from moderation.storage.labels import LABEL_COLUMNS, label_from_values
from moderation.storage.queue_orders import CONDITIONS, IS_AUDIT, IS_OPEN, IS_UNSKIPPED, PLACES, keys
from moderation.storage.sites import in_scope
from moderation.storage.tables import callbacks, labels, queue_items, sites
from moderation.storage.tables import comments as comments_table
from moderation.storage.tables import decisions as decisions_table
from moderation.storage.tables import opinions as opinions_table

_MAX_IDS_PER_QUERY = 500
_ITEM = decisions_table.join(queue_items, queue_items.c.decision_id == decisions_table.c.id)
_LABEL_COLUMNS = tuple(column.label(f"label_{column.name}") for column in LABEL_COLUMNS)
_COLUMNS = (
    sites.c.url.label("site_url"),
    sites.c.review_action,
    sites.c.plugin_callback,
    comments_table.c.author_id,
    queue_items.c.opened_at,
    queue_items.c.skipped_at,
    queue_items.c.closed_at,
    queue_items.c.audit_probability,
    *(callbacks.c[name].label(f"callback_{name}") for name in CallbackState._fields),
    *opinions.COLUMNS,
    *_LABEL_COLUMNS,
    *decisions.OWN_COLUMNS,
    *comments.EXCERPTS,
)
_JOINED = (
    decisions.WITH_COMMENT.join(sites, sites.c.id == decisions_table.c.site_id)
    .outerjoin(queue_items, queue_items.c.decision_id == decisions_table.c.id)
    .outerjoin(callbacks, callbacks.c.decision_id == decisions_table.c.id)
    .outerjoin(labels, labels.c.id == decisions_table.c.label_id)
    .outerjoin(opinions_table, opinions_table.c.comment_id == decisions_table.c.comment_id)
)


def page(
    connection: Connection, scope: SiteScope, queue_list: QueueList, after: str, limit: int, excerpt_length: int
) -> ListPage:
    """Return the next comments of a list on the sites of the scope, at most `limit`.

    An unknown `after` gives the first page.

    Only the first `excerpt_length` code points of a comment's fields are read, one more shows that a field is longer.
    """
    found = connection.execute(keys(connection, scope, queue_list, after).limit(limit + 1)).all()
    ids = [key.id or unjudged_id(key.comment_id) for key in found[:limit]]
    listed = in_order(connection, scope, ids, excerpt_length)
    return ListPage(listed, str(found[limit - 1].place) if len(found) > limit else "")


def in_order(
    connection: Connection, scope: SiteScope, decision_ids: Sequence[str], excerpt_length: int
) -> list[ListedComment]:
    """Return the comments that `find_many` finds, in the order of the ids."""
    found = {comment.id: comment for comment in find_many(connection, scope, decision_ids, excerpt_length)}
    return [found[decision_id] for decision_id in decision_ids if decision_id in found]


def find(connection: Connection, scope: SiteScope, decision_id: str, excerpt_length: int) -> ListedComment | None:
    """Return the comment of a decision, by its current decision; `None` if no site of the scope has it.

    The id may also be one of `unjudged_id`.
    """
    comment_id = unjudged_number(decision_id)
    if comment_id is None:
        of_decision = select(decisions_table.c.comment_id).where(decisions_table.c.id == decision_id)
        comment_id = connection.execute(of_decision).scalar()
    current_id = None if comment_id is None else decisions.find_current_id(connection, comment_id)
    return next(iter(find_many(connection, scope, [current_id or decision_id], excerpt_length)), None)


def find_many(
    connection: Connection, scope: SiteScope, decision_ids: Collection[str], excerpt_length: int
) -> list[ListedComment]:
    """Return the comments of those of the decisions that are current, on sites of the scope, in no order.

    Ids of `unjudged_id` name comments without a decision.
    """
    ids, found = list(decision_ids), list[ListedComment]()
    for start in range(0, len(ids), _MAX_IDS_PER_QUERY):
        page_ids = ids[start : start + _MAX_IDS_PER_QUERY]
        listed = _read(connection, scope, decisions_table.c.id.in_(page_ids), excerpt_length)
        listed += second_look.find_unjudged(connection, scope, page_ids, excerpt_length)
        found += second_look.with_findings(connection, listed)
    return found


def count(
    connection: Connection,
    scope: SiteScope,
    name: ListName,
    *,
    include_skipped: bool = False,
    audits_only: bool = False,
) -> int:
    """Return how many comments a list has on the sites of the scope, at most one more than `MAX_COUNTED`.

    With `audits_only`, how many of the held ones are audit items.
    """
    if name is ListName.HELD:
        held = select(queue_items.c.id).where(IS_OPEN, in_scope(queue_items.c.site_id, scope))
        if not include_skipped:
            held = held.where(IS_UNSKIPPED)
        if audits_only:
            # The sites are named, or SQLite would read all open items in place of the index of audit items.
            held = held.where(IS_AUDIT, queue_items.c.site_id.in_(select(sites.c.id)))
        return _count_capped(connection, held)
    if name is ListName.SECOND_LOOK:
        return _count_capped(connection, second_look.numbers(scope))
    condition = CONDITIONS[name]
    of_list = select(decisions_table.c.site_id).where(condition, in_scope(decisions_table.c.site_id, scope))
    # In the order of the list, or a database may read the table from its beginning in place of the list's index.
    counted = _count_capped(connection, of_list.order_by(*PLACES[name]))
    if name is ListName.DECIDED or counted > MAX_COUNTED:
        return counted
    # The audit items are few: to ask for one at each counted decision would take ten times longer.
    audits = select(queue_items.c.id).select_from(_ITEM).where(IS_AUDIT, IS_OPEN, condition)
    return counted - _count_capped(connection, audits.where(in_scope(queue_items.c.site_id, scope)))


def count_expiring(connection: Connection, scope: SiteScope, since: datetime, until: datetime) -> int:
    """Return how many held comments blogs publish in this window, at most one more than `MAX_COUNTED`."""
    # From the callbacks of a time, which are few, to their items: the open items may be many.
    of_time = (
        select(queue_items.c.id)
        .select_from(callbacks.join(queue_items, queue_items.c.decision_id == callbacks.c.decision_id))
        .where(callbacks.c.publishes_at.between(since, until), IS_OPEN)
    )
    return _count_capped(connection, of_time.where(in_scope(queue_items.c.site_id, scope)))


def _count_capped(connection: Connection, statement: Select[Any]) -> int:
    bounded = statement.limit(MAX_COUNTED + 1).subquery()
    return int(connection.execute(select(func.count()).select_from(bounded)).scalar_one())


def _read(
    connection: Connection, scope: SiteScope, condition: ColumnElement[bool], excerpt_length: int
) -> list[ListedComment]:
    """Return the comments with a current decision of this condition on a site of the scope."""
    statement = (
        select(*_COLUMNS)
        .select_from(_JOINED)
        .where(condition, decisions_table.c.superseded.is_(False), in_scope(decisions_table.c.site_id, scope))
    )
    rows = connection.execute(statement, {"excerpt_length": excerpt_length + 1}).mappings()
    return [_listed_comment(row, excerpt_length) for row in rows]


def _listed_comment(row: RowMapping, excerpt_length: int) -> ListedComment:
    decision = decisions.from_row(row)
    fields = (getattr(decision.comment, name) for name in COMMENT_FIELDS)
    return ListedComment(
        comment_id=row["decision_comment_id"],
        site_url=row["site_url"],
        review_action=ReviewAction(row["review_action"]),
        decision=decision,
        channel=row["decision_channel"],
        author_id=row["author_id"],
        is_excerpt=any(field is not None and len(field) > excerpt_length for field in fields),
        label_id=row["decision_label_id"] or 0,
        label=_label(row),
        item=_queue_item(row),
        callback=_callback_state(row),
        opinion=opinions.from_row(row),
        can_be_told=bool(row["callback_publishes_at"] or (row["decision_has_callback"] and row["plugin_callback"])),
    )


def _label(row: RowMapping) -> Label | None:
    if row["decision_label_id"] is None:
        return None
    return label_from_values(*(row[column.name] for column in _LABEL_COLUMNS))


def _queue_item(row: RowMapping) -> QueueItem | None:
    if row["opened_at"] is None:
        return None
    return QueueItem(
        opened_at=row["opened_at"],
        skipped=row["skipped_at"] is not None,
        is_open=row["closed_at"] is None,
        is_audit=row["audit_probability"] is not None,
    )


def _callback_state(row: RowMapping) -> CallbackState | None:
    if row["callback_publishes_at"] is None:
        return None
    stored = CallbackState(*(row[f"callback_{name}"] for name in CallbackState._fields))
    result, told = (value and LabelValue(value) for value in (stored.result, stored.told))
    publishes_at = None if row["decision_has_callback"] else stored.publishes_at
    return stored._replace(publishes_at=publishes_at, result=result, told=told)
