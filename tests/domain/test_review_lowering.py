"""How far comments lower a review threshold: never without missed spam, never beyond the budget."""

from math import inf, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.budget import Calibration, RolloutStage, calibrated_thresholds
from moderation.domain.decision import LabelValue
from moderation.domain.review_lowering import MAX_LOWERING, WINDOW, Outcome, find_outcome, review_lowering
from moderation.domain.thresholds import Thresholds, Verdict, lower

RATE = 0.05
PUBLISHED, MISSED, HELD = Outcome.PUBLISHED, Outcome.MISSED, Outcome.HELD
SPAM, HAM = LabelValue.SPAM, LabelValue.HAM


@pytest.mark.parametrize(
    ("outcomes", "lowering"),
    [
        ([], 0.0),
        ([PUBLISHED] * 1_000, 0.0),
        ([MISSED], 0.0),
        ([MISSED, *[PUBLISHED] * 14], 0.2),
        ([MISSED, *[PUBLISHED] * 1_000], 0.5),
        ([*[MISSED] * 100, *[PUBLISHED] * 1_000], MAX_LOWERING),
        ([*[MISSED] * 100, *[PUBLISHED] * 1_000, HELD], 2.4),
        ([*[MISSED] * 100, *[PUBLISHED] * 1_000, *[HELD] * 6], 0.0),
        ([*[MISSED] * 100, *[HELD] * 6, *[PUBLISHED] * 100], 0.0),
    ],
)
def test_missed_spam_lowers_and_held_ham_raises(outcomes: list[Outcome], lowering: float) -> None:
    """A published comment lowers by .015, in all by .5 for each missed one; a held one raises by .585."""
    assert review_lowering(outcomes, RATE) == pytest.approx(lowering)


@given(st.lists(st.sampled_from(Outcome), max_size=300), st.integers(0, 299))
def test_more_held_ham_never_lowers(outcomes: list[Outcome], place: int) -> None:
    """Nor do fewer comments that are missed."""
    before = review_lowering(outcomes, RATE)
    assert 0.0 <= before <= MAX_LOWERING
    for old, new in ((PUBLISHED, [HELD]), (MISSED, [])):
        if outcomes[place:] and outcomes[place] is old:
            assert review_lowering([*outcomes[:place], *new, *outcomes[place + 1 :]], RATE) <= before


@pytest.mark.parametrize("seed", range(3))
def test_the_budget_is_kept_where_scores_change(seed: int) -> None:
    """Of no 400 ham comments in a row more than 1 in 20 is held, though the scores change and spam is missed."""
    draw = np.random.default_rng(seed)
    review = 1.0
    outcomes: list[Outcome] = []
    held = []
    for number in range(3_000):
        mean = -3.0 + np.sin(number / 300)
        threshold = review - review_lowering(outcomes, RATE)
        held.append(draw.normal(mean) >= threshold)
        outcomes += [HELD if held[-1] else PUBLISHED, *[MISSED] * (number % 10 == 0)]
    windows = np.lib.stride_tricks.sliding_window_view(np.array(held), WINDOW).mean(axis=1)
    assert windows.max() <= RATE and np.mean(held) > RATE / 4


@pytest.mark.parametrize(
    ("verdict", "label", "outcome"),
    [
        (Verdict.PUBLISH, None, PUBLISHED),
        (Verdict.PUBLISH, HAM, PUBLISHED),
        (Verdict.PUBLISH, SPAM, MISSED),
        (Verdict.REVIEW, None, HELD),
        (Verdict.REVIEW, HAM, HELD),
        (Verdict.REVIEW, SPAM, None),
        (Verdict.SPAM, None, None),
        (Verdict.SPAM, SPAM, None),
        (Verdict.SPAM, HAM, HELD),
        (Verdict.DISCARD, HAM, HELD),
    ],
)
def test_outcomes(verdict: Verdict, label: LabelValue | None, outcome: Outcome | None) -> None:
    """Only a single decision makes a missed comment, and a removal without a lesson proves nothing."""
    assert find_outcome(verdict, label, is_single=True, removed=False) is outcome
    assert find_outcome(verdict, label, is_single=False, removed=False) is (None if outcome is MISSED else outcome)
    assert find_outcome(verdict, label, is_single=True, removed=True) is None


def test_a_threshold_is_lowered_by_logits() -> None:
    """Without a lowering it stays the same to the last bit, and one that is never reached stays so."""
    assert lower(0.7, 0.0) == 0.7 and lower(1.0, 2.0) == 1.0
    now = lower(0.7, 1.5)
    assert log(now / (1 - now)) == pytest.approx(log(0.7 / 0.3) - 1.5)
    assert 0.0 < lower(1e-9, MAX_LOWERING) < lower(0.5, MAX_LOWERING) < inf


def test_only_a_threshold_with_a_guarantee_is_lowered() -> None:
    """The other thresholds stay, and so does that of a site which only observes."""
    model = Thresholds(0.7, 0.9, 0.99)
    blocks = calibrated_thresholds(Calibration(general=True, review_lowering=2.0), model)
    assert blocks == Thresholds(lower(0.7, 2.0), 0.9, 0.99)
    observes = Calibration(review_lowering=2.0)
    assert observes.stage is RolloutStage.OBSERVE
    assert calibrated_thresholds(observes, model) == calibrated_thresholds(Calibration(), model)
