"""Queue items: held decisions and audit items, which await a person. `decisions.add` opens them."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, func, select, update

from moderation.domain.people import SiteScope
from moderation.storage.sites import in_scope
from moderation.storage.tables import decisions as decisions_table
from moderation.storage.tables import queue_items

_IS_OPEN = queue_items.c.closed_at.is_(None)


def close_for_comment(connection: Connection, comment_id: int, closed_by: str, outcome: str, at: datetime) -> None:
    """Close the open items of a comment's decisions."""
    close_for_comments(connection, [comment_id], closed_by, outcome, at)


def close_for_comments(
    connection: Connection, comment_ids: Collection[int], closed_by: str, outcome: str, at: datetime
) -> None:
    """Close the open items of the decisions on comments."""
    of_comments = select(decisions_table.c.id).where(decisions_table.c.comment_id.in_(comment_ids))
    statement = update(queue_items).where(_IS_OPEN, queue_items.c.decision_id.in_(of_comments))
    connection.execute(statement.values(closed_at=at, closed_by=closed_by, outcome=outcome))


def reopen_for_comment(connection: Connection, comment_id: int) -> None:
    """Open the closed items of a comment again, except for those of decisions that a recheck replaced."""
    current = select(decisions_table.c.id).where(
        decisions_table.c.comment_id == comment_id, decisions_table.c.superseded.is_(False)
    )
    statement = update(queue_items).where(queue_items.c.decision_id.in_(current))
    connection.execute(statement.values(closed_at=None, closed_by=None, outcome=None))


def skip(connection: Connection, decision_id: str, at: datetime) -> None:
    """Mark the open item of a decision as skipped."""
    statement = update(queue_items).where(queue_items.c.decision_id == decision_id, _IS_OPEN)
    connection.execute(statement.values(skipped_at=at))


def next_held(connection: Connection, scope: SiteScope, decision_id: str) -> str | None:
    """Return the decision that follows another in the list of held comments, else the first one of the list."""
    place = connection.execute(select(queue_items.c.id).where(queue_items.c.decision_id == decision_id)).scalar()
    others = (
        select(queue_items.c.decision_id)
        .where(_IS_OPEN, queue_items.c.skipped_at.is_(None), queue_items.c.decision_id != decision_id)
        .where(in_scope(queue_items.c.site_id, scope))
        .order_by(queue_items.c.id.desc())
        .limit(1)
    )
    older = connection.execute(others.where(queue_items.c.id < place)).scalar() if place else None
    return older or connection.execute(others).scalar()


def waiting(connection: Connection, site_id: int) -> tuple[int, datetime | None]:
    """Return how many items of a site are open, skipped ones too, and when the oldest of them was opened."""
    of_site = (_IS_OPEN, queue_items.c.site_id == site_id)
    oldest = select(queue_items.c.opened_at).where(*of_site).order_by(queue_items.c.id).limit(1)
    number = connection.execute(select(func.count()).select_from(queue_items).where(*of_site)).scalar_one()
    return number, connection.execute(oldest).scalar()
