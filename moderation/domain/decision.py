"""Our answer to a comment with its reasons, and the labels that people give afterwards."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from moderation.domain.budget import Calibration
from moderation.domain.comment import Comment
from moderation.domain.thresholds import Thresholds, Verdict


class LabelValue(StrEnum):
    """A person's truth about a comment."""

    HAM = "ham"
    SPAM = "spam"


class Span(NamedTuple):
    """A part of one field of the comment as sent: offsets in code points, `end` exclusive."""

    field: str
    start: int
    end: int


class Occurrence(StrEnum):
    """How a comment has what a signal is about: at all, or compared with the usual amount."""

    PRESENT = "present"
    ABSENT = "absent"
    MORE = "more"
    LESS = "less"


class Reason(NamedTuple):
    """One named piece of evidence.

    `weight` is its exact contribution to the logit (natural log of the odds); above zero is evidence of spam.
    `detail` quotes the comment for people: it is hostile text and must be escaped. `occurrence` is `None` for a reason
    that is no signal of the model, and for a decision of a version that did not store it.
    """

    code: str
    weight: float
    detail: str = ""
    spans: tuple[Span, ...] = ()
    occurrence: Occurrence | None = None

    @property
    def name(self) -> str:
        """The code for places without room for a sentence, such as `NAME_DIGITS:absent`."""
        is_there = self.occurrence in (None, Occurrence.PRESENT, Occurrence.MORE)
        return self.code if is_there else f"{self.code}:{self.occurrence}"


@dataclass(frozen=True, slots=True)
class Score:
    """The probability of spam by one model, with all contributions to it.

    The weights of `reasons` and `bias` add up to `logit`; `probability` is its logistic function.
    """

    probability: float
    logit: float
    bias: float
    reasons: tuple[Reason, ...]
    model: str


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict with its score and thresholds, as answered and stored.

    `degraded` is true if no model was available, or if the decision could not be stored: the verdict is then that of
    the site's `on_error`. A decision that is not stored has no `id`. `calibration` is the source of `thresholds`;
    `None` if the site has its own thresholds.
    """

    id: str
    site_id: int
    comment: Comment
    score: Score
    thresholds: Thresholds
    verdict: Verdict
    degraded: bool
    decided_at: datetime
    calibration: Calibration | None = None


@dataclass(frozen=True, slots=True)
class Label:
    """A person's truth about one comment of one site. The log is append-only: the last label is in force.

    `value` is `None` if the person took an earlier label back.
    `channel` is `queue`, `api`, `akismet`, `import`, or `cli` for a person at the command line.
    """

    value: LabelValue | None
    labelled_by: str
    channel: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SimilarComment:
    """A labelled comment of the same site that is similar to another comment.

    `text` is its beginning: hostile text that must be escaped. `similarity` is above 0 and at most 1.
    """

    text: str
    label: Label
    similarity: float


@dataclass(frozen=True, slots=True)
class QueueItem:
    """A decision that waits for a person.

    `publishes_at` is when a blog that holds the comment publishes it without a decision. `is_excerpt` is true if a
    field of the comment is only its beginning.
    """

    id: int
    site_url: str
    decision: Decision
    opened_at: datetime
    publishes_at: datetime | None = None
    is_excerpt: bool = False


@dataclass(frozen=True, slots=True)
class Moderator:
    """A person who decides held comments. `password_version` changes with the password."""

    id: int
    name: str
    created_at: datetime
    password_version: str = field(repr=False)
