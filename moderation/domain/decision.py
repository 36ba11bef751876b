"""Our answer to a comment with its reasons, and the labels that people give afterwards."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from moderation.domain.budget import Calibration
from moderation.domain.comment import Comment
from moderation.domain.people import Access
from moderation.domain.thresholds import Thresholds, Verdict


class LabelValue(StrEnum):
    """A person's truth about a comment."""

    HAM = "ham"
    SPAM = "spam"


QUEUE_CHANNEL = "queue"
"""Channel of the decisions in the queue."""
PERSON_CHANNELS = frozenset((QUEUE_CHANNEL, "cli"))
"""Channels of the labels that people give to comments that they have before them, other than at their blogs."""
MODERATOR_CHANNELS = PERSON_CHANNELS | {"import", "history"}
"""Channels of labels that moderators give."""


class LabelOrigin(StrEnum):
    """How a person came to a label.

    `SINGLE` is a decision on one comment. Every other label is one of many that a person gave at once, mostly without
    reading each: by a stroke over several comments, a rule over past ones, an order to teach, or a file.
    """

    SINGLE = "single"
    BULK = "bulk"
    SWEEP = "sweep"
    TEACHING = "teaching"
    IMPORT = "import"


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

    The weights of `reasons` and `bias` add up to `logit`; `probability` is its logistic function. If the second reader
    was skipped, `model` judged without it in place of `skipped_model`, which is empty otherwise.
    """

    probability: float
    logit: float
    bias: float
    reasons: tuple[Reason, ...]
    model: str
    skipped_model: str = ""


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

    `value` is `None` if the person took an earlier label back, or removed the comment without a lesson (`removes`).
    `channel` is `queue`, `api`, `akismet`, `import`, `history`, or `cli` for a person at the command line.
    `decision_id` is that of the decision which the person saw, `None` if there was none; `reason` is empty if the
    person gave none.
    """

    value: LabelValue | None
    labelled_by: str
    channel: str
    created_at: datetime
    origin: LabelOrigin = LabelOrigin.SINGLE
    reason: str = ""
    decision_id: str | None = None
    removes: bool = False

    @property
    def is_by_moderator(self) -> bool:
        """Whether a moderator gave the label. Through other channels, the key of a site is enough, which may leak."""
        return self.channel in MODERATOR_CHANNELS

    @property
    def verb(self) -> str:
        """The act: `ham`, `spam`, `forget` or `remove`."""
        if self.value is not None:
            return self.value.value
        return "remove" if self.removes else "forget"


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A row of the log of labels, and when and by whom the label was revoked; `None` while it is in force.

    Any later row on the same comment revokes a label. `act_id` is that of the act of a moderator, if one appended the
    row. A row with `undone_at` and `undone_by` restores an earlier row, or withdraws a first one, for an undo.
    """

    id: int
    site_url: str
    comment_id: int
    label: Label
    revoked_at: datetime | None
    revoked_by: str | None
    act_id: int | None = None
    undone_at: datetime | None = None
    undone_by: str | None = None


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """How the labels of one person, or of a site's key, through one channel have stood.

    `given` counts all labels, `contradicted` the labels that another person replaced by the other value, and
    `forgotten` the labels that a person withdrew.
    """

    site_url: str
    labelled_by: str
    channel: str
    given: int
    contradicted: int
    forgotten: int


@dataclass(frozen=True, slots=True)
class SimilarComment:
    """A labelled comment of the same site that is similar to another comment.

    `text` is its beginning: hostile text that must be escaped. `similarity` is above 0 and at most 1.
    """

    text: str
    label: Label
    similarity: float


@dataclass(frozen=True, slots=True)
class Moderator:
    """A person at the queue. `password_version` changes with the password, `access` with each role that is granted.

    With `has_totp`, a sign-in needs a code beside the password.
    """

    id: int
    name: str
    created_at: datetime
    password_version: str = field(repr=False)
    has_totp: bool = False
    access: Access = field(default=Access(), repr=False, compare=False)
