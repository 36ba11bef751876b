"""Store the searches that moderators gave a name."""

from sqlalchemy import Connection, delete, insert, select

from moderation.domain.queue import ListName, Order, SavedView
from moderation.storage.operator_tables import saved_views


def list_of(connection: Connection, moderator_id: int) -> list[SavedView]:
    """Return the views of a moderator in the order in which they were saved."""
    columns = (saved_views.c[name] for name in ("id", "name", "list", "sort_order", "query"))
    rows = connection.execute(
        select(*columns).where(saved_views.c.moderator_id == moderator_id).order_by(saved_views.c.id)
    )
    return [SavedView(number, name, ListName(of), Order(order), query) for number, name, of, order, query in rows]


def add(connection: Connection, moderator_id: int, view: SavedView) -> None:
    """Store a new view of a moderator; its number is ignored."""
    row = {"moderator_id": moderator_id, "name": view.name, "list": view.list.value, "sort_order": view.order.value}
    connection.execute(insert(saved_views), {**row, "query": view.query})


def remove(connection: Connection, moderator_id: int, view_id: int) -> bool:
    """Delete a view of a moderator. Returns false if the moderator has none with this number."""
    own = saved_views.c.moderator_id == moderator_id, saved_views.c.id == view_id
    return connection.execute(delete(saved_views).where(*own)).rowcount == 1


def remove_all(connection: Connection, moderator_id: int) -> None:
    """Delete the views of a moderator."""
    connection.execute(delete(saved_views).where(saved_views.c.moderator_id == moderator_id))
