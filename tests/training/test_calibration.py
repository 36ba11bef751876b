"""Calibration keeps the ranking, and thresholds keep the recipe's rates."""

import numpy as np
import pytest

from moderation.training.calibration import calibrate, calibrate_small_sample, choose_thresholds
from moderation.training.recipe import Recipe


def test_thresholds_are_ordered_and_keep_the_rates_of_every_source() -> None:
    """At no threshold is the false-positive rate above the recipe's, on average or in the worst source."""
    rng = np.random.default_rng(1)
    ham = [rng.beta(1, 12, 4000), rng.beta(1, 5, 2000), rng.beta(1, 30, 30)]
    recipe = Recipe()
    thresholds = choose_thresholds(ham, recipe)
    for threshold, mean_rate, worst_rate in (
        (thresholds.review, recipe.review_mean_rate, recipe.review_worst_rate),
        (thresholds.spam, recipe.spam_mean_rate, recipe.spam_worst_rate),
        (thresholds.discard, recipe.discard_mean_rate, recipe.discard_worst_rate),
    ):
        rates = [float((probabilities >= threshold).mean()) for probabilities in ham]
        assert np.mean(rates) <= mean_rate
        assert max(rates) <= worst_rate


def test_thresholds_are_the_lowest_that_keep_the_rates() -> None:
    """Of 1,000 ham comments, ten may be held, five lost and none discarded. A source without ham changes nothing."""
    ham = np.arange(1000) / 1000
    recipe = Recipe(review_mean_rate=0.0105, review_worst_rate=1.0, spam_mean_rate=1.0, spam_worst_rate=0.0055)
    thresholds = choose_thresholds([ham, np.array([])], recipe)
    assert [(ham >= threshold).sum() for threshold in (thresholds.review, thresholds.spam, thresholds.discard)] == [
        10, 5, 0,
    ]  # fmt: skip
    assert [thresholds.review, thresholds.spam, thresholds.discard] == pytest.approx([0.989, 0.994, 0.999])


def test_a_later_threshold_is_never_below_an_earlier_one() -> None:
    """A recipe with loose rates for spam gives the review threshold again."""
    recipe = Recipe(spam_mean_rate=1.0, spam_worst_rate=1.0, discard_mean_rate=1.0, discard_worst_rate=1.0)
    thresholds = choose_thresholds([np.arange(1000) / 1000], recipe)
    assert thresholds.review == thresholds.spam == thresholds.discard > 0.9


def test_ham_with_the_probability_one_gives_the_threshold_one() -> None:
    """There is no float between it and the end of the scale."""
    assert choose_thresholds([np.ones(30)], Recipe()).review == 1.0


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
