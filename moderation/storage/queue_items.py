"""Queue items: decisions that await a person. `decisions.add` opens them."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, func, literal, select, update

from moderation.domain.comment import COMMENT_FIELDS
from moderation.domain.decision import QueueItem
from moderation.storage import comments, decisions
from moderation.storage.columns import ClampedInteger
from moderation.storage.tables import callbacks, queue_items, sites
from moderation.storage.tables import comments as comments_table
from moderation.storage.tables import decisions as decisions_table

_IS_OPEN = queue_items.c.closed_at.is_(None)
_UNSKIPPED = queue_items.c.skipped_at.is_(None)
_HELD = (
    select(
        queue_items.c.id.label("item_id"),
        queue_items.c.opened_at,
        sites.c.url.label("site_url"),
        callbacks.c.publishes_at,
        comments_table.c.author_id,
        *decisions.OWN_COLUMNS,
        *comments.EXCERPTS,
    )
    .select_from(
        queue_items.join(decisions.WITH_COMMENT, queue_items.c.decision_id == decisions_table.c.id)
        .join(sites, sites.c.id == queue_items.c.site_id)
        .outerjoin(callbacks, callbacks.c.decision_id == queue_items.c.decision_id)
    )
    .where(_IS_OPEN, sites.c.removed_at.is_(None))
)
_OF_REMOVED_SITE = queue_items.c.site_id.in_(select(sites.c.id).where(sites.c.removed_at.is_not(None)))
_COUNT_OPEN = select(func.count()).select_from(queue_items).where(_IS_OPEN)
# From the callbacks of a time, which are few, to their items: the open items may be many.
_COUNT_EXPIRING = (
    select(func.count())
    .select_from(callbacks.join(queue_items, queue_items.c.decision_id == callbacks.c.decision_id))
    .where(_IS_OPEN, ~_OF_REMOVED_SITE)
)


class ItemState(NamedTuple):
    """The decision of an item and how it was closed; `closed_by` and `outcome` are `None` while it is open."""

    site_id: int
    comment_id: int
    decision_id: str
    closed_by: str | None
    outcome: str | None


def held(
    connection: Connection, before: int | None, limit: int, include_skipped: bool, excerpt_length: int
) -> list[QueueItem]:
    """Return the newest open items of active sites, at most `limit`. With `before`, only items with a lower id.

    Only the first `excerpt_length` code points of a comment's fields are read, one more shows that a field is longer.
    """
    statement = _HELD.order_by(queue_items.c.id.desc()).limit(limit)
    if not include_skipped:
        statement = statement.where(_UNSKIPPED)
    if before is not None:
        statement = statement.where(queue_items.c.id < before)
    return _queue_items(connection, statement, excerpt_length)


def find(connection: Connection, item_id: int, excerpt_length: int) -> QueueItem | None:
    """Return an open item of an active site, with excerpts as `held` reads them."""
    return next(iter(_queue_items(connection, _HELD.where(queue_items.c.id == item_id), excerpt_length)), None)


def text_part(connection: Connection, item_id: int, start: int, length: int) -> tuple[str, int]:
    """Return `length` code points of the text of an item's comment from `start` on, and the length of the text."""
    statement = (
        select(
            func.substr(comments_table.c.text, literal(start + 1, ClampedInteger), length),
            func.length(comments_table.c.text),
        )
        .join(decisions_table, decisions_table.c.comment_id == comments_table.c.id)
        .join(queue_items, queue_items.c.decision_id == decisions_table.c.id)
        .where(queue_items.c.id == item_id)
    )
    part, text_length = connection.execute(statement).one()
    return part, text_length


def count(connection: Connection, include_skipped: bool) -> int:
    """Return how many open items the active sites have."""
    # Two counts that an index answers alone: a look-up of the site for each item would take ten times longer.
    all_open = _COUNT_OPEN if include_skipped else _COUNT_OPEN.where(_UNSKIPPED)
    of_removed = all_open.where(_OF_REMOVED_SITE)
    return int(connection.execute(select(all_open.scalar_subquery() - of_removed.scalar_subquery())).scalar_one())


def expiring(
    connection: Connection, after: datetime, until: datetime, limit: int, excerpt_length: int
) -> list[QueueItem]:
    """Return the open items, skipped or not, that their blogs publish in this window.

    The earliest come first, at most `limit`, with excerpts as `held` reads them.
    """
    statement = _HELD.where(_published_within(after, until)).order_by(callbacks.c.publishes_at).limit(limit)
    return _queue_items(connection, statement, excerpt_length)


def count_expiring(connection: Connection, after: datetime, until: datetime) -> int:
    """Return how many items `expiring` lists without a limit."""
    return connection.execute(_COUNT_EXPIRING.where(_published_within(after, until))).scalar_one()


def state(connection: Connection, item_id: int) -> ItemState | None:
    """Return the state of an item; `None` if it does not exist."""
    row = connection.execute(
        select(
            queue_items.c.site_id,
            decisions_table.c.comment_id,
            queue_items.c.decision_id,
            queue_items.c.closed_by,
            queue_items.c.outcome,
        )
        .join(decisions_table, decisions_table.c.id == queue_items.c.decision_id)
        .where(queue_items.c.id == item_id)
    ).first()
    return None if row is None else ItemState(*row)


def close(connection: Connection, item_id: int, closed_by: str, outcome: str, at: datetime) -> bool:
    """Close an item. Returns false if it is not open."""
    statement = update(queue_items).where(queue_items.c.id == item_id, _IS_OPEN)
    return connection.execute(statement.values(closed_at=at, closed_by=closed_by, outcome=outcome)).rowcount == 1


def close_for_comment(connection: Connection, comment_id: int, closed_by: str, outcome: str, at: datetime) -> None:
    """Close the open items of a comment's decisions."""
    of_comment = select(decisions_table.c.id).where(decisions_table.c.comment_id == comment_id)
    statement = update(queue_items).where(_IS_OPEN, queue_items.c.decision_id.in_(of_comment))
    connection.execute(statement.values(closed_at=at, closed_by=closed_by, outcome=outcome))


def reopen_for_comment(connection: Connection, comment_id: int) -> None:
    """Open the closed items of a comment again, except for those of decisions that a recheck replaced."""
    current = select(decisions_table.c.id).where(
        decisions_table.c.comment_id == comment_id, decisions_table.c.superseded.is_(False)
    )
    statement = update(queue_items).where(queue_items.c.decision_id.in_(current))
    connection.execute(statement.values(closed_at=None, closed_by=None, outcome=None))


def skip(connection: Connection, item_id: int, at: datetime) -> bool:
    """Mark an item as skipped. Returns false if it is not open."""
    statement = update(queue_items).where(queue_items.c.id == item_id, _IS_OPEN).values(skipped_at=at)
    return connection.execute(statement).rowcount == 1


def _published_within(after: datetime, until: datetime) -> ColumnElement[bool]:
    return callbacks.c.publishes_at.between(after, until)


def _queue_items(connection: Connection, statement: Select[Any], excerpt_length: int) -> list[QueueItem]:
    rows = connection.execute(statement, {"excerpt_length": excerpt_length + 1}).mappings()
    return [_queue_item(row, excerpt_length) for row in rows]


def _queue_item(row: RowMapping, excerpt_length: int) -> QueueItem:
    decision = decisions.from_row(row)
    fields = (getattr(decision.comment, name) for name in COMMENT_FIELDS)
    return QueueItem(
        id=row["item_id"],
        site_url=row["site_url"],
        decision=decision,
        opened_at=row["opened_at"],
        publishes_at=row["publishes_at"],
        author_id=row["author_id"],
        is_excerpt=any(field is not None and len(field) > excerpt_length for field in fields),
    )
