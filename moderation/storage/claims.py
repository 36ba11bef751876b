"""Rows that wait for a delivery: which are due, and how one process takes a row before the others."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Table, or_, select, update


def is_due(next_attempt_at: Column[Any], now: datetime, max_delay: timedelta) -> ColumnElement[bool]:
    """Return the condition of a row whose attempt is due.

    A row that is scheduled for later than `max_delay` from now is due as well: the clock was set back since.
    """
    return or_(next_attempt_at <= now, next_attempt_at > now + max_delay)


def update_unchanged(connection: Connection, table: Table, row: object, names: Sequence[str], **values: object) -> bool:
    """Set values in a row whose columns `names` still are those of `row`. Returns false if they are not."""
    return connection.execute(update(table).where(*_unchanged(table, row, names)).values(**values)).rowcount == 1


def claim_unchanged(connection: Connection, table: Table, row: object, names: Sequence[str], **values: object) -> bool:
    """Set values as `update_unchanged` does: of several processes that read the same row, one alone can claim it.

    On PostgreSQL a row that another transaction has locked is left to that at once. So two processes that claim many
    rows in different orders do not wait for each other.
    """
    (key,) = table.primary_key.columns
    unlocked = select(key).where(*_unchanged(table, row, names)).with_for_update(skip_locked=True)
    free = unlocked.correlate(None).scalar_subquery()
    return connection.execute(update(table).where(key == free).values(**values)).rowcount == 1


def _unchanged(table: Table, row: object, names: Sequence[str]) -> list[ColumnElement[bool]]:
    return [table.c[name] == getattr(row, name) for name in names]
