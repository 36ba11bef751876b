"""Calibration keeps the ranking, and thresholds keep the recipe's rates."""

import numpy as np
import pytest

from moderation.domain.thresholds import Thresholds
from moderation.training.calibration import (
    calibrate,
    calibrate_small_sample,
    choose_thresholds,
    general_guarantees,
    pool_small_sites,
)
from moderation.training.recipe import Recipe


def test_thresholds_are_ordered_and_keep_the_rates_of_enough_sites() -> None:
    """With nine sites and a coverage of .8, each rate is kept on at least eight."""
    rng = np.random.default_rng(1)
    ham = [rng.beta(1, 4 + 4 * site, 1000) for site in range(9)]
    recipe = Recipe()
    thresholds = choose_thresholds(ham, recipe)
    assert thresholds.review < thresholds.spam < thresholds.discard
    for threshold, max_rate in (
        (thresholds.review, recipe.review_max_rate),
        (thresholds.spam, recipe.spam_max_rate),
        (thresholds.discard, recipe.discard_max_rate),
    ):
        rates = [float((probabilities >= threshold).mean()) for probabilities in ham]
        assert sum(rate <= max_rate for rate in rates) == 8


def test_thresholds_are_the_lowest_that_keep_the_rates() -> None:
    """Of 1,000 ham comments, ten may be held, five lost and none discarded. A site without ham changes nothing."""
    ham = np.arange(1000) / 1000
    thresholds = choose_thresholds([ham, np.array([])], Recipe(review_max_rate=0.0105, spam_max_rate=0.0055))
    assert [(ham >= threshold).sum() for threshold in (thresholds.review, thresholds.spam, thresholds.discard)] == [
        10, 5, 0,
    ]  # fmt: skip
    assert [thresholds.review, thresholds.spam, thresholds.discard] == pytest.approx([0.989, 0.994, 0.999])


def test_a_later_threshold_is_never_below_an_earlier_one() -> None:
    """A recipe with loose rates for spam gives the review threshold again."""
    recipe = Recipe(spam_max_rate=0.5, discard_max_rate=0.5)
    thresholds = choose_thresholds([np.arange(1000) / 1000], recipe)
    assert thresholds.review == thresholds.spam == thresholds.discard > 0.9


def test_ham_with_the_probability_one_gives_the_threshold_one() -> None:
    """There is no float between it and the end of the scale."""
    assert choose_thresholds([np.ones(30)], Recipe()).review == 1.0


def test_small_sites_are_pooled() -> None:
    """Pools have at least 300 comments; a rest joins the last pool, and without one it is left out."""
    sizes = {(1000, 200, 150, 120, 90, 80, 0): [1000, 640], (400, 100): [400], (100, 50): [150], (299, 299): [598]}
    for given, expected in sizes.items():
        assert [len(pool) for pool in pool_small_sites(map(np.zeros, given))] == expected


def test_general_guarantees_state_what_the_thresholds_keep() -> None:
    """The counts of each threshold. With fewer sites than a coverage needs, or with one, there is no guarantee."""
    rng = np.random.default_rng(2)
    ham = [rng.beta(1, 4 + 4 * site, 400) for site in range(9)]
    thresholds = choose_thresholds(ham, Recipe())
    guarantees = general_guarantees(ham, thresholds, Recipe())
    assert guarantees is not None
    assert Thresholds(*(entry.threshold for entry in (guarantees.review, guarantees.spam, guarantees.discard))) == (
        thresholds
    )
    assert (guarantees.spam.sites, guarantees.spam.within, guarantees.spam.min_ham) == (9, 8, 400)
    assert guarantees.review.worst_rate == max(float((site >= thresholds.review).mean()) for site in ham) > 0.05
    assert general_guarantees(ham[:3], thresholds, Recipe()) is None
    assert general_guarantees(ham, thresholds, Recipe(discard_coverage=0.95)) is None
    halves = Recipe(review_coverage=0.5, spam_coverage=0.5, discard_coverage=0.5)
    assert general_guarantees(ham[:1], thresholds, halves) is None


def test_calibration_never_reverses_the_ranking() -> None:
    """For a model that is wrong on every unseen source, a higher logit is still a higher probability."""
    slope, _ = calibrate(np.array([5.0, -5.0] * 20), np.array([False, True] * 20))
    assert slope > 0


def test_calibration_weights_both_labels_alike() -> None:
    """At a logit that half of the spam and half of the ham exceed, the probability is one half, at any prevalence."""
    logits, spam = np.array([-1.0, 1.0] * 10 + [1.0, 3.0] * 100), np.repeat([False, True], [20, 200])
    slope, offset = calibrate(logits, spam)
    assert slope * 1.0 + offset == pytest.approx(0.0, abs=1e-3)


def test_a_few_separated_labels_do_not_give_certainty() -> None:
    """Twenty separated labels of each class give the probability 21 / 22."""
    logits, spam = np.repeat([-1.0, 1.0], 20), np.repeat([False, True], 20)
    slope, offset = calibrate_small_sample(logits, spam)
    assert 1 / (1 + np.exp(-slope - offset)) == pytest.approx(21 / 22, abs=1e-3)
    assert slope < calibrate(logits, spam)[0]
