"""Statistics of alarms: large changes are found, chance raises none."""

import random
from math import inf

import pytest

from moderation.domain.alarms import MIN_DISTANCE, MIN_Z, distance, rise


def test_the_distance_is_that_of_the_distribution_functions() -> None:
    """0 for equal samples of any size, 1 for separate ones."""
    assert distance([1.0, 2.0], [1.0, 1.0, 2.0, 2.0]) == 0.0
    assert distance([1.0, 2.0], [3.0]) == distance([3.0], [1.0, 2.0]) == 1.0
    assert distance([1.0, 2.0, 3.0, 4.0], [2.5, 2.6]) == 0.5


def test_a_rise_is_counted_in_standard_errors() -> None:
    """As Welch does; without any variance by the sign alone."""
    found = rise([0.0, 1.0] * 50, [1.0, 1.0, 0.0, 1.0] * 25)
    assert found[:2] == (0.5, 0.75) and found.z == pytest.approx(0.25 / (0.25 / 99 + 0.1875 / 99) ** 0.5)
    assert rise([0.0] * 5, [1.0] * 5).z == inf and rise([0.0] * 5, [0.0] * 5).z == rise([1.0] * 5, [0.0] * 5).z == 0.0
    assert found.is_alarming(0.25) is (found.z >= MIN_Z) and not found.is_alarming(0.3)


def test_chance_raises_no_alarm() -> None:
    """Two samples of one distribution, many times."""
    generator = random.Random(5)
    for _ in range(200):
        before, recent = ([generator.betavariate(0.4, 0.7) for _ in range(300)] for _ in range(2))
        assert distance(before, recent) < MIN_DISTANCE and rise(before, recent).z < MIN_Z
