"""The ham-loss budget: the bound is exact, the lines keep what they state, the ladder blocks nothing unearned."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, binom

from moderation.domain.budget import (
    OBSERVING,
    Budget,
    Certificate,
    Standing,
    Step,
    certify,
    digest_of,
    draw_line,
    due,
    needed,
    percent,
    upper_bound,
)
from moderation.domain.errors import InputRefused
from moderation.domain.policy import Policy, Verdict, decide

SUGGESTED = Policy(0.6, 0.9, 0.99)

shares = st.sampled_from([0.001, 0.005, 0.01, 0.05, 0.1, 0.3])
confidences = st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.99, 0.999])


def numbered(probabilities: list[float]) -> list[tuple[str, float]]:
    return [(f"{number:032x}", probability) for number, probability in enumerate(probabilities)]


def certificate(line: float) -> Certificate:
    return certify(line, [0.1] * 600, 0.95, "digest", 0.05)


@given(st.integers(1, 5_000), st.floats(0, 1), confidences)
def test_the_bound_is_that_of_clopper_and_pearson(n: int, part: float, confidence: float) -> None:
    """As scipy has it, by the quantile of a beta distribution."""
    errors = round(part * n)
    wanted = 1.0 if errors == n else beta.ppf(confidence, errors + 1, n - errors)
    assert upper_bound(errors, n, confidence) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize(("errors", "n"), [(0, 0), (-1, 10), (11, 10)])
def test_nothing_follows_from_nothing(errors: int, n: int) -> None:
    """No comment, or more errors than comments, is no sample."""
    with pytest.raises(ValueError, match="No bound"):
        upper_bound(errors, n, 0.95)


def test_how_many_good_comments_it_takes() -> None:
    """The numbers that the documentation gives."""
    assert [needed(share, 0.95) for share in (0.05, 0.01, 0.005)] == [59, 299, 598]


@given(shares, confidences)
def test_what_is_needed_is_the_least_that_certifies(allowed: float, confidence: float) -> None:
    """One comment fewer, and even a sample without an error is refused."""
    enough = needed(allowed, confidence)
    assert upper_bound(0, enough, confidence) <= allowed + 1e-12
    assert draw_line(numbered([0.5] * enough), allowed, confidence).errors == 0
    if enough > 1:
        assert upper_bound(0, enough - 1, confidence) > allowed
        with pytest.raises(ValueError, match=f"{enough} are needed"):
            draw_line(numbered([0.5] * (enough - 1)), allowed, confidence)


def test_lines_are_looked_at_when_the_sample_has_doubled() -> None:
    """And not in between, however many comments come."""
    assert [due(good, 0.05, 0.95) for good in (0, 58, 59, 117, 118, 235, 236, 10_000)] == [
        0, 0, 59, 59, 118, 118, 236, 7_552,
    ]  # fmt: skip


@given(st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.9, 0.999, 1.0]), min_size=59, max_size=300))
def test_a_line_is_the_lowest_that_keeps_the_share(probabilities: list[float]) -> None:
    """With ties and with certainties: what lies on or above it is bounded, and one comment lower is not."""
    drawn = draw_line(numbered(probabilities), 0.05, 0.95)
    assert drawn.errors == sum(decide(p, Policy(drawn.line, 1, 1)) is Verdict.REVIEW for p in probabilities)
    assert drawn.bound == upper_bound(drawn.errors, len(probabilities), 0.95) <= 0.05 + 1e-9
    below = max((p for p in probabilities if p < drawn.line), default=None)
    if drawn.line < 1 and below is not None:
        assert upper_bound(sum(p >= below for p in probabilities), len(probabilities), 0.95) > 0.05


def continuous(chance: random.Random) -> float:
    return chance.random() ** 3


def tied(chance: random.Random) -> float:
    return round(chance.random() ** 3, 2)


def _share_above(line: float, draw: Callable[[random.Random], float]) -> float:
    if line >= 1:
        return 0.0
    if draw is continuous:
        return float(1 - line ** (1 / 3))
    # A score of h/100 comes up where the cube lies within half a hundredth of it.
    lowest = next(h for h in range(101) if h / 100 >= line)
    return float(1 - (max(0.0, lowest - 0.5) / 100) ** (1 / 3))


@pytest.mark.parametrize("draw", [continuous, tied])
@pytest.mark.parametrize(("allowed", "n"), [(0.05, 59), (0.05, 118), (0.02, 149), (0.02, 600)])
def test_the_stated_loss_is_exceeded_no_more_often_than_stated(
    draw: Callable[[random.Random], float], allowed: float, n: int
) -> None:
    """Whatever the scores look like. 2,000 draws may exceed it as often as one in twenty does with 99.9 % chance."""
    chance = random.Random(20_261_123)
    exceeded = 0
    for _ in range(2_000):
        drawn = draw_line(numbered([draw(chance) for _ in range(n)]), allowed, 0.95)
        exceeded += _share_above(drawn.line, draw) > allowed
    assert exceeded <= binom.ppf(0.999, 2_000, 0.05)


def test_a_digest_names_the_sample_and_not_its_order() -> None:
    """So that a certificate can be recomputed from what is stored."""
    good = numbered([0.1, 0.2, 0.3])
    assert digest_of(good) == digest_of(good[::-1])
    assert digest_of(good) != digest_of([*good[:2], (good[2][0], 0.30000000000000004)])


def test_the_steps_of_the_ladder() -> None:
    """Observe has the model's review line, hold a certified one, block both; until then only the blatant is spam."""
    review, spam = certificate(0.7), certificate(0.95)
    assert OBSERVING.step is Step.OBSERVE and OBSERVING.lines(SUGGESTED) == Policy(0.6, 0.99, 1.0)
    assert Standing(review).step is Step.HOLD and Standing(review).lines(SUGGESTED) == Policy(0.7, 0.99, 1.0)
    assert Standing(review, spam).step is Step.BLOCK
    assert Standing(review, spam).lines(SUGGESTED) == Policy(0.7, 0.95, 0.99)


@given(*[st.floats(0, 1, exclude_min=True)] * 2, st.tuples(*[st.floats(0, 1, exclude_min=True)] * 3))
def test_certified_lines_never_cross(review: float, spam: float, suggested: tuple[float, ...]) -> None:
    """Whatever was certified and whatever the model suggests, the lines are a policy, none below its certificate."""
    for standing in (Standing(certificate(review)), Standing(certificate(review), certificate(spam))):
        lines = standing.lines(Policy(*sorted(suggested)))
        assert lines.review == review and lines.spam >= review
        assert standing.spam is None or lines.spam >= spam


@pytest.mark.parametrize(
    ("lost", "held", "confidence"),
    [(0, 0.05, 0.95), (0.1, 0.05, 0.95), (0.1, 1, 0.95), (0.1, 0.2, 1), (0.1, 0.2, 0.4), (float("nan"), 0.2, 0.95)],
)
def test_a_budget_that_means_nothing_is_refused(lost: float, held: float, confidence: float) -> None:
    """No share, more lost than held, sure of nothing or of everything."""
    with pytest.raises(InputRefused, match="A budget must satisfy"):
        Budget(lost, held, confidence)


def test_a_bound_is_never_told_lower_than_it_is() -> None:
    """For people it is rounded up."""
    assert [percent(share) for share in (0.005, 0.0499112, 0.00499991, 0.0501, 1.0)] == [
        "0.5 %", "5 %", "0.5 %", "5.01 %", "100 %",
    ]  # fmt: skip
    told = str(certify(0.9, [0.95, *[0.1] * 597], 0.95, ""))
    assert told.startswith("1 of 598 good comments") and "at most 0.791 % of all do" in told
