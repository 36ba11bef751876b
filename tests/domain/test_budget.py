"""The ham-loss budget: bounds are exact, thresholds keep their guarantee, and rollout stages follow from guarantees."""

import hashlib
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, binom

from moderation.domain.binomial import (
    clopper_pearson_lower,
    clopper_pearson_upper,
    max_errors,
    min_sample_size,
    scheduled_sample_size,
)
from moderation.domain.budget import (
    UNCALIBRATED,
    Budget,
    Calibration,
    Guarantee,
    RolloutStage,
    calibrated_thresholds,
    format_percent,
    guarantee_at,
    refute,
    sample_digest,
    select_threshold,
)
from moderation.domain.errors import InvalidInput
from moderation.domain.thresholds import Thresholds, Verdict, decide

SUGGESTED = Thresholds(0.6, 0.9, 0.99)

rates = st.sampled_from([0.001, 0.005, 0.01, 0.05, 0.1, 0.3])
confidences = st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.99, 0.999])


def numbered(probabilities: list[float]) -> list[tuple[str, float]]:
    return [(f"{number:032x}", probability) for number, probability in enumerate(probabilities)]


def guarantee(threshold: float) -> Guarantee:
    return guarantee_at(threshold, [0.1] * 600, 0.95, "digest", 0.05)


@given(st.integers(1, 5_000), st.floats(0, 1), confidences)
def test_the_bound_is_that_of_clopper_and_pearson(n: int, rate: float, confidence: float) -> None:
    """The bound equals the quantile of the beta distribution in scipy."""
    errors = round(rate * n)
    expected = 1.0 if errors == n else beta.ppf(confidence, errors + 1, n - errors)
    assert clopper_pearson_upper(errors, n, confidence) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("errors", "n"), [(0, 0), (-1, 10), (11, 10)])
def test_impossible_samples_have_no_bound(errors: int, n: int) -> None:
    """An empty sample, or more errors than comments, is refused."""
    with pytest.raises(ValueError, match="No bound"):
        clopper_pearson_upper(errors, n, 0.95)


def test_the_documented_sample_sizes() -> None:
    """The figures of the documentation."""
    assert [min_sample_size(rate, 0.95) for rate in (0.05, 0.01, 0.005)] == [59, 299, 598]


@given(rates, confidences)
def test_the_minimum_sample_size_is_minimal(max_rate: float, confidence: float) -> None:
    """With one comment fewer, even a sample without errors gives no guarantee."""
    enough = min_sample_size(max_rate, confidence)
    assert clopper_pearson_upper(0, enough, confidence) <= max_rate + 1e-12
    assert select_threshold(numbered([0.5] * enough), max_rate, confidence).errors == 0
    if enough > 1:
        assert clopper_pearson_upper(0, enough - 1, confidence) > max_rate
        with pytest.raises(ValueError, match=f"{enough} are needed"):
            select_threshold(numbered([0.5] * (enough - 1)), max_rate, confidence)


def test_thresholds_are_calibrated_when_the_sample_has_doubled() -> None:
    """Between these sizes nothing is tested, which would spoil the confidence."""
    assert [scheduled_sample_size(ham, 0.05, 0.95) for ham in (0, 58, 59, 117, 118, 235, 236, 10_000)] == [
        0, 0, 59, 59, 118, 118, 236, 7_552,
    ]  # fmt: skip


@given(st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.9, 0.999, 1.0]), min_size=59, max_size=300))
def test_the_selected_threshold_is_the_lowest_within_the_budget(probabilities: list[float]) -> None:
    """The bound holds with ties and certainties, and does not hold at the next lower probability."""
    selected = select_threshold(numbered(probabilities), 0.05, 0.95)
    assert selected.errors == sum(
        decide(p, Thresholds(selected.threshold, 1, 1)) is Verdict.REVIEW for p in probabilities
    )
    assert selected.bound == clopper_pearson_upper(selected.errors, len(probabilities), 0.95) <= 0.05 + 1e-9
    below = max((p for p in probabilities if p < selected.threshold), default=None)
    if selected.threshold < 1 and below is not None:
        assert clopper_pearson_upper(sum(p >= below for p in probabilities), len(probabilities), 0.95) > 0.05


def continuous(rng: random.Random) -> float:
    return rng.random() ** 3


def tied(rng: random.Random) -> float:
    return round(rng.random() ** 3, 2)


def _rate_above(threshold: float, draw: Callable[[random.Random], float]) -> float:
    if threshold >= 1:
        return 0.0
    if draw is continuous:
        return float(1 - threshold ** (1 / 3))
    # The rounded score is h/100 if the cube lies within half a hundredth of it.
    lowest = next(h for h in range(101) if h / 100 >= threshold)
    return float(1 - (max(0.0, lowest - 0.5) / 100) ** (1 / 3))


@pytest.mark.parametrize("draw", [continuous, tied])
@pytest.mark.parametrize(("max_rate", "n"), [(0.05, 59), (0.05, 118), (0.02, 149), (0.02, 600)])
def test_the_budget_is_exceeded_no_more_often_than_the_confidence_allows(
    draw: Callable[[random.Random], float], max_rate: float, n: int
) -> None:
    """At most one draw in twenty exceeds the budget, within the 99.9 % range of a binomial count."""
    rng = random.Random(20_261_123)
    exceeded = 0
    for _ in range(2_000):
        selected = select_threshold(numbered([draw(rng) for _ in range(n)]), max_rate, 0.95)
        exceeded += _rate_above(selected.threshold, draw) > max_rate
    assert exceeded <= binom.ppf(0.999, 2_000, 0.05)


def test_a_digest_depends_on_the_sample_and_not_on_its_order() -> None:
    """A guarantee can be recomputed from stored data, and its digest never changes."""
    ham = numbered([0.1, 0.2, 0.3])
    assert sample_digest([("b", 0.5), ("a", 1.0)]) == hashlib.sha256(b"a 1.0\nb 0.5\n").hexdigest()
    assert sample_digest(ham) == sample_digest(ham[::-1])
    assert sample_digest(ham) != sample_digest([*ham[:2], (ham[2][0], 0.30000000000000004)])


def test_thresholds_of_each_rollout_stage() -> None:
    """Observe uses the model's review threshold, hold a guaranteed one, block guaranteed ones for review and spam."""
    review, spam = guarantee(0.7), guarantee(0.95)
    stages = {UNCALIBRATED: RolloutStage.OBSERVE, Calibration(review): RolloutStage.HOLD}
    stages[Calibration(review, spam)] = RolloutStage.BLOCK
    assert {calibration: calibration.stage for calibration in stages} == stages
    assert calibrated_thresholds(UNCALIBRATED, SUGGESTED) == Thresholds(0.6, 0.99, 1.0)
    assert calibrated_thresholds(Calibration(review), SUGGESTED) == Thresholds(0.7, 0.99, 1.0)
    assert calibrated_thresholds(Calibration(review, spam), SUGGESTED) == Thresholds(0.7, 0.95, 0.99)


@given(*[st.floats(0, 1, exclude_min=True)] * 2, st.tuples(*[st.floats(0, 1, exclude_min=True)] * 3))
def test_calibrated_thresholds_are_in_order(review: float, spam: float, model_thresholds: tuple[float, ...]) -> None:
    """For any guarantees and suggestions, thresholds are in order and none is below its guarantee."""
    for calibration in (Calibration(guarantee(review)), Calibration(guarantee(review), guarantee(spam))):
        thresholds = calibrated_thresholds(calibration, Thresholds(*sorted(model_thresholds)))
        assert thresholds.review == review and thresholds.spam >= review
        assert calibration.spam is None or thresholds.spam >= spam


@pytest.mark.parametrize(
    ("lost", "held", "confidence"),
    [(0, 0.05, 0.95), (0.1, 0.05, 0.95), (0.1, 1, 0.95), (0.1, 0.2, 1), (0.1, 0.2, 0.4), (float("nan"), 0.2, 0.95)],
)
def test_impossible_budgets_are_invalid(lost: float, held: float, confidence: float) -> None:
    """Rates and confidence must be within their limits, and lost at most held."""
    with pytest.raises(InvalidInput, match="A budget must satisfy"):
        Budget(lost, held, confidence)


def test_rates_are_rounded_up() -> None:
    """A bound is never understated."""
    assert [format_percent(rate) for rate in (0.005, 0.0499112, 0.00499991, 0.0501, 1.0)] == [
        "0.5 %", "5 %", "0.5 %", "5.01 %", "100 %",
    ]  # fmt: skip
    assert str(guarantee_at(0.9, [0.95, *[0.1] * 597], 0.95, "")) == (
        "1 of 598 ham comments are at or above it; with 95 % confidence, at most 0.791 % of all ham is"
    )


@given(st.integers(0, 400), rates, confidences)
def test_max_errors_is_the_highest_count_within_the_rate(n: int, max_rate: float, confidence: float) -> None:
    """The bound for that count is within the rate, and the bound for one error more is not."""
    errors = max_errors(n, max_rate, confidence)
    assert errors < 0 or clopper_pearson_upper(errors, n, confidence) <= max_rate + 1e-9
    assert errors + 1 >= n or clopper_pearson_upper(errors + 1, n, confidence) > max_rate - 1e-9


def test_a_guarantee_counts_ham_at_or_above_its_threshold() -> None:
    """A threshold of 1 is never reached, so no ham is at or above it."""
    ham = [0.2, 0.5, 0.5, 1.0]
    assert [guarantee_at(threshold, ham, 0.95, "").errors for threshold in (0.1, 0.5, 0.6, 1.0)] == [4, 3, 1, 0]
    guarantee = guarantee_at(0.6, ham, 0.9, "digest", 0.05)
    assert (guarantee.n, guarantee.max_rate, guarantee.confidence, guarantee.digest) == (4, 0.05, 0.9, "digest")
    assert guarantee.bound == clopper_pearson_upper(1, 4, 0.9)


@given(st.integers(1, 200), st.data(), confidences)
def test_the_lower_bound_is_below_the_observed_rate(n: int, data: st.DataObject, confidence: float) -> None:
    """It mirrors the upper bound, and rises with the errors."""
    errors = data.draw(st.integers(0, n))
    lower = clopper_pearson_lower(errors, n, confidence)
    assert lower <= errors / n + 1e-9
    assert errors == n or lower <= clopper_pearson_lower(errors + 1, n, confidence)


def test_a_rate_is_refuted_by_more_errors_than_chance_gives() -> None:
    """Two errors in 71 refute 1 in 200, with 95 % confidence, and two in 72 do not."""
    refutation = refute(0.9, 0.005, 71, 2, 0.95)
    assert refutation and refutation.bound > 0.005 and "2 of at most 71" in str(refutation)
    assert refute(0.9, 0.005, 72, 2, 0.95) is None and refute(0.9, 0.005, 0, 0, 0.95) is None


def test_the_default_budget() -> None:
    """One ham comment in 200 may be lost and one in 20 held, with a confidence of 95 %."""
    assert Budget() == Budget(1 / 200, 1 / 20, 0.95, 0.8)
    assert Budget(0.1, 0.1, 0.5).lost == 0.1
