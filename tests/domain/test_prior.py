"""A probability beside the share of spam that a site gets."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.prior import FEWEST, shifted, spam_share

_within = st.floats(0.0, 1.0)


@given(_within, _within)
def test_a_shift_stays_a_probability_and_half_and_half_changes_nothing(probability: float, share: float) -> None:
    """Whatever the share, the result is a probability; where spam and ham are alike likely it is the same one."""
    assert 0.0 <= shifted(probability, share) <= 1.0
    assert shifted(probability, 0.5) == pytest.approx(probability)


@given(_within, _within, st.floats(0.01, 0.99))
def test_a_shift_keeps_the_ranking(lower: float, higher: float, share: float) -> None:
    """Of two comments of one site the likelier one stays the likelier."""
    lower, higher = sorted((lower, higher))
    assert shifted(lower, share) <= shifted(higher, share) + 1e-12


def test_odds_are_multiplied() -> None:
    """Where one comment in ten is spam, even odds become one to nine."""
    assert shifted(0.5, 0.1) == pytest.approx(0.1)
    assert shifted(0.9, 0.1) == pytest.approx(0.5)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_the_share_of_spam_is_found_without_labels(share: float) -> None:
    """From calibrated probabilities alone, within four points on two thousand comments."""
    chance = Random(7)
    found = []
    for _ in range(2_000):
        spam = chance.random() < share
        # Beta densities of mirrored shape: p is the posterior under even odds.
        score = chance.betavariate(4, 2) if spam else chance.betavariate(2, 4)
        found.append(score**2 / (score**2 + (1 - score) ** 2))
    assert spam_share(found) == pytest.approx(share, abs=0.04)


def test_a_handful_says_nothing_of_the_share() -> None:
    """Fewer than fifty comments, and the share is left open; comments all alike are no proof of all or nothing."""
    assert spam_share([0.5] * (FEWEST - 1)) is None
    assert spam_share([0.0] * FEWEST) == pytest.approx(0.001)
