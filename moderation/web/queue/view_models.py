"""The contents of the queue's pages: plain sentences, and hostile text as safe markup of bounded size."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Generic, NamedTuple, TypeVar

from markupsafe import Markup

from moderation.actions.review import ItemPart
from moderation.actions.rollout import RolloutStatus
from moderation.domain.comment import Comment
from moderation.domain.decision import Decision, Label, LabelValue, QueueItem, Reason, SimilarComment
from moderation.features.links import Link, find_links
from moderation.scoring.reasons import describe, split_strongest
from moderation.web.queue.highlight import excerpt, favoured_label, highlight

T = TypeVar("T")

MAX_SIMILAR_SHOWN = 3

_MAX_NAME_BYTES = 150
_MAX_ADDRESS_BYTES = 200
_MAX_DETAIL_BYTES = 120
_MAX_SIMILAR_BYTES = 240
_ROW_BYTES = 120
"""Markup of one row in a list, beside the fields of its view."""


class Space(NamedTuple):
    """The bytes that the comment's text may take on a page, and those of the lists below it together."""

    text: int
    lists: int


SPACE_IN_LIST = Space(text=2_400, lists=3_000)
"""With the markup around them, twenty comments of any kind stay below 150 kB."""
SPACE_ON_PAGE = Space(text=80_000, lists=50_000)


class ReasonView(NamedTuple):
    """One reason: the label that it speaks for, its description, and the detail that can be quoted, if any."""

    label: str
    description: str
    detail: Markup


class LinkView(NamedTuple):
    """One link of the comment, as inert text."""

    domain: Markup
    url: Markup
    anchor: Markup


class SimilarCommentView(NamedTuple):
    """One similar comment: `text` is its beginning, `label_summary` says who labelled it and when."""

    label_value: str
    similarity: str
    label_summary: Markup
    text: Markup


Row = TypeVar("Row", ReasonView, LinkView, SimilarCommentView)


@dataclass(frozen=True, slots=True)
class Listing(Generic[Row]):
    """The rows of a list that fit, and the number of the others."""

    rows: tuple[Row, ...]
    others: int


@dataclass(frozen=True, slots=True)
class TextView:
    """The text of a comment with the reasons' spans highlighted, or a part of it.

    `start` and `end` are offsets of the part in code points. `length` is that of the whole text, `None` if only an
    excerpt was read.
    """

    markup: Markup
    start: int
    end: int
    length: int | None

    @property
    def is_cut(self) -> bool:
        """Whether text follows."""
        return self.length is None or self.end < self.length


@dataclass(frozen=True, slots=True)
class SimilarCommentsView:
    """The similar comments, and a summary such as `2 spam, 1 ham`."""

    summary: str
    listing: Listing[SimilarCommentView]


@dataclass(frozen=True, slots=True)
class SiteStatusView:
    """One row of the sites page: the stage, and sentences about the protection of ham and the next stage."""

    site: Markup
    stage: str
    protection: str
    next_stage: str


@dataclass(frozen=True, slots=True)
class QueueItemView:
    """One held comment. `reasons` are the strongest ones. `other_reasons` and `links` count those without space too.

    `publishes_at` is when the blog publishes the held comment by itself; `was_published` if that time has passed.
    """

    id: int
    site: Markup
    opened_at: datetime
    publishes_at: datetime | None
    was_published: bool
    author: Markup
    author_id: Markup
    email_domain: Markup
    author_url: Markup
    text: TextView
    links: Listing[LinkView]
    held_because: str
    reasons: Listing[ReasonView]
    other_reasons: Listing[ReasonView]
    similar_comments: SimilarCommentsView | None


def queue_item_view(
    item: QueueItem, similar: Sequence[SimilarComment], moderator_name: str, now: datetime
) -> QueueItemView:
    """Return the view of an item in a list for the moderator called `moderator_name`."""
    text = item.decision.comment.text
    part = ItemPart(item, text, 0, len(text))
    return _item_view(part, similar, moderator_name, now, SPACE_IN_LIST, length_known=not item.is_excerpt)


def item_part_view(
    part: ItemPart, similar: Sequence[SimilarComment], moderator_name: str, now: datetime
) -> QueueItemView:
    """Return the view of an item on its own page, with a part of the text and the links in it."""
    return _item_view(part, similar, moderator_name, now, SPACE_ON_PAGE, length_known=True)


def _item_view(
    part: ItemPart,
    similar: Sequence[SimilarComment],
    moderator_name: str,
    now: datetime,
    space: Space,
    *,
    length_known: bool,
) -> QueueItemView:
    item, comment = part.item, part.item.decision.comment
    reasons = item.decision.score.reasons
    strongest, others = split_strongest(reasons)
    shown = highlight(part.text, reasons, space.text, start=part.start)
    text = TextView(shown.markup, part.start, part.start + shown.length, part.text_length if length_known else None)
    room = _Room(space.lists)
    return QueueItemView(
        id=item.id,
        site=excerpt(item.site_url, _MAX_ADDRESS_BYTES),
        opened_at=item.opened_at,
        publishes_at=item.publishes_at,
        was_published=item.publishes_at is not None and item.publishes_at <= now,
        author=excerpt(comment.author or "", _MAX_NAME_BYTES),
        author_id=excerpt(item.author_id or "", _MAX_NAME_BYTES),
        email_domain=excerpt(_email_domain(comment), _MAX_NAME_BYTES),
        author_url=excerpt(comment.url or "", _MAX_ADDRESS_BYTES),
        text=text,
        held_because=_held_because(item.decision),
        # In the order of their use to a moderator: the first ones get the space.
        reasons=room.listing(_reason_view, strongest),
        links=room.listing(_link_view, _different_links(part.text)),
        similar_comments=_similar_comments_view(similar[:MAX_SIMILAR_SHOWN], moderator_name, room),
        other_reasons=room.listing(_reason_view, others if space is SPACE_ON_PAGE else (), len(others)),
    )


def site_status_view(status: RolloutStatus) -> SiteStatusView:
    """Return the row of a site."""
    calibration = status.calibration
    return SiteStatusView(
        site=excerpt(status.site.url, _MAX_ADDRESS_BYTES),
        stage=calibration.stage.value if calibration else "own thresholds",
        protection=status.protection,
        next_stage=status.next_stage,
    )


def _held_because(decision: Decision) -> str:
    if decision.degraded:
        return "Held: there was no model to judge it"
    probability, threshold = decision.score.probability, decision.thresholds.review
    return f"Held: {_percent(probability)} spam, above this site’s review threshold ({_percent(threshold)})"


def _percent(probability: float) -> str:
    """Return a probability as `89 %`, rounded down, with a decimal near 0 and 1 so that neither is reached."""
    if 0.01 <= probability < 0.99:
        return f"{math.floor(100 * probability)} %"
    return f"{math.floor(1000 * probability) / 10:g} %"


class _Room:
    """The bytes that are left for the lists of one comment."""

    def __init__(self, max_bytes: int) -> None:
        self._remaining = max_bytes

    def listing(self, view: Callable[[T], Row], values: Sequence[T], total: int | None = None) -> Listing[Row]:
        """Return the first values that fit as rows, and the number of the others, of `total` or all values."""
        rows: list[Row] = []
        for value in values:
            row = view(value)
            self._remaining -= _ROW_BYTES + sum(len(cell.encode()) for cell in row)
            if self._remaining < 0:
                break
            rows.append(row)
        return Listing(tuple(rows), (len(values) if total is None else total) - len(rows))


def _email_domain(comment: Comment) -> str:
    """Return the domain of the e-mail address. The part before it stays private."""
    _, at, domain = (comment.email or "").rpartition("@")
    return domain if at else ""


def _different_links(text: str) -> list[Link]:
    return list({link.url: link for link in find_links(text)}.values())


def _link_view(link: Link) -> LinkView:
    return LinkView(
        excerpt(link.domain, _MAX_NAME_BYTES),
        excerpt(link.url, _MAX_ADDRESS_BYTES),
        excerpt(link.anchor, _MAX_DETAIL_BYTES),
    )


def _reason_view(reason: Reason) -> ReasonView:
    return ReasonView(favoured_label(reason), describe(reason), excerpt(reason.detail, _MAX_DETAIL_BYTES))


def _similar_comments_view(
    comments: Sequence[SimilarComment], moderator_name: str, room: _Room
) -> SimilarCommentsView | None:
    if not comments:
        return None
    values = [_label_value(similar) for similar in comments]
    counts = [f"{values.count(value)} {value}" for value in ("spam", "ham") if value in values]
    return SimilarCommentsView(
        ", ".join(counts), room.listing(partial(_similar_comment_view, moderator_name), comments)
    )


def _similar_comment_view(moderator_name: str, similar: SimilarComment) -> SimilarCommentView:
    label, value = similar.label, _label_value(similar)
    summary = f"{_labelled_by(label, moderator_name)} called it {value} on {label.created_at:%d %b %Y}"
    return SimilarCommentView(
        value,
        f"{math.floor(100 * similar.similarity)} %",
        excerpt(summary, _MAX_NAME_BYTES),
        excerpt(similar.text, _MAX_SIMILAR_BYTES),
    )


def _label_value(similar: SimilarComment) -> str:
    return (similar.label.value or LabelValue.HAM).value


def _labelled_by(label: Label, moderator_name: str) -> str:
    if label.channel in {"queue", "cli"}:
        return "you" if label.labelled_by == moderator_name else label.labelled_by
    return "an imported file" if label.channel in {"import", "history"} else "the blog"
