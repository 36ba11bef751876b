"""The lines and the verdicts."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from moderation.domain.errors import InputRefused
from moderation.domain.policy import SEVERITY, Policy, Verdict, decide

probabilities = st.floats(0.0, 1.0)


@given(probabilities, probabilities, st.tuples(*[st.floats(0.0, 1.0, exclude_min=True)] * 3))
def test_a_higher_probability_is_never_judged_more_kindly(one: float, other: float, lines: tuple[float, ...]) -> None:
    """Whatever the lines, more probable spam gets the same verdict or a harsher one."""
    policy = Policy(*sorted(lines))
    low, high = sorted((one, other))
    assert SEVERITY[decide(low, policy)] <= SEVERITY[decide(high, policy)]


@pytest.mark.parametrize(
    ("probability", "verdict"),
    [(0.0, "publish"), (0.499, "publish"), (0.5, "review"), (0.8, "spam"), (0.95, "discard"), (1.0, "discard")],
)
def test_a_comment_on_a_line_belongs_to_the_harsher_side(probability: float, verdict: str) -> None:
    """The lines themselves are judged."""
    assert decide(probability, Policy(0.5, 0.8, 0.95)) is Verdict(verdict)


@given(st.tuples(*[st.floats()] * 3))
def test_lines_out_of_order_are_refused(lines: tuple[float, float, float]) -> None:
    """Lines that are no probabilities, or cross each other, are no policy."""
    review, spam, discard = lines
    assume(not 0 < review <= spam <= discard <= 1)
    with pytest.raises(InputRefused, match="The lines must satisfy"):
        Policy(review, spam, discard)


def test_a_line_at_one_is_never_reached() -> None:
    """A model may be so sure that the probability rounds to 1: where nothing is to be discarded, nothing is."""
    assert decide(1.0, Policy(0.5, 0.9, 1.0)) is Verdict.SPAM
    assert decide(1.0, Policy(0.5, 1.0, 1.0)) is Verdict.REVIEW
    assert decide(1.0, Policy(1.0, 1.0, 1.0)) is Verdict.PUBLISH
