"""The contents of the queue's pages: plain sentences for moderators, and all hostile text as safe markup."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from moderation.actions.rollout import RolloutStatus
from moderation.domain.budget import Guarantee, format_percent
from moderation.domain.comment import Comment
from moderation.domain.decision import Decision, Label, LabelValue, QueueItem, Reason, SimilarComment
from moderation.features.links import find_links
from moderation.scoring.reasons import split_strongest
from moderation.web.queue.highlight import describe_reason, favoured_label, highlight, safe_markup

PREVIEW_LENGTH = 1_500
"""Code points of a comment that are shown before it is unfolded."""
MAX_SIMILAR_SHOWN = 3


@dataclass(frozen=True, slots=True)
class ReasonView:
    """One reason: the label that it speaks for, its description, and the detail that can be quoted, if any."""

    label: str
    description: str
    detail: Markup


@dataclass(frozen=True, slots=True)
class LinkView:
    """One link of the comment, as inert text."""

    domain: Markup
    url: Markup
    anchor: Markup


@dataclass(frozen=True, slots=True)
class SimilarCommentView:
    """One similar comment: `text` is its beginning, `label_summary` says who labelled it and when."""

    label_value: str
    similarity: str
    label_summary: str
    text: Markup


@dataclass(frozen=True, slots=True)
class SimilarCommentsView:
    """The similar comments, and a summary such as `2 spam, 1 ham`."""

    summary: str
    comments: tuple[SimilarCommentView, ...]


@dataclass(frozen=True, slots=True)
class SiteStatusView:
    """One row of the sites page: the stage, the guarantees for ham, and a sentence about the next stage."""

    site: str
    stage: str
    lost: str
    held: str
    next_stage: str


@dataclass(frozen=True, slots=True)
class QueueItemView:
    """One held comment. `text` and `rest` have the reasons' spans highlighted.

    `publishes_at` is when the blog publishes the held comment by itself; `was_published` if that time has passed.
    """

    id: int
    site: str
    opened_at: datetime
    publishes_at: datetime | None
    was_published: bool
    author: Markup
    email_domain: Markup
    author_url: Markup
    text: Markup
    rest: Markup
    rest_length: int
    links: tuple[LinkView, ...]
    held_because: str
    reasons: tuple[ReasonView, ...]
    other_reasons: tuple[ReasonView, ...]
    similar_comments: SimilarCommentsView | None


def queue_item_view(
    item: QueueItem, similar: Sequence[SimilarComment], moderator_name: str, now: datetime
) -> QueueItemView:
    """Return the view of an item for the moderator called `moderator_name`."""
    comment, reasons = item.decision.comment, item.decision.score.reasons
    strongest, others = split_strongest(reasons)
    text, rest = highlight(comment.text, reasons, PREVIEW_LENGTH)
    return QueueItemView(
        id=item.id,
        site=item.site_url,
        opened_at=item.opened_at,
        publishes_at=item.publishes_at,
        was_published=item.publishes_at is not None and item.publishes_at <= now,
        author=safe_markup(comment.author or ""),
        email_domain=safe_markup((comment.email or "").rpartition("@")[2]),
        author_url=safe_markup(comment.url or ""),
        text=text,
        rest=rest,
        rest_length=max(0, len(comment.text) - PREVIEW_LENGTH),
        links=_link_views(comment),
        held_because=_held_because(item.decision),
        reasons=tuple(map(_reason_view, strongest)),
        other_reasons=tuple(map(_reason_view, others)),
        similar_comments=_similar_comments_view(similar, moderator_name),
    )


def site_status_view(status: RolloutStatus) -> SiteStatusView:
    """Return the row of a site."""
    calibration = status.calibration
    return SiteStatusView(
        site=status.site.url,
        stage=calibration.stage.value if calibration else "own thresholds",
        lost=_describe_guarantee(calibration.spam if calibration else None),
        held=_describe_guarantee(calibration.review if calibration else None),
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


def _describe_guarantee(guarantee: Guarantee | None) -> str:
    if guarantee is None:
        return "no guarantee yet"
    return f"at most {format_percent(guarantee.bound)}, with {100 * guarantee.confidence:g} % confidence"


def _link_views(comment: Comment) -> tuple[LinkView, ...]:
    links = {link.url: link for link in find_links(comment.text)}
    return tuple(
        LinkView(safe_markup(link.domain), safe_markup(link.url), safe_markup(link.anchor)) for link in links.values()
    )


def _reason_view(reason: Reason) -> ReasonView:
    return ReasonView(favoured_label(reason), describe_reason(reason), safe_markup(reason.detail))


def _similar_comments_view(comments: Sequence[SimilarComment], moderator_name: str) -> SimilarCommentsView | None:
    shown = [_similar_comment_view(similar, moderator_name) for similar in comments[:MAX_SIMILAR_SHOWN]]
    if not shown:
        return None
    values = [view.label_value for view in shown]
    counts = [f"{values.count(value)} {value}" for value in ("spam", "ham") if value in values]
    return SimilarCommentsView(", ".join(counts), tuple(shown))


def _similar_comment_view(similar: SimilarComment, moderator_name: str) -> SimilarCommentView:
    label = similar.label
    value = (label.value or LabelValue.HAM).value
    summary = f"{_labelled_by(label, moderator_name)} called it {value} on {label.created_at:%d %b %Y}"
    return SimilarCommentView(value, f"{math.floor(100 * similar.similarity)} %", summary, safe_markup(similar.text))


def _labelled_by(label: Label, moderator_name: str) -> str:
    if label.channel == "queue":
        return "you" if label.labelled_by == moderator_name else label.labelled_by
    return "an imported file" if label.channel == "import" else "the blog"
