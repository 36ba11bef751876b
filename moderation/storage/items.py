"""Decisions that wait for a person."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, RowMapping, bindparam, func, insert, select, update

from moderation.domain.judgement import Item
from moderation.storage import decisions
from moderation.storage.tables import callbacks, items, sites
from moderation.storage.tables import decisions as decisions_table

_ADD = insert(items)
_HELD_ROWS = (items.c.closed_at.is_(None), sites.c.removed_at.is_(None))
_UNSKIPPED = items.c.skipped_at.is_(None)
_HELD = (
    select(
        items.c.id.label("item_id"),
        items.c.opened_at,
        sites.c.url.label("site_url"),
        callbacks.c.publishes_at,
        *decisions.FIELDS,
    )
    .select_from(
        items.join(decisions.WITH_COMMENT, items.c.decision_id == decisions_table.c.id)
        .join(sites, sites.c.id == items.c.site_id)
        .outerjoin(callbacks, callbacks.c.decision_id == items.c.decision_id)
    )
    .where(*_HELD_ROWS)
    .limit(bindparam("most"))
)
_WINDOW = callbacks.c.publishes_at.between(bindparam("after"), bindparam("until"))
_NEWEST = _HELD.order_by(items.c.id.desc())
_RUNNING_OUT = _HELD.where(_WINDOW).order_by(callbacks.c.publishes_at)
_COUNT = select(func.count()).select_from(items).join(sites, sites.c.id == items.c.site_id).where(*_HELD_ROWS)
_COUNT_RUNNING_OUT = _COUNT.join(callbacks, callbacks.c.decision_id == items.c.decision_id).where(_WINDOW)
_STATE = (
    select(items.c.site_id, decisions_table.c.comment_id, items.c.closed_by, items.c.outcome)
    .join(decisions_table, decisions_table.c.id == items.c.decision_id)
    .where(items.c.id == bindparam("wanted_id"))
)
_OPEN_ONE = (items.c.id == bindparam("wanted_id"), items.c.closed_at.is_(None))
_CLOSING = update(items).values(closed_at=bindparam("at"), closed_by=bindparam("who"), outcome=bindparam("how"))
_CLOSE = _CLOSING.where(*_OPEN_ONE)
_CLOSE_OF_COMMENT = _CLOSING.where(
    items.c.closed_at.is_(None),
    items.c.decision_id.in_(
        select(decisions_table.c.id).where(decisions_table.c.comment_id == bindparam("wanted_comment"))
    ),
)
_SKIP = update(items).where(*_OPEN_ONE).values(skipped_at=bindparam("at"))


class State(NamedTuple):
    """Where an item stands; `closed_by` and `outcome` are `None` while it is open."""

    site_id: int
    comment_id: int
    closed_by: str | None
    outcome: str | None


def open_many(connection: Connection, site_id: int, decision_ids: Sequence[str], at: datetime) -> None:
    """Opens an item for each of these decisions."""
    if decision_ids:
        rows = [{"decision_id": decision_id, "site_id": site_id, "opened_at": at} for decision_id in decision_ids]
        connection.execute(_ADD, rows)


def held(connection: Connection, before: int | None, most: int, include_skipped: bool) -> list[Item]:
    """The newest open items of living sites, at most `most`, with a number below `before` where that is given."""
    statement = _NEWEST if include_skipped else _NEWEST.where(_UNSKIPPED)
    if before is not None:
        statement = statement.where(items.c.id < before)
    rows = connection.execute(statement, {"most": most}).mappings()
    return list(map(_item, rows))


def running_out(connection: Connection, after: datetime, until: datetime, most: int) -> list[Item]:
    """The open items, skipped or not, whose blogs publish them within that time: the soonest, at most `most`."""
    window = {"after": after, "until": until, "most": most}
    return list(map(_item, connection.execute(_RUNNING_OUT, window).mappings()))


def count_running_out(connection: Connection, after: datetime, until: datetime) -> int:
    """How many items `running_out` would list."""
    return connection.execute(_COUNT_RUNNING_OUT, {"after": after, "until": until}).scalar_one()


def count(connection: Connection, include_skipped: bool) -> int:
    """How many open items living sites have."""
    return connection.execute(_COUNT if include_skipped else _COUNT.where(_UNSKIPPED)).scalar_one()


def state(connection: Connection, item_id: int) -> State | None:
    """Where the item stands; `None` when there is no such item."""
    row = connection.execute(_STATE, {"wanted_id": item_id}).first()
    return None if row is None else State(*row)


def close(connection: Connection, item_id: int, who: str, outcome: str, at: datetime) -> bool:
    """Closes the item; false when it is not open (any more)."""
    closing = {"wanted_id": item_id, "who": who, "how": outcome, "at": at}
    return connection.execute(_CLOSE, closing).rowcount == 1


def close_of_comment(connection: Connection, comment_id: int, who: str, outcome: str, at: datetime) -> None:
    """Closes the open item of the comment's decision, if there is one."""
    connection.execute(_CLOSE_OF_COMMENT, {"wanted_comment": comment_id, "who": who, "how": outcome, "at": at})


def skip(connection: Connection, item_id: int, at: datetime) -> bool:
    """Lays the item aside; false when it is not open (any more)."""
    return connection.execute(_SKIP, {"wanted_id": item_id, "at": at}).rowcount == 1


def _item(row: RowMapping) -> Item:
    return Item(
        id=row["item_id"],
        site_url=row["site_url"],
        decision=decisions.from_row(row),
        opened_at=row["opened_at"],
        publishes_at=row["publishes_at"],
    )
