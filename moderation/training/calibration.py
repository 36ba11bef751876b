"""Turns out-of-fold logits into probabilities, and probabilities of ham into thresholds with general guarantees."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from moderation.domain.general_guarantee import (
    GeneralGuarantee,
    GeneralGuarantees,
    lowest_threshold,
    rate_at,
    sites_needed,
    threshold_over_sites,
)
from moderation.domain.thresholds import Thresholds
from moderation.training.evaluation import balanced_weights
from moderation.training.recipe import Recipe

MIN_SITE_HAM = 300
"""Ham comments of a site that counts by itself. Smaller sites are pooled."""

_MIN_SITES = 2
_MIN_SLOPE = 1e-3


def calibrate(logits: NDArray[np.float64], spam: NDArray[np.bool_]) -> tuple[float, float]:
    """Fit a sigmoid to out-of-fold logits (Platt 1999), with both labels weighted alike.

    Parameters
    ----------
    logits : ndarray of shape (n_comments,)
        Logits by models that had not seen the comment.
    spam : ndarray of shape (n_comments,)
        The labels; both must occur.

    Returns
    -------
    slope, offset : float
        The calibrated logit is `slope * logit + offset`. The slope is positive, so the ranking never changes.
    """
    return _fit_sigmoid(logits, spam, balanced_weights(spam) * len(spam))


def calibrate_small_sample(logits: NDArray[np.float64], spam: NDArray[np.bool_]) -> tuple[float, float]:
    """Fit a sigmoid with smoothed targets, so that a few perfectly separated labels do not give certainty.

    Each of the n comments of a label counts with weight `1 / (n + 2)` as the other label (Platt 1999, section 2.2).

    Parameters
    ----------
    logits, spam : ndarray of shape (n_comments,)
        As in `calibrate`.

    Returns
    -------
    slope, offset : float
        As in `calibrate`.
    """
    counts = np.where(spam, spam.sum(), (~spam).sum())
    smoothing = 1.0 / (counts + 2)
    weights = balanced_weights(spam) * len(spam)
    smoothed_weights = np.concatenate([weights * (1 - smoothing), weights * smoothing])
    return _fit_sigmoid(np.tile(logits, 2), np.concatenate([spam, ~spam]), smoothed_weights)


def pool_small_sites(ham: Iterable[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    """Return the ham of sites with at least 300 comments, and that of smaller ones in pools of at least 300.

    A rate of 1 in 200 cannot be counted on fewer. Small sites are pooled from the largest to the smallest. A rest that
    is too small joins the last pool; without one, it is left out. If there is less ham in all, it is one pool.

    Parameters
    ----------
    ham : iterable of ndarray
        Probabilities of spam of each site's ham.
    """
    descending = sorted((site for site in ham if len(site)), key=len, reverse=True)
    large = [site for site in descending if len(site) >= MIN_SITE_HAM]
    pools: list[NDArray[np.float64]] = []
    rest: list[NDArray[np.float64]] = []
    for site in descending[len(large) :]:
        rest.append(site)
        if sum(map(len, rest)) >= MIN_SITE_HAM:
            pools.append(np.concatenate(rest))
            rest = []
    if pools:
        pools[-1] = np.concatenate([pools[-1], *rest])
    return large + pools or [np.concatenate([np.array([]), *rest])]


def count_sites(ham: Iterable[NDArray[np.float64]]) -> int:
    """Return the number of sites, or pools of small ones, with enough ham to count for a guarantee."""
    return sum(len(site) >= MIN_SITE_HAM for site in pool_small_sites(ham))


def choose_thresholds(ham: Sequence[NDArray[np.float64]], recipe: Recipe) -> Thresholds:
    """Return the lowest thresholds that keep the recipe's rates on the proportions of new sites that it names.

    With too few sites for such a proportion, a rate is kept on all of them, and nothing is promised for new ones.

    Parameters
    ----------
    ham : sequence of ndarray
        Spam probabilities of each site's ham, by models that had not seen the site. At least one is not empty.
    recipe : Recipe
        Its `*_max_rate` and `*_coverage`.
    """
    sites = [site.tolist() for site in pool_small_sites(ham)]
    review = threshold_over_sites(sites, recipe.review_max_rate, recipe.review_coverage)
    spam = max(review, threshold_over_sites(sites, recipe.spam_max_rate, recipe.spam_coverage))
    discard = max(spam, threshold_over_sites(sites, recipe.discard_max_rate, recipe.discard_coverage))
    return Thresholds(review, spam, discard)


def general_guarantees(
    ham: Sequence[NDArray[np.float64]], thresholds: Thresholds, recipe: Recipe
) -> GeneralGuarantees | None:
    """Return the guarantees of thresholds that `choose_thresholds` chose from the same ham.

    `None` if there are too few sites for a coverage of the recipe, or only one: its folds share a site.
    """
    sites = [site.tolist() for site in pool_small_sites(ham)]
    coverage = max(recipe.review_coverage, recipe.spam_coverage, recipe.discard_coverage)
    if len(sites) < _MIN_SITES or sites_needed(coverage, len(sites)) > len(sites):
        return None
    return GeneralGuarantees(
        review=_guarantee(sites, thresholds.review, recipe.review_max_rate, recipe.review_coverage),
        spam=_guarantee(sites, thresholds.spam, recipe.spam_max_rate, recipe.spam_coverage),
        discard=_guarantee(sites, thresholds.discard, recipe.discard_max_rate, recipe.discard_coverage),
    )


def _guarantee(
    sites: Sequence[Sequence[float]], threshold: float, max_rate: float, coverage: float
) -> GeneralGuarantee:
    within = sum(lowest_threshold(ham, max_rate) <= threshold for ham in sites)
    worst = max(rate_at(threshold, ham) for ham in sites)
    return GeneralGuarantee(threshold, max_rate, coverage, len(sites), within, worst, min(map(len, sites)))


def _fit_sigmoid(
    logits: NDArray[np.float64], spam: NDArray[np.bool_], weights: NDArray[np.float64]
) -> tuple[float, float]:
    model = LogisticRegression(C=1e4)
    # The last digits of a sum depend on the number of threads, so more than one would make models irreproducible.
    with threadpool_limits(1):
        model.fit(logits.reshape(-1, 1), spam, sample_weight=weights)
    return max(float(model.coef_[0, 0]), _MIN_SLOPE), float(model.intercept_[0])
