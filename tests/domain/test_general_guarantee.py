"""General guarantees: a threshold keeps its rate on the stated proportion of exchangeable sites."""

import random
from dataclasses import replace
from statistics import fmean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.budget import Budget
from moderation.domain.errors import InvalidInput
from moderation.domain.general_guarantee import (
    GeneralGuarantee,
    GeneralGuarantees,
    lowest_threshold,
    rate_at,
    sites_needed,
    threshold_over_sites,
)

SPAM = GeneralGuarantee(0.95, 0.005, 0.8, 20, 17, 0.0125, 300)
GUARANTEES = GeneralGuarantees(replace(SPAM, threshold=0.7, max_rate=0.05), SPAM, replace(SPAM, max_rate=0.0005))
probabilities = st.floats(0.0, 1.0)
ham = st.lists(probabilities, min_size=1, max_size=60)
rates = st.floats(0.001, 0.5)
coverages = st.floats(0.5, 0.95)


@pytest.mark.parametrize(
    ("coverage", "sites", "needed"), [(0.8, 4, 4), (0.8, 3, 4), (0.8, 9, 8), (0.8, 24, 20), (0.9, 9, 9), (0.9, 8, 9)]
)
def test_the_sites_that_must_keep_a_rate(coverage: float, sites: int, needed: int) -> None:
    """The k-th smallest of K holds for a new one with k / (K + 1): 20 of 24 for .8, and 9 of 9 for .9."""
    assert sites_needed(coverage, sites) == needed


@given(ham, rates)
def test_the_lowest_threshold_keeps_the_rate_and_no_lower_one_does(scores: list[float], max_rate: float) -> None:
    """The next lower float reaches a ham comment more, unless the threshold is 1, which nothing reaches."""
    threshold = lowest_threshold(scores, max_rate)
    assert rate_at(threshold, scores) <= max_rate + 1e-9
    if threshold < 1.0:
        below = max(score for score in scores if score < threshold)
        assert rate_at(below, scores) > max_rate


@given(st.lists(ham, min_size=1, max_size=12), rates, rates, coverages, coverages)
def test_thresholds_are_monotone(
    sites: list[list[float]], rate: float, other_rate: float, coverage: float, other_coverage: float
) -> None:
    """A higher coverage never lowers the threshold, a higher rate never raises it."""
    low, high = sorted((coverage, other_coverage))
    assert threshold_over_sites(sites, rate, low) <= threshold_over_sites(sites, rate, high)
    strict, loose = sorted((rate, other_rate))
    assert threshold_over_sites(sites, loose, coverage) <= threshold_over_sites(sites, strict, coverage)


@given(st.lists(ham, min_size=9, max_size=20), rates, st.floats(0.5, 0.9))
def test_each_site_left_out_in_turn_meets_the_coverage(
    sites: list[list[float]], max_rate: float, coverage: float
) -> None:
    """Exchangeability, exactly: of all ways to leave one site out, the stated proportion keeps the rate on it."""
    kept = [
        lowest_threshold(site, max_rate) <= threshold_over_sites(sites[:index] + sites[index + 1 :], max_rate, coverage)
        for index, site in enumerate(sites)
    ]
    assert fmean(kept) >= coverage - 1e-9


@pytest.mark.parametrize("coverage", [0.7, 0.8, 0.9])
def test_new_sites_that_differ_keep_the_rate_as_often_as_stated(coverage: float) -> None:
    """Sites are drawn from a distribution of sites, some of which have ham like spam."""
    rng = random.Random(5)

    def site() -> list[float]:
        shape = rng.choice([1.0, 2.0, 6.0])
        return [rng.betavariate(shape, 20.0) for _ in range(60)]

    kept = []
    for _ in range(400):
        threshold = threshold_over_sites([site() for _ in range(14)], 0.05, coverage)
        kept.append(rate_at(threshold, site()) <= 0.05)
    # Three standard errors of 400 draws are at most 7 points.
    assert fmean(kept) >= coverage - 0.07


@pytest.mark.parametrize(
    "changed",
    [
        {"within": 16}, {"within": 21}, {"coverage": 0.9}, {"coverage": 1.0}, {"sites": 3, "within": 3},
        {"max_rate": 0.0}, {"worst_rate": 1.5}, {"min_ham": 0}, {"threshold": 0.0},
    ],
)  # fmt: skip
def test_a_guarantee_must_follow_from_its_counts(changed: dict[str, Any]) -> None:
    """A card that promises more than its sites show is malformed."""
    with pytest.raises(InvalidInput, match="does not follow"):
        replace(SPAM, **changed)


def test_guarantees_satisfy_budgets_that_ask_for_no_more() -> None:
    """The default budget is satisfied; more coverage, or less ham lost or held, is not."""
    assert GUARANTEES.satisfy(Budget()) and GUARANTEES.satisfy(Budget(0.01, 0.2, 0.99, 0.7))
    assert not GUARANTEES.satisfy(Budget(coverage=0.81))
    assert not GUARANTEES.satisfy(Budget(lost=0.004)) and not GUARANTEES.satisfy(Budget(held=0.04))
    for name in ("review", "spam", "discard"):
        assert not replace(GUARANTEES, **{name: replace(getattr(GUARANTEES, name), coverage=0.7)}).satisfy(Budget())


def test_a_guarantee_says_what_was_counted() -> None:
    """With the worst site and the standard error of the smallest."""
    assert str(SPAM) == (
        "17 of 20 sites unknown to the model have at most 0.5 % of their ham at or above it (the worst 1.2 %, standard "
        "error at most 0.41 points); so do at least 80 % of new sites like these"
    )
