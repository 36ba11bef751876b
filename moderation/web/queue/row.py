"""An item as the queue shows it: everything the template needs, made safe."""

from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from moderation.domain.comment import Comment
from moderation.domain.judgement import Item, Reason
from moderation.features.links import find_links
from moderation.scoring.reasons import SENTENCES
from moderation.web.queue.visible import visible

FIRST_PART = 1_500
"""Code points of a comment shown at once; the rest unfolds."""
SHOWN_REASONS = 6
"""Reasons shown at once, the heaviest; the others unfold."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One reason in plain words, with what was `found`, if anything can be quoted.

    `side` is `spam` or `ham`, `weight` its signed share of the logit.
    """

    side: str
    sentence: str
    found: Markup
    code: str
    weight: str


@dataclass(frozen=True, slots=True)
class Target:
    """One link of the comment: where it leads, as inert text."""

    domain: Markup
    url: Markup
    anchor: Markup


@dataclass(frozen=True, slots=True)
class Row:
    """One held comment. All `Markup` is built from escaped parts.

    `publishes_at` is when the blog that holds it publishes it by itself, `was_published` whether that is past.
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
    targets: tuple[Target, ...]
    percent: str
    model: str
    degraded: bool
    evidence: tuple[Evidence, ...]
    more_evidence: tuple[Evidence, ...]


def row_of(item: Item, now: datetime) -> Row:
    """The row of an item, as it stands `now`."""
    decision = item.decision
    comment, score = decision.comment, decision.score
    evidence = [_evidence(reason) for reason in sorted(score.reasons, key=_heaviest_first)]
    return Row(
        id=item.id,
        site=item.site_url,
        opened_at=item.opened_at,
        publishes_at=item.publishes_at,
        was_published=item.publishes_at is not None and item.publishes_at <= now,
        author=visible(comment.author or ""),
        email_domain=visible((comment.email or "").rpartition("@")[2]),
        author_url=visible(comment.url or ""),
        text=visible(comment.text[:FIRST_PART]),
        rest=visible(comment.text[FIRST_PART:]),
        rest_length=max(0, len(comment.text) - FIRST_PART),
        targets=_targets(comment),
        percent=f"{score.probability:.1%}",
        model=score.model,
        degraded=decision.degraded,
        evidence=tuple(evidence[:SHOWN_REASONS]),
        more_evidence=tuple(evidence[SHOWN_REASONS:]),
    )


def _targets(comment: Comment) -> tuple[Target, ...]:
    found = {link.url: link for link in find_links(comment.text)}
    return tuple(Target(visible(link.domain), visible(link.url), visible(link.anchor)) for link in found.values())


def _heaviest_first(reason: Reason) -> float:
    return -abs(reason.weight)


def _evidence(reason: Reason) -> Evidence:
    # A model of another version may have given a code that this one has no sentence for.
    sentence = SENTENCES.get(reason.code, reason.code.replace("_", " ").lower())
    side = "spam" if reason.weight > 0 else "ham"
    return Evidence(side, sentence, visible(reason.detail), reason.code, f"{reason.weight:+.2f}")
