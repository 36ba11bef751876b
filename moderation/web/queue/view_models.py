"""The contents of the queue's pages: plain sentences, and hostile text as safe markup of bounded size."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import NamedTuple

from markupsafe import Markup

from moderation.actions.matching import MAX_HAM_CHIPS, MAX_SPAM_CHIPS
from moderation.actions.review import CommentPart
from moderation.domain.comment import Comment
from moderation.domain.decision import LabelValue, Reason, SimilarComment
from moderation.domain.queue import ListedComment, Teamwork
from moderation.domain.thresholds import Verdict
from moderation.features.links import Link, find_links
from moderation.scoring.reasons import describe, split_strongest, strongest
from moderation.web.queue.effects import Effect, describe_effects, describe_state
from moderation.web.queue.highlight import excerpt, favoured_label, highlight
from moderation.web.queue.label_words import SecondLookView, label_summary, percent, second_look_view
from moderation.web.queue.space import SPACE_IN_LIST, SPACE_ON_PAGE, Listing, Room, Space
from moderation.web.queue.teamwork import RemarkView, describe_presence, remark_views

MAX_SIMILAR_SHOWN = 3

_WORDS = dict(zip(Verdict, ("Published", "Held", "Blocked", "Discarded"), strict=True))

_AUDITED = "Audit: drawn at random from what was published or blocked. Decide by the comment alone"

_KEY_LENGTH = 8
_MAX_LOW_TEXT = 300
_MAX_LOW_LINES = 5
"""Code points and line breaks that fit into the least height of a comment's text, in a window 320 pixels wide."""
_MAX_ADDRESS_BYTES = 200
_MAX_DETAIL_BYTES = 60
_MAX_MODEL_BYTES = 60
_MAX_SIMILAR_BYTES = 200


class ReasonView(NamedTuple):
    """One reason: the label that it speaks for, its description, and the detail that can be quoted, if any.

    `mark` is the id of its first mark in the text, empty without one.
    """

    label: str
    description: str
    detail: Markup
    mark: str


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


class OpinionView(NamedTuple):
    """The opinion of the operator's own model: its name, and its answer such as `spam, 92 %`."""

    model: Markup
    answer: str


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

    @property
    def may_scroll(self) -> bool:
        """Whether the text may be higher than its part of the page, so that the keyboard must reach it to scroll."""
        return self.end - self.start > _MAX_LOW_TEXT or self.markup.count("\n") > _MAX_LOW_LINES


@dataclass(frozen=True, slots=True)
class SimilarCommentsView:
    """The similar comments, and a summary such as `2 spam, 1 ham`."""

    summary: str
    listing: Listing[SimilarCommentView]


@dataclass(frozen=True, slots=True)
class QueueItemView:
    """One comment, in a list or on its own page. An audit item has no reasons.

    `key` ends each id of the page's parts that belong to the comment. `chips` are the few strongest reasons, `reasons`
    the strongest ones. `other_reasons` and `links` count those without space too.

    `publishes_at` is when the blog publishes the held comment by itself; `was_published` if that time has passed.
    `state` says where the comment is at its blog otherwise, `effects` what the buttons do there. `presence` says who
    else decides it at this moment. Only a held comment has an `opinion`.
    """

    id: str
    site_id: int
    key: str
    seen: str
    is_audit: bool
    is_held: bool
    label: Markup
    site: Markup
    post_title: Markup
    permalink: Markup
    opened_at: datetime
    publishes_at: datetime | None
    was_published: bool
    state: str
    effects: Mapping[str, Effect]
    author: Markup
    author_id: Markup
    email_domain: Markup
    author_url: Markup
    text: TextView
    links: Listing[LinkView]
    verdict: str
    opinion: OpinionView | None
    second_look: SecondLookView | None
    chips: Listing[ReasonView]
    reasons: Listing[ReasonView]
    other_reasons: Listing[ReasonView]
    similar_comments: SimilarCommentsView | None
    remarks: Listing[RemarkView]
    presence: Markup


class _Context(NamedTuple):
    """The reader of a comment, the time, labelled comments like it, and the traces of other people."""

    similar: Sequence[SimilarComment]
    moderator_name: str
    now: datetime
    teamwork: Teamwork


def queue_item_view(
    item: ListedComment, similar: Sequence[SimilarComment], moderator_name: str, now: datetime, teamwork: Teamwork
) -> QueueItemView:
    """Return the view of an item in a list for the moderator called `moderator_name`."""
    text = item.decision.comment.text
    part = CommentPart(item, text, 0, len(text))
    length = None if item.is_excerpt else len(text)
    return _fitting_view(part, _Context(similar, moderator_name, now, teamwork), SPACE_IN_LIST, length)


def item_part_view(
    part: CommentPart, similar: Sequence[SimilarComment], moderator_name: str, now: datetime, teamwork: Teamwork
) -> QueueItemView:
    """Return the view of an item on its own page, with a part of the text and the links in it."""
    return _fitting_view(part, _Context(similar, moderator_name, now, teamwork), SPACE_ON_PAGE, part.text_length)


def _fitting_view(part: CommentPart, context: _Context, space: Space, length: int | None) -> QueueItemView:
    """Return the view in a space, made smaller until it fits compressed as well."""
    has_all = space is SPACE_ON_PAGE
    while True:
        room = Room(space)
        view = _item_view(part, context, room, length, has_all_reasons=has_all)
        size = room.compressed_size()
        if size <= space.compressed:
            return view
        space = space.smaller(size)


def _item_view(
    part: CommentPart, context: _Context, room: Room, length: int | None, *, has_all_reasons: bool
) -> QueueItemView:
    item, comment = part.comment, part.comment.decision.comment
    # A person who sees them would repeat the verdict that the audit is to test.
    reasons = () if item.is_audit else item.decision.score.reasons
    similar = () if item.is_audit else context.similar
    first, others = split_strongest(reasons)
    key = item.id[-_KEY_LENGTH:]
    shown = highlight(part.text, reasons, room.space.text, start=part.start, key=key)
    reason_view = partial(_reason_view, shown.marks)
    presence = describe_presence(item, context.teamwork.deciding, item.seen, context.moderator_name, context.now)
    return QueueItemView(
        id=item.id,
        site_id=item.decision.site_id,
        key=key,
        seen=str(item.seen),
        is_audit=item.is_audit,
        is_held=item.is_held,
        presence=room.field(presence),
        label=room.field(label_summary(item.label, context.moderator_name)),
        site=room.field(item.site_url),
        post_title=room.field(comment.context),
        permalink=room.field(comment.permalink),
        opened_at=item.since,
        publishes_at=item.publishes_at,
        was_published=item.publishes_at is not None and item.publishes_at <= context.now,
        state=describe_state(item, context.now),
        effects=describe_effects(item),
        author=room.field(comment.author),
        author_id=room.field(item.author_id),
        email_domain=room.field(_email_domain(comment)),
        author_url=room.field(comment.url),
        text=TextView(room.text(shown.markup), part.start, part.start + shown.length, length),
        verdict=_AUDITED if item.is_audit else _verdict_sentence(item),
        opinion=_opinion_view(item),
        second_look=second_look_view(item, context.moderator_name, room),
        # In the order of their use to a moderator: the first ones get the space.
        remarks=room.listing(lambda each: each, remark_views(context.teamwork, context.moderator_name)),
        chips=room.listing(reason_view, strongest(first, MAX_SPAM_CHIPS, MAX_HAM_CHIPS)),
        links=room.listing(_link_view, _different_links(part.text)),
        similar_comments=_similar_comments_view(similar[:MAX_SIMILAR_SHOWN], context.moderator_name, room),
        reasons=room.listing(reason_view, first),
        other_reasons=room.listing(reason_view, others if has_all_reasons else (), len(others)),
    )


def _verdict_sentence(item: ListedComment) -> str:
    decision = item.decision
    word, verdict = _WORDS[decision.verdict], decision.verdict
    if not item.is_judged:
        by_model = f"; the model gives it {percent(decision.score.probability)} spam" if decision.score.model else ""
        return f"Imported, and never judged{by_model}"
    if decision.degraded:
        return f"{word}: there was no model to judge it"
    name, side = ("review", "below") if verdict is Verdict.PUBLISH else (verdict.value, "above")
    threshold = percent(getattr(decision.thresholds, name))
    return f"{word}: {percent(decision.score.probability)} spam, {side} this site’s {name} threshold ({threshold})"


def _opinion_view(item: ListedComment) -> OpinionView | None:
    """Return the view of an opinion. It takes no room from the rest of the card, which is the same without it."""
    opinion = item.opinion if item.is_held and not item.is_audit else None
    if opinion is None:
        return None
    label = "spam" if opinion.is_spam else "not spam"
    return OpinionView(excerpt(opinion.model, _MAX_MODEL_BYTES), f"{label}, {round(100 * opinion.confidence)} %")


def _email_domain(comment: Comment) -> str:
    """Return the domain of the e-mail address. The part before it stays private."""
    _, at, domain = (comment.email or "").rpartition("@")
    return domain if at else ""


def _different_links(text: str) -> list[Link]:
    return list({link.url: link for link in find_links(text)}.values())


def _link_view(link: Link) -> LinkView:
    return LinkView(
        excerpt(link.domain, _MAX_DETAIL_BYTES),
        excerpt(link.url, _MAX_ADDRESS_BYTES),
        excerpt(link.anchor, _MAX_DETAIL_BYTES),
    )


def _reason_view(marks: Mapping[Reason, str], reason: Reason) -> ReasonView:
    detail = excerpt(reason.detail, _MAX_DETAIL_BYTES)
    return ReasonView(favoured_label(reason), describe(reason), detail, marks.get(reason, ""))


def _similar_comments_view(
    comments: Sequence[SimilarComment], moderator_name: str, room: Room
) -> SimilarCommentsView | None:
    if not comments:
        return None
    values = [_label_value(similar) for similar in comments]
    counts = [f"{values.count(value)} {value}" for value in ("spam", "ham") if value in values]
    return SimilarCommentsView(
        ", ".join(counts), room.listing(partial(_similar_comment_view, moderator_name), comments)
    )


def _similar_comment_view(moderator_name: str, similar: SimilarComment) -> SimilarCommentView:
    return SimilarCommentView(
        _label_value(similar),
        f"{math.floor(100 * similar.similarity)} %",
        excerpt(label_summary(similar.label, moderator_name), _MAX_DETAIL_BYTES),
        excerpt(similar.text, _MAX_SIMILAR_BYTES),
    )


def _label_value(similar: SimilarComment) -> str:
    return (similar.label.value or LabelValue.HAM).value
