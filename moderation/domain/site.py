"""A site with its thresholds, budget and Akismet settings, and the callback that reports decisions to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from moderation.domain.budget import UNCALIBRATED, Budget, Calibration, StoredCalibration, calibrated_thresholds
from moderation.domain.errors import InvalidInput
from moderation.domain.thresholds import Thresholds

PRIVATE_MESSAGE_TYPES = frozenset({"contact-form", "message", "signup"})
"""Types of comment whose loss in a spam folder would go unnoticed. Their thresholds are milder."""

MAX_HOLD_SECONDS = 30 * 86_400


class ReviewAction(StrEnum):
    """The answer to an Akismet client for a comment that goes to review."""

    HOLD = "hold"
    SPAM_FOLDER = "spam-folder"
    PUBLISH = "publish"


class OnError(StrEnum):
    """The answer to a site for a comment that cannot be judged.

    That is so while no model can be loaded, or the database stores nothing. With `ERROR` the site gets an error and
    decides itself.
    """

    REVIEW = "review"
    PUBLISH = "publish"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class AkismetReviewSettings:
    """How a site's Akismet client treats comments that go to review.

    With `HOLD` the blog holds the comment; a client that cannot hold comments uses its spam folder. A person has
    `hold_seconds` to decide: after twice that time, the blog publishes the comment. `private_callback` allows calls to
    the blog at a private or loopback address. Raises `InvalidInput` unless `hold_seconds` is within 60 and
    `MAX_HOLD_SECONDS`.
    """

    action: ReviewAction = ReviewAction.HOLD
    hold_seconds: int = 86_400
    private_callback: bool = False

    def __post_init__(self) -> None:
        if not 60 <= self.hold_seconds <= MAX_HOLD_SECONDS:
            raise InvalidInput(f"A comment can be held for 60 to {MAX_HOLD_SECONDS} seconds; got {self.hold_seconds}.")


@dataclass(frozen=True, slots=True)
class PluginState:
    """The facts that a blog's plugin sent last: a digest of its key, and its callback's origin if that was rejected."""

    key_digest: str = field(default="", repr=False)
    rejected_origin: str = ""


@dataclass(frozen=True, slots=True)
class Site:
    """A blog that sends comments.

    `thresholds` are the site's own; without them, its calibration decides. `type_thresholds` apply to single
    types of comment. `budget` is `None` if the default budget applies. `stored_calibration` is the newest one, maybe of
    another model or budget than the current ones. `storage_error` says why the database could not be read when the site
    called; the site is then as it was before, and nothing can be stored.
    """

    id: int
    url: str
    thresholds: Thresholds | None
    created_at: datetime
    type_thresholds: Mapping[str, Thresholds] = field(default_factory=dict)
    akismet_review: AkismetReviewSettings = AkismetReviewSettings()
    budget: Budget | None = None
    on_error: OnError = OnError.ERROR
    plugin: PluginState = PluginState()
    stored_calibration: StoredCalibration | None = None
    storage_error: str = ""

    def thresholds_for(
        self, comment_type: str | None, model: str, model_thresholds: Thresholds, default_budget: Budget
    ) -> tuple[Thresholds, Calibration | None]:
        """Return the thresholds in force for a comment type, and the calibration that they come from.

        The site's own thresholds have no calibration. Without own thresholds, those of the newest calibration apply if
        it was made under the live model, named `model`, and the budget in force; else those of `UNCALIBRATED`.
        """
        own = self.type_thresholds.get(comment_type or "")
        if own is not None:
            return own, None
        thresholds, calibration = self.thresholds, None
        if thresholds is None:
            stored = self.stored_calibration
            terms = (model, self.budget or default_budget)
            calibration = stored.calibration if stored and (stored.model, stored.budget) == terms else UNCALIBRATED
            thresholds = calibrated_thresholds(calibration, model_thresholds)
        return thresholds.milder() if comment_type in PRIVATE_MESSAGE_TYPES else thresholds, calibration


@dataclass(frozen=True, slots=True)
class Callback:
    """The URL of a blog that receives the decision on a held comment, and the key that authenticates us there."""

    url: str
    key: str = field(repr=False)
