"""Thresholds and verdicts."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from moderation.domain.errors import InvalidInput
from moderation.domain.thresholds import SEVERITY, Thresholds, Verdict, decide

probabilities = st.floats(0.0, 1.0)


@given(probabilities, probabilities, st.tuples(*[st.floats(0.0, 1.0, exclude_min=True)] * 3))
def test_a_higher_probability_never_gets_a_milder_verdict(one: float, other: float, values: tuple[float, ...]) -> None:
    """For any thresholds, more probable spam gets the same verdict or a harsher one."""
    thresholds = Thresholds(*sorted(values))
    low, high = sorted((one, other))
    assert SEVERITY[decide(low, thresholds)] <= SEVERITY[decide(high, thresholds)]


@pytest.mark.parametrize(
    ("probability", "verdict"),
    [(0.0, "publish"), (0.499, "publish"), (0.5, "review"), (0.8, "spam"), (0.95, "discard"), (1.0, "discard")],
)
def test_a_probability_equal_to_a_threshold_reaches_it(probability: float, verdict: str) -> None:
    """The verdict changes at the threshold itself."""
    assert decide(probability, Thresholds(0.5, 0.8, 0.95)) is Verdict(verdict)


@given(st.tuples(*[st.floats()] * 3))
def test_thresholds_out_of_order_are_invalid(values: tuple[float, float, float]) -> None:
    """Thresholds must be probabilities in ascending order."""
    review, spam, discard = values
    assume(not 0 < review <= spam <= discard <= 1)
    with pytest.raises(InvalidInput, match="Thresholds must satisfy"):
        Thresholds(review, spam, discard)


def test_a_threshold_of_one_is_never_reached() -> None:
    """A probability may round to 1, but a verdict that is switched off must not be given."""
    assert decide(1.0, Thresholds(0.5, 0.9, 1.0)) is Verdict.SPAM
    assert decide(1.0, Thresholds(0.5, 1.0, 1.0)) is Verdict.REVIEW
    assert decide(1.0, Thresholds(1.0, 1.0, 1.0)) is Verdict.PUBLISH


def test_thresholds_for_private_types() -> None:
    """Spam goes to review, discarded comments are spam, and none are discarded."""
    assert Thresholds(0.3, 0.8, 0.95).for_private_types() == Thresholds(0.3, 0.95, 1.0)
    assert Thresholds(0.3, 0.8, 0.95).for_private_types(0.5) == Thresholds(0.5, 0.95, 1.0)
    assert Thresholds(0.1, 0.2, 0.3).for_private_types(0.5) == Thresholds(0.5, 0.5, 1.0)
    assert Thresholds(1.0, 1.0, 1.0).for_private_types(0.5) == Thresholds(1.0, 1.0, 1.0)


def test_verdicts_are_ordered_by_severity() -> None:
    """The values are stored and sent to clients."""
    assert [*map(str, sorted(SEVERITY, key=SEVERITY.__getitem__))] == ["publish", "review", "spam", "discard"]
