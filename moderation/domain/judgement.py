"""What we answer, why, and what a person says of it afterwards."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from moderation.domain.budget import Standing
from moderation.domain.comment import Comment
from moderation.domain.policy import Policy, Verdict


class LabelValue(StrEnum):
    """A person's truth about a comment."""

    HAM = "ham"
    SPAM = "spam"


class Span(NamedTuple):
    """A stretch of one field of the comment as it was sent, in code points, `end` exclusive."""

    field: str
    start: int
    end: int


class Reason(NamedTuple):
    """One named piece of evidence.

    `weight` is its exact share of the logit (natural log of the odds): above zero speaks for spam.
    `detail` is what was found, in words meant for people: hostile text, escape it.
    """

    code: str
    weight: float
    detail: str = ""
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Score:
    """The chance of spam by one model, and its complete account.

    The weights of `reasons` and `bias` add up to `logit`; `probability` is its logistic function.
    """

    probability: float
    logit: float
    bias: float
    reasons: tuple[Reason, ...]
    model: str


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict as it was answered and stored.

    `standing` is what the site had earned the lines of `policy` by; `None` where they were the site's own.
    """

    id: str
    site_id: int
    comment: Comment
    score: Score
    policy: Policy
    verdict: Verdict
    degraded: bool
    made_at: datetime
    standing: Standing | None = None


@dataclass(frozen=True, slots=True)
class Label:
    """A person's truth about one comment of one site. The log is append-only: the last one holds.

    `value` is `None` where the person took an earlier label back.
    `source` is the door it came through: `queue`, `api`, `akismet` or `import`.
    """

    value: LabelValue | None
    who: str
    source: str
    given_at: datetime


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A comment of the same site that a person has labelled, and that is like another one.

    `text` is how it begins: hostile text, escape it. `alike` is above 0 and at most 1.
    """

    text: str
    label: Label
    alike: float


@dataclass(frozen=True, slots=True)
class Item:
    """A decision that waits for a person.

    `publishes_at` is when the blog, if it holds the comment, publishes it by itself.
    """

    id: int
    site_url: str
    decision: Decision
    opened_at: datetime
    publishes_at: datetime | None = None
