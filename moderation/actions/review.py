"""The queue: what was held, and a person's word on it."""

from datetime import timedelta

from moderation.actions.desk import Desk
from moderation.actions.teach import log_label
from moderation.domain.errors import Conflict, NotFound
from moderation.domain.judgement import Item, Label, LabelValue
from moderation.domain.site import Moderator
from moderation.storage import callbacks, items
from moderation.storage.callbacks import Untold
from moderation.storage.engine import reading, writing

SOON = timedelta(hours=12)
"""How long before a blog publishes what it holds the queue begins to warn."""


def held_items(desk: Desk, *, before: int | None = None, limit: int = 50, include_skipped: bool = False) -> list[Item]:
    """What waits for a person, newest first; `before` is the number of the last item of the page above.

    Skipped items are left out unless asked for; those of removed sites always.
    """
    with reading(desk.engine) as connection:
        return items.held(connection, before, limit, include_skipped)


def count_held(desk: Desk, *, include_skipped: bool = False) -> int:
    """How many items `held_items` would list on all its pages."""
    with reading(desk.engine) as connection:
        return items.count(connection, include_skipped)


def items_running_out(desk: Desk, limit: int = 50) -> list[Item]:
    """What the blogs publish by themselves within `SOON` unless a person decides; the soonest first, skipped or not."""
    now = desk.clock()
    with reading(desk.engine) as connection:
        return items.running_out(connection, now, now + SOON, limit)


def count_running_out(desk: Desk) -> int:
    """How many items `items_running_out` would list without a limit."""
    now = desk.clock()
    with reading(desk.engine) as connection:
        return items.count_running_out(connection, now, now + SOON)


def blogs_not_told(desk: Desk) -> list[Untold]:
    """The blogs that did not take a person's word on what they hold, with how many words and one of the troubles."""
    with reading(desk.engine) as connection:
        return callbacks.untold(connection)


def resolve(desk: Desk, item_id: int, value: LabelValue, moderator: Moderator) -> None:
    """Closes the item and labels its comment, together or not at all.

    Raises `NotFound` when there is no such item, `Conflict` when somebody was faster; it says who.
    """
    now = desk.clock()
    with writing(desk.engine) as connection:
        closed = items.close(connection, item_id, moderator.name, value.value, now)
        state = items.state(connection, item_id)
        if state is None or not closed:
            raise _cannot(state)
        label = Label(value, who=moderator.name, source="queue", given_at=now)
        log_label(connection, state.site_id, state.comment_id, label)


def skip(desk: Desk, item_id: int, moderator: Moderator) -> None:  # noqa: ARG001  # as for every verb of the queue
    """Lays the item aside, for everybody; it stays open.

    Raises `NotFound` when there is no such item, `Conflict` when it is closed already.
    """
    with writing(desk.engine) as connection:
        if not items.skip(connection, item_id, desk.clock()):
            raise _cannot(items.state(connection, item_id))


def _cannot(state: items.State | None) -> NotFound | Conflict:
    if state is None:
        return NotFound("There is no such item.")
    if state.outcome == "checked again":
        return Conflict("The blog asked about this comment once more; look for it further up.")
    if state.outcome == "label":
        return Conflict(f"{state.closed_by} was faster: the comment was labelled outside the queue.")
    return Conflict(f"{state.closed_by} was faster and called it {state.outcome}.")
