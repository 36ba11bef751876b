"""The review queue: held comments, and the decisions of moderators."""

from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from moderation.actions.author_rules import set_author_rule
from moderation.actions.callbacks import describe_rejected_origin
from moderation.actions.judging import with_spans
from moderation.actions.label_content import read_content
from moderation.actions.labelling import append_label, apply_withdrawal
from moderation.actions.services import Services
from moderation.actions.sites import find_site
from moderation.domain.authors import AuthorFact, Standing
from moderation.domain.decision import Label, LabelValue, Moderator, QueueItem
from moderation.domain.errors import Conflict, NotFound
from moderation.domain.invisible import quoted
from moderation.storage import callbacks, queue_items, sites
from moderation.storage.callbacks import FailedCallbacks
from moderation.storage.engine import read_transaction
from moderation.storage.locks import lock_comments

EXPIRY_WARNING = timedelta(hours=12)
"""How long before a blog publishes a held comment itself the queue warns."""
EXCERPT_LENGTH = 4_000
"""Code points of each field of a comment that a list of items reads."""
MAX_RESCORED_LENGTH = 20_000
"""Code points of the texts of one page that are scored again for their spans, so that long texts do not delay it."""
MAX_PART_LENGTH = 100_000
"""Code points that are read of a long text at once."""


_CHANNEL = "queue"
_RECHECKED = "rechecked"


class ItemPart(NamedTuple):
    """An item with a part of its comment's text, which begins at `start`, and the length of the whole text."""

    item: QueueItem
    text: str
    start: int
    text_length: int


def held_items(
    services: Services, *, before: int | None = None, limit: int = 50, include_skipped: bool = False
) -> list[QueueItem]:
    """Return the open queue items of active sites, newest first, with spans.

    `before` is the id of the last item on the previous page. Skipped items are left out unless `include_skipped`. Long
    fields of a comment are cut to excerpts.
    """
    with read_transaction(services.engine) as connection:
        items = queue_items.held(connection, before, limit, include_skipped, EXCERPT_LENGTH)
    return _with_spans(services, items)


def read_item(services: Services, item_id: int, start: int) -> ItemPart:
    """Return an open item with the text of its comment from `start` on. Raises `NotFound` for any other item.

    Spans are offsets in the whole text. A text above `MAX_RESCORED_LENGTH` has none.
    """
    with read_transaction(services.engine) as connection:
        item = queue_items.find(connection, item_id, MAX_RESCORED_LENGTH)
        if item is None:
            raise NotFound("This comment is no longer in the queue.")
        text, text_length = queue_items.text_part(connection, item_id, start, MAX_PART_LENGTH)
    (item,) = _with_spans(services, [item])
    return ItemPart(item, text, start, text_length)


def count_held(services: Services, *, include_skipped: bool = False) -> int:
    """Return how many items `held_items` lists on all its pages."""
    with read_transaction(services.engine) as connection:
        return queue_items.count(connection, include_skipped)


def items_expiring(services: Services, limit: int = 50) -> list[QueueItem]:
    """Return the open items, skipped or not, that their blogs publish within `EXPIRY_WARNING`, the earliest first."""
    now = services.clock()
    with read_transaction(services.engine) as connection:
        items = queue_items.expiring(connection, now, now + EXPIRY_WARNING, limit, EXCERPT_LENGTH)
    return _with_spans(services, items)


def count_expiring(services: Services) -> int:
    """Return how many items `items_expiring` lists without a limit."""
    now = services.clock()
    with read_transaction(services.engine) as connection:
        return queue_items.count_expiring(connection, now, now + EXPIRY_WARNING)


def failed_callbacks(services: Services) -> list[FailedCallbacks]:
    """Return the sites whose blogs did not confirm callbacks, with the number of these and one of the errors."""
    with read_transaction(services.engine) as connection:
        return callbacks.list_failed(connection)


def describe_rejected_origins(services: Services, limit: int) -> list[str]:
    """Return a sentence for each of `limit` sites whose blogs cannot hold comments for their callbacks' origin."""
    with read_transaction(services.engine) as connection:
        rejected = sites.list_rejected_origins(connection, limit)
    return [describe_rejected_origin(*site) for site in rejected]


def resolve(services: Services, item_id: int, value: LabelValue, moderator: Moderator) -> None:
    """Close an item and label its comment, together or not at all.

    Raises `NotFound` for an unknown item, and `Conflict` with the name of the person who closed it before.
    """
    _close(services, item_id, Label(value, moderator.name, _CHANNEL, services.clock()))


def remove(services: Services, item_id: int, moderator: Moderator) -> None:
    """Close an item and remove its comment without a lesson. Raises the errors of `resolve`."""
    _close(services, item_id, Label(None, moderator.name, _CHANNEL, services.clock(), removes=True))


def forget(services: Services, item_id: int, moderator: Moderator) -> None:
    """Take the decision on a closed item back: the item is open again, as it was before.

    Raises `NotFound` for an unknown item, and `Conflict` for one that no decision of a person has closed.
    """
    now = services.clock()

    def withdraw(connection: Connection) -> None:
        state = queue_items.state(connection, item_id)
        if state is None or state.outcome == _RECHECKED:
            raise _error_for(state)
        if state.closed_by is None:
            raise Conflict("The comment waits in the queue already.")
        withdrawal = Label(None, moderator.name, _CHANNEL, now, decision_id=state.decision_id)
        apply_withdrawal(connection, state.site_id, state.comment_id, withdrawal)

    services.writer.run(withdraw)


def skip(services: Services, item_id: int) -> None:
    """Mark an item as skipped, for every moderator; it stays open.

    Raises `NotFound` for an unknown item, `Conflict` for a closed one.
    """

    def skip_open(connection: Connection) -> None:
        if not queue_items.skip(connection, item_id, services.clock()):
            raise _error_for(queue_items.state(connection, item_id))

    services.writer.run(skip_open)


def set_author_standing(services: Services, item_id: int, standing: Standing, moderator: Moderator) -> None:
    """Trust or block the author of an open item for good; the item stays open, and nothing is learnt.

    Raises `NotFound` for any other item, and `Conflict` if its blog does not vouch for the author.
    """
    with read_transaction(services.engine) as connection:
        item = queue_items.find(connection, item_id, 1)
    if item is None:
        raise NotFound("This comment is no longer in the queue.")
    if not item.author_id:
        raise Conflict("The blog does not say which of its authors this is.")
    site = find_site(services, item.site_url)
    set_author_rule(services, site, AuthorFact.ID, item.author_id, standing, moderator.name, _CHANNEL)


def _close(services: Services, item_id: int, label: Label) -> None:
    with read_transaction(services.engine) as connection:
        found = queue_items.state(connection, item_id)
        content = read_content(connection, found.comment_id) if found else None

    def close_and_label(connection: Connection) -> None:
        state = queue_items.state(connection, item_id)
        if state is not None:
            lock_comments(connection, [state.comment_id])
        if state is None or not queue_items.close(connection, item_id, label.labelled_by, label.verb, label.created_at):
            raise _error_for(queue_items.state(connection, item_id))
        seen = replace(label, decision_id=state.decision_id)
        append_label(connection, state.site_id, state.comment_id, seen, content)

    services.writer.run(close_and_label)


def _with_spans(services: Services, items: list[QueueItem]) -> list[QueueItem]:
    """Return the items with the spans of their reasons, as long as their texts are whole and short enough together."""
    remaining, with_their_spans = MAX_RESCORED_LENGTH, []
    for item in items:
        length = len(item.decision.comment.text)
        if not item.is_excerpt and length <= remaining:
            remaining -= length
            item = replace(item, decision=with_spans(services, item.decision, item.site_url))
        with_their_spans.append(item)
    return with_their_spans


def _error_for(state: queue_items.ItemState | None) -> NotFound | Conflict:
    if state is None:
        return NotFound("There is no such item.")
    if state.outcome == _RECHECKED:
        return Conflict("The blog had this comment checked again; its new item is further up.")
    # A blog may send any name with its label.
    closed_by = quoted(state.closed_by or "")
    if state.outcome == "label":
        return Conflict(f"{closed_by} was faster: the comment was labelled outside the queue.")
    if state.outcome == "remove":
        return Conflict(f"{closed_by} was faster and removed it.")
    return Conflict(f"{closed_by} was faster and labelled it {state.outcome}.")
