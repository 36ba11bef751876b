"""The moderators' queue: lists of comments, each with the facts that a person decides by."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from moderation.domain.decision import Decision, Label, LabelValue
from moderation.domain.opinions import Opinion
from moderation.domain.site import ReviewAction

MAX_COUNTED = 10_000
"""Comments of a list that are counted; of more it is only known that there are more."""
UNDO_TIME = timedelta(days=30)
"""Time for which an act can be undone."""
MAX_NOTE_LENGTH = 1_000
"""Code points of a note."""


class ListName(StrEnum):
    """A list of the queue.

    `HELD` has the open queue items, audit items among them. `BLOCKED` and `PUBLIC` have the comments that were decided
    without a person, `DECIDED` those with a label or a removal. `SECOND_LOOK` has those with an open `Finding`.
    """

    HELD = "held"
    BLOCKED = "blocked"
    PUBLIC = "public"
    DECIDED = "decided"
    SECOND_LOOK = "second-look"


class Order(StrEnum):
    """An order of a list.

    `HIGHEST` is by the score, `UNCERTAIN` by its distance to the review threshold; neither has audit items, whose place
    would tell their score. `SOON` is by the time at which blogs publish by themselves.
    """

    NEWEST = "newest"
    OLDEST = "oldest"
    HIGHEST = "highest"
    UNCERTAIN = "uncertain"
    SOON = "soon"


class QueueList(NamedTuple):
    """A list in one of its orders. Skipped comments are left out of the held ones unless `include_skipped`.

    `since` is the time from which on the order `SOON` has publications.
    """

    name: ListName
    order: Order = Order.NEWEST
    include_skipped: bool = False
    since: datetime | None = None

    @property
    def orders(self) -> tuple[Order, ...]:
        """The orders that an index serves."""
        return tuple(Order) if self.name is ListName.HELD else (Order.NEWEST, Order.OLDEST)


HELD = QueueList(ListName.HELD)


class SavedView(NamedTuple):
    """A search that a moderator gave a name: a query for a list in an order."""

    id: int
    name: str
    list: ListName
    order: Order
    query: str


class Verb(StrEnum):
    """An act on a comment.

    `FORGET` withdraws its label, `SKIP` defers it, and `KEEP` leaves it as it is after a second look. `TRUST` and
    `BLOCK` are about its author.
    """

    HAM = "ham"
    SPAM = "spam"
    REMOVE = "remove"
    FORGET = "forget"
    SKIP = "skip"
    KEEP = "keep"
    TRUST = "trust"
    BLOCK = "block"


class Act(NamedTuple):
    """One press of a moderator's button, which changed `number` comments. `undone_at` and `undone_by` say who undid it.

    It can be undone until `UNDO_TIME` later: each comment is then as it was before.
    """

    id: int
    verb: Verb
    moderator: str
    at: datetime
    number: int
    undone_at: datetime | None = None
    undone_by: str | None = None


class QueueItem(NamedTuple):
    """A decision's place in the queue.

    `is_audit` is true for an automatic decision that was drawn for the audit: a person labels it without its verdict
    and score.
    """

    opened_at: datetime
    skipped: bool
    is_open: bool
    is_audit: bool


class CallbackState(NamedTuple):
    """The state of the blog's callback for a comment.

    `publishes_at` is when the blog publishes the held comment without a decision, `None` if it holds nothing. `result`
    is the answer to deliver, and `next_attempt_at` the time of the next attempt. `delivered_at` is that of the blog's
    confirmation, `told` the last answer that it confirmed.
    """

    publishes_at: datetime | None
    result: LabelValue | None
    next_attempt_at: datetime | None
    delivered_at: datetime | None
    last_error: str | None
    told: LabelValue | None = None


class NearDuplicate(NamedTuple):
    """A comment by the id of its page, with its label in force; `None` without one."""

    id: str
    label: Label | None


class Finding(NamedTuple):
    """The reason for a second look at the label of a comment, or at a published comment that an import brought.

    `label_id` is the number of the label's row in the log; 0 for a comment that an import brought as published, and
    that no person has labelled. `probability` of spam is that of a model which has not seen the label; `None` where
    there are too few labels for one. `contradictions` counts the near-duplicates with another label. `contradicts_id`
    is the comment of one of them, and `near_duplicate` that comment, unless it is gone.
    """

    comment_id: int
    label_id: int
    probability: float | None
    contradicts_id: int | None = None
    contradictions: int = 0
    near_duplicate: NearDuplicate | None = None


@dataclass(frozen=True, slots=True)
class ListedComment:
    """A comment by its current decision, as a list or its own page shows it.

    `label` is the label or removal in force with the number `label_id` of its row in the log; `None` and 0 without one.
    `item` and `callback` are `None` if the comment has none. `author_id` is that of an author whom the blog vouches
    for. `is_excerpt` is true if a field of the comment is only its beginning. `channel` is that of the check, and
    `review_action` what the site's blog does with comments for review. `finding` asks for a second look. `opinion` is
    that of the operator's own model.

    `can_be_told` is true if the blog can be called about a decision.

    A comment that an import brought was never judged: `is_judged` is false, and its `decision` stands for none.
    """

    comment_id: int
    site_url: str
    review_action: ReviewAction
    decision: Decision
    channel: str
    author_id: str | None
    is_excerpt: bool
    label_id: int = 0
    label: Label | None = None
    item: QueueItem | None = None
    callback: CallbackState | None = None
    finding: Finding | None = None
    opinion: Opinion | None = None
    can_be_told: bool = False
    is_judged: bool = True

    @property
    def id(self) -> str:
        """The id of the decision, or that of `unjudged_id`."""
        return self.decision.id

    @property
    def decision_id(self) -> str | None:
        """The id of the decision; `None` if the comment was never judged."""
        return self.decision.id if self.is_judged else None

    @property
    def seen(self) -> "SeenComment":
        """The comment as a form names it."""
        return SeenComment(self.decision.id, self.label_id)

    @property
    def is_held(self) -> bool:
        """Whether the comment waits in the queue."""
        return self.item is not None and self.item.is_open

    @property
    def is_audit(self) -> bool:
        """Whether the comment waits for the audit, so that its verdict and score must not be shown."""
        return self.item is not None and self.item.is_open and self.item.is_audit

    @property
    def since(self) -> datetime:
        """The time at which the comment was held or decided."""
        return self.item.opened_at if self.item else self.decision.decided_at

    @property
    def publishes_at(self) -> datetime | None:
        """The time at which the blog publishes the comment by itself; `None` if no blog holds it."""
        return self.callback.publishes_at if self.callback else None


class Note(NamedTuple):
    """A person's text on a comment, for the others.

    `asked` is the person whose second opinion it asks for, empty for anybody's, and `None` if it asks for none.
    """

    written_by: str
    written_at: datetime
    text: str
    asked: str | None = None


class Teamwork(NamedTuple):
    """The traces of other people on a comment: the newest of its notes, their number, and the request in force.

    The request is the note by which the held comment waits for a second opinion; `None` if it does not. `deciding` are
    the names of the others who have the comment open, and have not decided since.
    """

    newest: Note | None = None
    notes: int = 0
    request: Note | None = None
    deciding: tuple[str, ...] = ()


class ListPage(NamedTuple):
    """A page of a list. `after` names the place of the next page, and is empty on the last one."""

    comments: list[ListedComment]
    after: str


MAX_DIGITS = 18
"""Digits of a number that a request may name."""
_MAX_COMMENT_ID = 2**31 - 1
"""The largest number of a row on PostgreSQL."""


def parse_digits(text: str) -> int | None:
    """Return a number of at most `MAX_DIGITS` decimal digits of ASCII; `None` for any other text."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS else None


class SeenComment(NamedTuple):
    """A comment by the id of its decision, with the label that a person saw on it.

    `label_id` is the number of the label's row in the log, 0 for none, and `None` to act on any label.
    """

    id: str
    label_id: int | None = None

    def __str__(self) -> str:
        """Return the text that `parse` reads."""
        return self.id if self.label_id is None else f"{self.id}.{self.label_id}"

    @classmethod
    def parse(cls, text: str) -> "SeenComment":
        """Return the comment that a form names as `ID` or `ID.LABEL`."""
        decision_id, _, label_id = text.partition(".")
        return cls(decision_id, parse_digits(label_id))


def unjudged_id(comment_id: int) -> str:
    """Return the id by which a comment without a decision is named. No decision has such an id."""
    return f"c{comment_id}"


def unjudged_number(listed_id: str) -> int | None:
    """Return the number of the comment that an id of `unjudged_id` names; `None` for any other id."""
    number = parse_digits(listed_id.removeprefix("c")) if listed_id.startswith("c") else None
    return None if number is None or number > _MAX_COMMENT_ID else number
