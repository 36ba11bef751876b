"""A site with its thresholds, budget and Akismet settings, and the callback that reports decisions to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from moderation.domain.budget import (
    UNCALIBRATED,
    Budget,
    Calibration,
    RolloutMode,
    StoredCalibration,
    calibrated_thresholds,
    with_general,
)
from moderation.domain.comment_types import PRIVATE_TYPES, REACTION_TYPES
from moderation.domain.errors import InvalidInput
from moderation.domain.general_guarantee import GeneralGuarantees
from moderation.domain.retention import DEFAULT_RETENTION, Retention
from moderation.domain.thresholds import Thresholds

MIN_REVIEW = 0.5
"""The lowest review threshold of private messages and reactions: nothing goes to review that is more likely ham.

A site's own comments say little about these types, so a low threshold that they give is none for them.
"""

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
    the blog at a private or loopback address. With `vouches_for_authors`, rules for authors apply to the `user_id` and
    `user_role` that the client sends. Raises `InvalidInput` unless `hold_seconds` is within 60 and
    `MAX_HOLD_SECONDS`.
    """

    action: ReviewAction = ReviewAction.HOLD
    hold_seconds: int = 86_400
    private_callback: bool = False
    vouches_for_authors: bool = False

    def __post_init__(self) -> None:
        if not 60 <= self.hold_seconds <= MAX_HOLD_SECONDS:
            raise InvalidInput(f"A comment can be held for 60 to {MAX_HOLD_SECONDS} seconds; got {self.hold_seconds}.")


@dataclass(frozen=True, slots=True)
class PluginState:
    """The facts that a blog's plugin sent last: a digest of its key, and its callback's origin if that was rejected.

    `callback` is the last URL that may be called, empty without one.
    """

    key_digest: str = field(default="", repr=False)
    rejected_origin: str = ""
    callback: str = ""


class SuggestedThresholds(NamedTuple):
    """The thresholds that the live model suggests, its id, and their guarantees over sites if it has any.

    If its second reader was skipped, these are of the model without it, and `skipped_model` is the live one.
    """

    model: str
    thresholds: Thresholds
    guarantees: GeneralGuarantees | None = None
    skipped_model: str = ""


@dataclass(frozen=True, slots=True)
class Site:
    """A blog that sends comments.

    `thresholds` are the site's own; without them, its calibration decides. `type_thresholds` apply to single
    types of comment. `budget` is `None` if the default budget applies. `stored_calibration` is the newest one, maybe of
    another model or budget than the current ones. `storage_error` says why the database could not be read when the site
    called; the site is then as it was before, and nothing can be stored. `lists_version` is another text after every
    change of an operator's list, and empty before the first. `encrypted_coral_secret` is empty unless Coral may ask.
    """

    id: int
    url: str
    thresholds: Thresholds | None
    created_at: datetime
    type_thresholds: Mapping[str, Thresholds] = field(default_factory=dict)
    akismet_review: AkismetReviewSettings = AkismetReviewSettings()
    budget: Budget | None = None
    on_error: OnError = OnError.ERROR
    rollout: RolloutMode = RolloutMode.DEFAULT
    retention: Retention = DEFAULT_RETENTION
    plugin: PluginState = PluginState()
    encrypted_coral_secret: str = field(default="", repr=False)
    stored_calibration: StoredCalibration | None = None
    storage_error: str = ""
    lists_version: str = ""

    def thresholds_for(
        self, comment_type: str | None, suggested: SuggestedThresholds, default_budget: Budget
    ) -> tuple[Thresholds, Calibration | None]:
        """Return the thresholds in force for a comment type, and the calibration that they come from.

        The site's own thresholds have no calibration. A site that only logs has one in any case, and the thresholds
        tell what would have been.
        """
        own_for_type = self.type_thresholds.get(comment_type or "")
        thresholds, calibration = own_for_type or self.thresholds, None
        if thresholds is None:
            calibration = self.calibration(suggested, self.budget or default_budget)
            thresholds = calibrated_thresholds(calibration, suggested.thresholds)
        if own_for_type is None:
            thresholds = _for_type(thresholds, comment_type, 0.0 if self.thresholds else MIN_REVIEW)
        if self.rollout is RolloutMode.LOG:
            calibration = replace(calibration or UNCALIBRATED, general=False, log_only=True)
        return thresholds, calibration

    def calibration(self, suggested: SuggestedThresholds, budget: Budget) -> Calibration:
        """Return the calibration in force: the newest one, if it holds for the live model and the budget.

        The model's general guarantee stands for a missing one, if it satisfies the budget. A cautious site does not use
        it, nor does one whose ham has refuted it. Without the second reader, nor does one whose own ham chose the spam
        threshold of the live model: what that ham says about the model alone is not known.
        """
        stored = self.stored_calibration
        if stored is not None and suggested.skipped_model and stored.holds_for(suggested.skipped_model, budget):
            calibration, own = UNCALIBRATED, stored.refutation or stored.calibration.spam
        elif stored is not None and stored.holds_for(suggested.model, budget):
            calibration, own = stored.calibration, stored.refutation
        else:
            calibration, own = UNCALIBRATED, None
        cautious = self.rollout is RolloutMode.CAUTIOUS or own is not None
        if cautious or suggested.guarantees is None or not suggested.guarantees.satisfy(budget):
            return calibration
        return with_general(calibration)


@dataclass(frozen=True, slots=True)
class Callback:
    """The URL of a blog that receives the decision on a held comment, and the key that authenticates us there."""

    url: str
    key: str = field(repr=False)


def _for_type(thresholds: Thresholds, comment_type: str | None, min_review: float) -> Thresholds:
    """Return the thresholds for a type of comment, by those for comments on a page."""
    if comment_type in PRIVATE_TYPES:
        return thresholds.for_private_types(min_review)
    return thresholds.for_reactions(min_review) if comment_type in REACTION_TYPES else thresholds
