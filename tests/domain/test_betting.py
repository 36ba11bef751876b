"""Bounds by betting hold at all times together."""

import random
from math import exp, inf

import pytest

from moderation.domain.betting import log_wealth, lower_bound, refutes, upper_bound


def test_bets_are_fair() -> None:
    """At the claimed rate one more comment leaves the expected wealth as it is; below it, less."""
    for errors, n in ((0, 0), (0, 30), (3, 40), (40, 40)):
        for rate in (0.005, 0.05, 0.5):
            won, lost = exp(log_wealth(errors + 1, n + 1, rate)), exp(log_wealth(errors, n + 1, rate))
            assert rate * won + (1 - rate) * lost == pytest.approx(exp(log_wealth(errors, n, rate)))
            assert rate / 2 * won + (1 - rate / 2) * lost < exp(log_wealth(errors, n, rate))


def test_who_looks_after_each_comment_is_not_fooled() -> None:
    """Of 300 sites that keep the rate, at most 5 % are ever accused; a test of a fixed size would accuse many more."""
    generator, accused = random.Random(3), 0
    for _ in range(300):
        errors, n, is_accused = 0, 0, False
        while n < 600 and not is_accused:
            n += 1
            if generator.random() < 0.02:
                errors += 1
                is_accused = refutes(errors, n, 0.02, 0.95)
        accused += is_accused
    assert accused <= 15


def test_a_violation_is_found() -> None:
    """Ten times the rate within some seventy comments, with few errors; none without an error."""
    assert refutes(4, 70, 0.005, 0.95) and not refutes(1, 10_000, 0.005, 0.95)
    assert not refutes(0, 10, 1e-9, 0.5) and log_wealth(0, 0, 0.3) == 0.0


def test_bounds_enclose_the_rate() -> None:
    """They narrow with the sample; huge samples overflow nothing."""
    width = inf
    for n in (0, 10, 100, 1_000, 1_000_000):
        low, high = lower_bound(n // 10, n, 0.95), upper_bound(n // 10, n, 0.95)
        assert 0.0 <= low <= 0.1 <= high <= 1.0 and high - low < width
        width = high - low
    assert lower_bound(0, 50, 0.95) == 0.0 and upper_bound(50, 50, 0.95) == 1.0
