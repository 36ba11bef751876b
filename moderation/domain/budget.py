"""The budget for lost and held ham, and thresholds that a site's own ham proves to be within it.

A threshold is chosen by fixed-sequence testing, as in "Learn then Test" (Angelopoulos, Bates, Candès, Jordan and Lei
2021). Thresholds are tested from the highest down to the first whose Clopper-Pearson bound exceeds the budget. This
keeps the confidence, however many thresholds are tested.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache

from moderation.domain.binomial import clopper_pearson_lower, clopper_pearson_upper, max_errors, min_sample_size
from moderation.domain.errors import InvalidInput
from moderation.domain.thresholds import Thresholds, lower

_THRESHOLDS_CACHE_SIZE = 1_000


@dataclass(frozen=True, slots=True)
class Budget:
    """The proportions of ham that an operator allows to be lost or held, and the certainty required.

    `lost` bounds ham at or above the spam threshold, `held` ham at or above the review threshold, lost ham included.
    `confidence` is that of a guarantee by a site's own ham. Without one, `coverage` is the proportion of new sites that
    a model's general guarantee must hold for. Raises `InvalidInput` unless `0 < lost <= held < 1`,
    `0.5 <= confidence < 1` and `0.5 <= coverage < 1`.
    """

    lost: float = 0.005
    held: float = 0.05
    confidence: float = 0.95
    coverage: float = 0.8

    def __post_init__(self) -> None:
        certain = 0.5 <= self.confidence < 1.0 and 0.5 <= self.coverage < 1.0
        if not (certain and 0.0 < self.lost <= self.held < 1.0):
            raise InvalidInput(
                "A budget must satisfy 0 < lost <= held < 1, 0.5 <= confidence < 1 and 0.5 <= coverage < 1; "
                f"got lost {self.lost}, held {self.held}, confidence {self.confidence}, coverage {self.coverage}."
            )


@dataclass(frozen=True, slots=True)
class Guarantee:
    """An upper bound on the false-positive rate of a threshold, from `n` ham comments with `errors` at or above it.

    With this `confidence`, at most the proportion `bound` of such ham is at or above the threshold. `max_rate` is the
    budget, `None` if there was none, as in a model card. `digest` identifies the sample (`sample_digest`). Raises
    `InvalidInput` for a bound that is no positive rate, or for more errors than comments.
    """

    threshold: float
    max_rate: float | None
    n: int
    errors: int
    bound: float
    confidence: float
    digest: str

    def __post_init__(self) -> None:
        if not (0.0 < self.bound <= 1.0 and 0 <= self.errors <= self.n):
            raise InvalidInput(
                "A guarantee must satisfy 0 < bound <= 1 and 0 <= errors <= n; "
                f"got bound {self.bound:g}, errors {self.errors}, n {self.n}."
            )

    def __str__(self) -> str:
        """Return the guarantee in words."""
        return (
            f"{self.errors} of {self.n} ham comments are at or above it; "
            f"with {100 * self.confidence:g} % confidence, at most {format_percent(self.bound)} of all ham is"
        )


class RolloutStage(StrEnum):
    """How much the filter may do at a site without a person, least first."""

    LOG = "log"
    OBSERVE = "observe"
    HOLD = "hold"
    BLOCK = "block"


class RolloutMode(StrEnum):
    """How a site advances to the stage `block`.

    By default the model's general guarantee is enough. `CAUTIOUS` requires the site's own ham. `LOG` only records what
    would have been held or blocked, and publishes everything.
    """

    DEFAULT = "default"
    CAUTIOUS = "cautious"
    LOG = "log"


@dataclass(frozen=True, slots=True)
class Calibration:
    """The guarantees that a site's rollout rests on: none yet, one for review, or another one for spam.

    `id` is that of the stored row, `None` if there is none. With `general`, the model's general guarantee stands for
    each guarantee that is missing. With `log_only` every comment is published. `stage` follows from these.
    `review_lowering` is how far the site's comments lower a review threshold with a guarantee, in logits.
    """

    review: Guarantee | None = None
    spam: Guarantee | None = None
    id: int | None = None
    general: bool = False
    log_only: bool = False
    review_lowering: float = 0.0
    stage: RolloutStage = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "stage", self._stage())

    @property
    def lowers_review(self) -> bool:
        """Whether the review threshold is below that of its guarantee."""
        return self.review_lowering > 0.0 and self.stage in (RolloutStage.HOLD, RolloutStage.BLOCK)

    def _stage(self) -> RolloutStage:
        if self.log_only:
            return RolloutStage.LOG
        if self.general or (self.review and self.spam):
            return RolloutStage.BLOCK
        return RolloutStage.OBSERVE if self.review is None else RolloutStage.HOLD


UNCALIBRATED = Calibration()


@lru_cache(_THRESHOLDS_CACHE_SIZE)
def calibrated_thresholds(calibration: Calibration, model_thresholds: Thresholds) -> Thresholds:
    """Return the thresholds of a site's rollout stage, given the suggestions of the live model.

    Before the stage `block`, only comments that the model would discard are spam, and none are discarded. A review
    threshold that the site's comments lower takes no other threshold with it: more is held, nothing more is blocked.
    """
    review = model_thresholds.review if calibration.review is None else calibration.review.threshold
    lowered = lower(review, calibration.review_lowering) if calibration.lowers_review else review
    if calibration.stage is not RolloutStage.BLOCK:
        return Thresholds(lowered, max(review, model_thresholds.discard), 1.0)
    spam = max(review, model_thresholds.spam if calibration.spam is None else calibration.spam.threshold)
    return Thresholds(lowered, spam, max(spam, model_thresholds.discard))


@lru_cache(_THRESHOLDS_CACHE_SIZE)
def with_general(calibration: Calibration) -> Calibration:
    """Return the calibration with the model's general guarantee in place of the guarantees that are missing."""
    return calibration if calibration.stage is RolloutStage.BLOCK else replace(calibration, general=True)


@dataclass(frozen=True, slots=True)
class Refutation:
    """Ham of a site which shows that a spam threshold loses too much there, against the guarantee that it had.

    `errors` of at most `n` ham comments are known to be at or above `threshold`. With this `confidence`, at least the
    proportion `bound` of the site's ham is. With `audited`, these are the published and blocked ham of the random
    audit, and the site's own guarantee fell too.
    """

    threshold: float
    n: int
    errors: int
    bound: float
    confidence: float
    audited: bool = False

    def __str__(self) -> str:
        """Return the refutation in words."""
        if self.audited:
            return (
                f"{self.errors} of {self.n} ham comments of the random audit were blocked; with "
                f"{100 * self.confidence:g} % confidence, more than {100 * self.bound:.2g} % of such ham is. "
                "So the spam threshold has lost its guarantee, and only blatant spam is blocked"
            )
        return (
            f"{self.errors} of at most {self.n} ham comments are known to reach the spam threshold of the model; with "
            f"{100 * self.confidence:g} % confidence, more than {100 * self.bound:.2g} % of all ham does. "
            "So its general guarantee is not used here"
        )


@dataclass(frozen=True, slots=True)
class StoredCalibration:
    """A calibration with the model and the budget that it is valid for, and the sizes of its samples.

    `review_sample_size` and `spam_sample_size` are the numbers of ham comments at the last attempt, 0 for never. With a
    `refutation`, the general guarantee is not used. `history_spam` is the number of comments of the history that people
    had labelled spam, and which were left out of the samples.
    """

    model: str
    budget: Budget
    calibration: Calibration = UNCALIBRATED
    review_sample_size: int = 0
    spam_sample_size: int = 0
    refutation: Refutation | None = None
    history_spam: int = 0

    def holds_for(self, model: str, budget: Budget) -> bool:
        """Return whether it was made under this model and this budget. The coverage says nothing about own ham."""
        terms = (self.model, self.budget.lost, self.budget.held, self.budget.confidence)
        return terms == (model, budget.lost, budget.held, budget.confidence)


def format_percent(rate: float) -> str:
    """Return a rate as text, rounded up to three digits, so that a bound is never understated: `0.5 %`."""
    if rate >= 1.0:
        return "100 %"
    digits = 2 - math.floor(math.log10(rate * 100))
    return f"{math.ceil(round(rate * 100 * 10**digits, 6)) / 10**digits:g} %"


def select_threshold(ham: Sequence[tuple[str, float]], max_rate: float, confidence: float) -> Guarantee:
    """Return the guarantee of the lowest threshold whose bound, like that of each higher one, is within `max_rate`.

    Parameters
    ----------
    ham : sequence of (str, float)
        Id and probability of spam of each ham comment.
    max_rate : float
        Budget: the highest acceptable false-positive rate.
    confidence : float
        Confidence level of the bound.

    Returns
    -------
    Guarantee
        Its threshold is the next float above the highest probability that must stay below it.

    Raises
    ------
    ValueError
        If the sample is smaller than `min_sample_size`.
    """
    limit = max_errors(len(ham), max_rate, confidence)
    if limit < 0:
        raise ValueError(
            f"{len(ham)} ham comments are too few for a guarantee; {min_sample_size(max_rate, confidence)} are needed."
        )
    descending = sorted((probability for _, probability in ham), reverse=True)
    threshold = min(1.0, math.nextafter(descending[limit], 2.0))
    return guarantee_at(threshold, descending, confidence, sample_digest(ham), max_rate)


def guarantee_at(
    threshold: float, ham: Sequence[float], confidence: float, digest: str, max_rate: float | None = None
) -> Guarantee:
    """Return the guarantee that ham probabilities give for a threshold chosen without them.

    `select_threshold` may choose one by them, because it tests in a fixed sequence.
    """
    # `decide` never reaches a threshold of 1.
    errors = sum(probability >= threshold for probability in ham) if threshold < 1.0 else 0
    return Guarantee(
        threshold, max_rate, len(ham), errors, clopper_pearson_upper(errors, len(ham), confidence), confidence, digest
    )


def refute(threshold: float, max_rate: float, n: int, errors: int, confidence: float) -> Refutation | None:
    """Return the refutation of a threshold by `errors` in `n` ham comments, `None` if they may be within the rate."""
    bound = clopper_pearson_lower(errors, n, confidence) if n else 0.0
    return Refutation(threshold, n, errors, bound, confidence) if bound > max_rate + 1e-9 else None


def sample_digest(ham: Sequence[tuple[str, float]]) -> str:
    """Return the SHA-256 of the ids and probabilities, one pair per line, ordered by id."""
    lines = "".join(f"{comment_id} {probability!r}\n" for comment_id, probability in sorted(ham))
    return hashlib.sha256(lines.encode()).hexdigest()
