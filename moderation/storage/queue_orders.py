"""The orders of the queue's lists, each read from an index: the time of a page does not grow with a list."""

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, FromClause, Select, and_, literal, select, tuple_
from sqlalchemy import exists as sql_exists

from moderation.domain.people import SiteScope
from moderation.domain.queue import ListName, Order, QueueList, parse_digits
from moderation.storage.columns import ClampedInteger
from moderation.storage.findings import IS_OPEN as FINDING_IS_OPEN
from moderation.storage.sites import in_scope
from moderation.storage.tables import (
    IS_BLOCKED,
    IS_HELD,
    IS_LABELLED,
    IS_PUBLIC,
    MARGIN,
    callbacks,
    decisions,
    findings,
    queue_items,
)

IS_OPEN = queue_items.c.closed_at.is_(None)
IS_UNSKIPPED = queue_items.c.skipped_at.is_(None)
IS_AUDIT = queue_items.c.audit_probability.is_not(None)
CONDITIONS = {ListName.BLOCKED: IS_BLOCKED, ListName.PUBLIC: IS_PUBLIC, ListName.DECIDED: IS_LABELLED}
"""The conditions of the lists that are read from the decisions alone."""
_DECIDED_AT = (decisions.c.decided_at, decisions.c.id)
PLACES = {ListName.BLOCKED: _DECIDED_AT, ListName.PUBLIC: _DECIDED_AT, ListName.DECIDED: (decisions.c.label_id,)}
"""The columns that order these lists. Each has an index of its condition with them."""

# An expression: with the column, a database would sort all comments of a site in place of reading the list's index.
_SITE_ID = decisions.c.site_id + 0
_WITH_ITEM = queue_items.join(decisions, decisions.c.id == queue_items.c.decision_id)
_WITH_CALLBACK = callbacks.join(_WITH_ITEM, callbacks.c.decision_id == queue_items.c.decision_id)

_WITH_FINDING = findings.outerjoin(
    decisions, and_(decisions.c.comment_id == findings.c.comment_id, decisions.c.superseded.is_(False))
)


class _Path(NamedTuple):
    """Tables and conditions of a list, the columns of a place in its order, and those of sites and comments.

    A place of one column is a number; one of several ends with the id of the decision, which alone names it.
    """

    source: FromClause
    conditions: tuple[ColumnElement[bool], ...]
    place: tuple[ColumnElement[Any], ...]
    is_descending: bool
    site_id: ColumnElement[int] = _SITE_ID
    comment_id: ColumnElement[int] = decisions.c.comment_id


def has_item(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition that a decision has a queue item with these."""
    return sql_exists().where(queue_items.c.decision_id == decisions.c.id, *conditions).correlate(decisions)


AWAITS_AUDIT = has_item(IS_AUDIT, IS_OPEN)
"""Condition of the audit items, which are hidden where their place or a count would tell their verdict."""


def keys(connection: Connection, scope: SiteScope, queue_list: QueueList, after: str) -> Select[Any]:
    """Return the statement of a list in its order: `id` of the decision, `place`, `comment_id` and `site_id`.

    The id is NULL for a comment that was never judged. The list begins behind the place `after`, or at its beginning if
    that is unknown.
    """
    path = _path(queue_list)
    columns, is_number = path.place, len(path.place) == 1
    statement = (
        select(
            decisions.c.id.label("id"),
            columns[-1].label("place"),
            path.comment_id.label("comment_id"),
            path.site_id.label("site_id"),
        )
        .select_from(path.source)
        .where(*path.conditions, in_scope(path.site_id, scope))
        .order_by(*(column.desc() if path.is_descending else column.asc() for column in columns))
    )
    if not after:
        return statement
    if is_number:
        number = parse_digits(after)
        last: tuple[ColumnElement[Any], ...] = () if number is None else (literal(number, ClampedInteger),)
    else:
        own = select(*columns).select_from(path.source).where(decisions.c.id == after)
        found = connection.execute(own.where(in_scope(path.site_id, scope))).first() or ()
        last = tuple(literal(value, column.type) for value, column in zip(found, columns, strict=False))
    if not last:
        return statement
    place: ColumnElement[Any] = columns[0] if is_number else tuple_(*columns)
    end: ColumnElement[Any] = last[0] if is_number else tuple_(*last)
    return statement.where(place < end if path.is_descending else place > end)


def _path(queue_list: QueueList) -> _Path:
    name, is_descending = queue_list.name, queue_list.order is not Order.OLDEST
    if name is ListName.HELD:
        return _held_path(queue_list)
    if name is ListName.SECOND_LOOK:
        columns = (findings.c.site_id, findings.c.comment_id)
        return _Path(_WITH_FINDING, (FINDING_IS_OPEN,), (findings.c.id,), is_descending, *columns)
    if name is ListName.DECIDED:
        return _Path(decisions, (IS_LABELLED,), PLACES[name], is_descending)
    return _Path(decisions, (CONDITIONS[name], ~AWAITS_AUDIT), PLACES[name], is_descending)


def _held_path(queue_list: QueueList) -> _Path:
    shown = (IS_OPEN,) if queue_list.include_skipped else (IS_OPEN, IS_UNSKIPPED)
    if queue_list.order is Order.HIGHEST:
        return _Path(decisions, (IS_HELD, has_item(*shown)), (decisions.c.probability, decisions.c.id), True)
    if queue_list.order is Order.UNCERTAIN:
        return _Path(decisions, (IS_HELD, has_item(*shown)), (MARGIN, decisions.c.id), False)
    if queue_list.order is Order.SOON:
        # A skipped comment is published as soon as others.
        waiting = (IS_OPEN, callbacks.c.publishes_at >= queue_list.since) if queue_list.since else (IS_OPEN,)
        place = (callbacks.c.publishes_at, decisions.c.id)
        return _Path(_WITH_CALLBACK, waiting, place, False, queue_items.c.site_id)
    is_descending = queue_list.order is Order.NEWEST
    return _Path(_WITH_ITEM, shown, (queue_items.c.id,), is_descending, queue_items.c.site_id)
