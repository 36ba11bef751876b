"""Store the notes of moderators on comments, and which held comments wait for a second opinion.

A queue item names the note that asks. The request ends when the item is closed, by any decision, and comes back with
an undo.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, insert, literal, or_, select, update

from moderation.domain.people import SiteScope
from moderation.domain.queue import MAX_COUNTED, Note, Teamwork
from moderation.storage.columns import AnyText, ClampedInteger
from moderation.storage.sites import in_scope
from moderation.storage.tables import decisions, notes, queue_items

_MAX_IDS_PER_QUERY = 500
_COLUMNS = tuple(notes.c[name] for name in Note._fields)
_IS_WAITING = and_(queue_items.c.closed_at.is_(None), queue_items.c.handover_id.is_not(None))
_REQUESTS = queue_items.join(notes, notes.c.id == queue_items.c.handover_id)


def add(connection: Connection, site_id: int, comment_id: int, note: Note) -> int:
    """Store a note on a comment, and return its number."""
    row = {"site_id": site_id, "comment_id": comment_id, **note._asdict()}
    return int(connection.execute(insert(notes).returning(notes.c.id), row).scalar_one())


def hand_over(connection: Connection, decision_id: str, note_id: int) -> bool:
    """Let the open item of a decision wait for the opinion that a note asks for. Returns false without such an item."""
    of_item = (queue_items.c.decision_id == decision_id, queue_items.c.closed_at.is_(None))
    return connection.execute(update(queue_items).where(*of_item).values(handover_id=note_id)).rowcount == 1


def on_comment(connection: Connection, comment_id: int, limit: int) -> list[Note]:
    """Return the newest notes on a comment, at most `limit`, the newest first."""
    statement = select(*_COLUMNS).where(notes.c.comment_id == comment_id).order_by(notes.c.id.desc()).limit(limit)
    return list(map(Note._make, connection.execute(statement)))


def teamwork(connection: Connection, comment_ids: Collection[int]) -> dict[int, Teamwork]:
    """Return the newest note, the number of notes and the request in force, of comments that have notes."""
    ids, found = list(comment_ids), dict[int, Teamwork]()
    for start in range(0, len(ids), _MAX_IDS_PER_QUERY):
        page = ids[start : start + _MAX_IDS_PER_QUERY]
        counted = (
            select(notes.c.comment_id, func.max(notes.c.id).label("newest"), func.count().label("number"))
            .where(notes.c.comment_id.in_(page))
            .group_by(notes.c.comment_id)
            .subquery()
        )
        newest = select(notes.c.comment_id, counted.c.number, *_COLUMNS).join(counted, counted.c.newest == notes.c.id)
        for comment_id, number, *values in connection.execute(newest):
            found[comment_id] = Teamwork(Note(*values), number)
        waiting = (
            select(notes.c.comment_id, *_COLUMNS)
            .select_from(_REQUESTS.join(decisions, decisions.c.id == queue_items.c.decision_id))
            .where(notes.c.comment_id.in_(page), _IS_WAITING, decisions.c.superseded.is_(False))
        )
        for comment_id, *values in connection.execute(waiting):
            found[comment_id] = found[comment_id]._replace(request=Note(*values))
    return found


def requests(
    connection: Connection, scope: SiteScope, person: str, before: int | None, limit: int
) -> list[tuple[int, str]]:
    """Return note and decision of requests to a person on held comments of the scope, newest first, at most `limit`.

    With `before`, only notes with a lower number.
    """
    statement = _waiting_for(scope, person, notes.c.id, queue_items.c.decision_id).order_by(notes.c.id.desc())
    if before is not None:
        statement = statement.where(notes.c.id < literal(before, ClampedInteger))
    return [(note_id, decision_id) for note_id, decision_id in connection.execute(statement.limit(limit))]


def count_requests(connection: Connection, scope: SiteScope, person: str) -> int:
    """Return how many `requests` there are without a limit, at most one more than `MAX_COUNTED`."""
    bounded = _waiting_for(scope, person, notes.c.id).limit(MAX_COUNTED + 1).subquery()
    return int(connection.execute(select(func.count()).select_from(bounded)).scalar_one())


def ask_anybody(connection: Connection, person: str, site_id: int | None) -> None:
    """Address the requests in force for a person, who can no longer answer, to anybody; `site_id` restricts them."""
    waiting = select(queue_items.c.handover_id).where(_IS_WAITING)
    statement = update(notes).where(notes.c.asked == person, notes.c.id.in_(waiting))
    if site_id is not None:
        statement = statement.where(notes.c.site_id == site_id)
    connection.execute(statement.values(asked=""))


def _waiting_for(scope: SiteScope, person: str, *columns: ColumnElement[Any]) -> Select[Any]:
    """Select columns of the requests to a person: by name, or as one of all others."""
    asks_anybody = and_(notes.c.asked == literal("", AnyText), notes.c.written_by != person)
    in_force = (_IS_WAITING, in_scope(queue_items.c.site_id, scope))
    return select(*columns).select_from(_REQUESTS).where(*in_force, or_(notes.c.asked == person, asks_anybody))
