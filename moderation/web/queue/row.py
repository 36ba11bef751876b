"""An item as the queue shows it: everything the template needs, made safe."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from moderation.domain.comment import Comment
from moderation.domain.judgement import Decision, Item, Neighbour, Reason
from moderation.features.links import find_links
from moderation.scoring.reasons import parted
from moderation.web.queue.marking import marked, sentence_of, side_of
from moderation.web.queue.recall import Recall, recall
from moderation.web.queue.visible import visible

FIRST_PART = 1_500
"""Code points of a comment shown at once; the rest unfolds."""


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
    """One held comment. All `Markup` is built from escaped parts; `text` and `rest` have the reasons' places marked.

    `percent_here` is the chance of spam at the site, empty where that cannot be said.
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
    percent_here: str
    policy: str
    model: str
    degraded: bool
    evidence: tuple[Evidence, ...]
    more_evidence: tuple[Evidence, ...]
    recall: Recall | None


def row_of(item: Item, chance_here: float | None, neighbours: Sequence[Neighbour], reader: str, now: datetime) -> Row:
    """The row of an item, as it stands `now`, for the moderator called `reader`.

    `chance_here` is the chance of spam at its site, where that is known.
    """
    decision = item.decision
    comment, score = decision.comment, decision.score
    first, others = parted(score.reasons)
    text, rest = marked(comment.text, score.reasons, FIRST_PART)
    return Row(
        id=item.id,
        site=item.site_url,
        opened_at=item.opened_at,
        publishes_at=item.publishes_at,
        was_published=item.publishes_at is not None and item.publishes_at <= now,
        author=visible(comment.author or ""),
        email_domain=visible((comment.email or "").rpartition("@")[2]),
        author_url=visible(comment.url or ""),
        text=text,
        rest=rest,
        rest_length=max(0, len(comment.text) - FIRST_PART),
        targets=_targets(comment),
        percent=f"{score.probability:.1%}",
        percent_here=f"{chance_here:.1%}" if chance_here is not None else "",
        policy=_policy(decision),
        model=score.model,
        degraded=decision.degraded,
        evidence=tuple(map(_evidence, first)),
        more_evidence=tuple(map(_evidence, others)),
        recall=recall(neighbours, reader),
    )


def _policy(decision: Decision) -> str:
    """The lines that the comment was judged by, and where they come from."""
    policy, standing = decision.policy, decision.standing
    spam = f", spam from {policy.spam:.2%}" if policy.spam < 1.0 else ", nothing is spam"
    whose = f"the step {standing.step}" if standing else "the site’s own lines"
    return f"held from {policy.review:.2%}{spam}, by {whose}"


def _targets(comment: Comment) -> tuple[Target, ...]:
    found = {link.url: link for link in find_links(comment.text)}
    return tuple(Target(visible(link.domain), visible(link.url), visible(link.anchor)) for link in found.values())


def _evidence(reason: Reason) -> Evidence:
    found = visible(reason.detail)
    return Evidence(side_of(reason), sentence_of(reason), found, reason.code, f"{reason.weight:+.2f}")
