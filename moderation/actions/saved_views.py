"""Searches that a moderator gave a name."""

from sqlalchemy import Connection

from moderation.actions.services import Services
from moderation.domain.decision import Moderator
from moderation.domain.errors import Conflict, InvalidInput, NotFound
from moderation.domain.queue import SavedView
from moderation.domain.search import MAX_QUERY_LENGTH
from moderation.storage import saved_views
from moderation.storage.engine import read_transaction
from moderation.storage.locks import lock_moderator

MAX_VIEWS = 20
"""Views of one moderator."""
MAX_NAME_LENGTH = 60
"""Code points of a view's name."""


def list_views(services: Services, moderator: Moderator) -> list[SavedView]:
    """Return the views of a moderator in the order in which they were saved."""
    with read_transaction(services.engine) as connection:
        return saved_views.list_of(connection, moderator.id)


def save_view(services: Services, moderator: Moderator, view: SavedView) -> None:
    """Store a view of a moderator. Raises `InvalidInput` and `Conflict`."""
    name = view.name.strip()
    if not name or len(name) > MAX_NAME_LENGTH:
        raise InvalidInput(f"The name of a view needs 1 to {MAX_NAME_LENGTH} characters.")
    if len(view.query) > MAX_QUERY_LENGTH:
        raise InvalidInput(f"A search has at most {MAX_QUERY_LENGTH} characters.")

    def add(connection: Connection) -> None:
        lock_moderator(connection, moderator.id)
        own = saved_views.list_of(connection, moderator.id)
        if any(each.name == name for each in own):
            raise Conflict("You have a view with this name. Remove it first, or choose another name.")
        if len(own) >= MAX_VIEWS:
            raise Conflict(f"You have {MAX_VIEWS} views. Remove one first.")
        saved_views.add(connection, moderator.id, view._replace(name=name))

    services.writer.run(add)


def remove_view(services: Services, moderator: Moderator, view_id: int) -> None:
    """Delete a view of a moderator. Raises `NotFound` if the moderator has none with this number."""
    if not services.writer.run(lambda connection: saved_views.remove(connection, moderator.id, view_id)):
        raise NotFound("You have no such view.")
