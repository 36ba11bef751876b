"""How far the comments of a site lower its review threshold.

A model's threshold fits the places of its training. At another place the learnt weights may lower the scores of all
comments, and spam below the threshold is published. So each published comment lowers the threshold a little. Each
held ham comment raises it by much more, so that a known proportion of ham is held. This is online quantile tracking:
Gibbs and Candès, *Adaptive conformal inference under distribution shift*, 2021.
"""

from collections.abc import Sequence
from enum import Enum, auto
from math import floor

from moderation.domain.decision import LabelValue
from moderation.domain.thresholds import Verdict

MAX_COMMENTS = 2_000
"""Comments of a site that count, the newest."""
WINDOW = 400
"""Published and held comments, the newest, of which no more than the target may be held for any lowering."""
MAX_LOWERING = 3.0
"""Limit in logits: with three, odds of 2 to 1 for spam become odds of 10 to 1 against it."""

_STEP = 0.6
"""Logits between the change by a published and by a held comment. This and the shares below were chosen on streams."""
_TARGET_SHARE = 0.5
"""Target, as a share of the rate of held ham that the budget allows. The rest is for change and chance."""
_MAX_LOWERING_PER_MISSED = 0.5
"""Limit in logits for each missed spam comment: where nothing is missed, to hold more ham would gain nothing."""
_STEPS_PER_LOGIT = 10
"""The result is in tenths, as each change is stored."""


class Outcome(Enum):
    """The fate of a comment: published, published although a person calls it spam, or held without such a label."""

    PUBLISHED = auto()
    MISSED = auto()
    HELD = auto()


def find_outcome(verdict: Verdict, label: LabelValue | None, *, is_single: bool, removed: bool) -> Outcome | None:
    """Return the outcome of a comment by its verdict and the label in force; `None` if it proves nothing.

    `is_single` is true for a decision on this comment alone: the spam of a stroke or a file is none that was missed. A
    held comment that waits for a person counts as ham. A comment that was removed without a lesson proves nothing.
    """
    if removed:
        return None
    if label is LabelValue.SPAM:
        return Outcome.MISSED if verdict is Verdict.PUBLISH and is_single else None
    if verdict is Verdict.PUBLISH:
        return Outcome.PUBLISHED
    return Outcome.HELD if verdict is Verdict.REVIEW or label is LabelValue.HAM else None


def review_lowering(outcomes: Sequence[Outcome], max_held_rate: float) -> float:
    """Return how far a review threshold is lowered, in logits.

    Parameters
    ----------
    outcomes : sequence of Outcome
        Those of the newest comments, the oldest first.
    max_held_rate : float
        Budget: the highest acceptable proportion of held ham.

    Returns
    -------
    float
        A multiple of .1 from 0 to `MAX_LOWERING`. It is 0 if more than the target was held of the newest `WINDOW`.
    """
    target = max_held_rate * _TARGET_SHARE
    ham = [outcome for outcome in outcomes if outcome is not Outcome.MISSED][-WINDOW:]
    if ham.count(Outcome.HELD) > target * len(ham):
        return 0.0
    changes = {Outcome.PUBLISHED: _STEP * target, Outcome.HELD: -_STEP * (1.0 - target), Outcome.MISSED: 0.0}
    lowering, limit = 0.0, 0.0
    for outcome in outcomes:
        if outcome is Outcome.MISSED:
            limit = min(limit + _MAX_LOWERING_PER_MISSED, MAX_LOWERING)
        lowering = max(0.0, min(lowering + changes[outcome], limit))
    return floor(lowering * _STEPS_PER_LOGIT + 1e-9) / _STEPS_PER_LOGIT
