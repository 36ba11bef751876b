"""Turns out-of-fold logits into probabilities, and probabilities of ham into thresholds."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from moderation.domain.thresholds import Thresholds
from moderation.training.evaluation import balanced_weights
from moderation.training.recipe import Recipe

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


def choose_thresholds(ham: Sequence[NDArray[np.float64]], recipe: Recipe) -> Thresholds:
    """Return the lowest thresholds that keep the recipe's false-positive rates.

    Each rate is kept on average over the sources and in the worst source.

    Parameters
    ----------
    ham : sequence of ndarray
        Spam probabilities of each source's ham, by models that had not seen the source. At least one is not empty.
    recipe : Recipe
        Its rates `review_*`, `spam_*` and `discard_*`.
    """
    review = _lowest_threshold(ham, recipe.review_mean_rate, recipe.review_worst_rate)
    spam = max(review, _lowest_threshold(ham, recipe.spam_mean_rate, recipe.spam_worst_rate))
    discard = max(spam, _lowest_threshold(ham, recipe.discard_mean_rate, recipe.discard_worst_rate))
    return Thresholds(review, spam, discard)


def _fit_sigmoid(
    logits: NDArray[np.float64], spam: NDArray[np.bool_], weights: NDArray[np.float64]
) -> tuple[float, float]:
    model = LogisticRegression(C=1e4)
    # The last digits of a sum depend on the number of threads, so more than one would make models irreproducible.
    with threadpool_limits(1):
        model.fit(logits.reshape(-1, 1), spam, sample_weight=weights)
    return max(float(model.coef_[0, 0]), _MIN_SLOPE), float(model.intercept_[0])


def _lowest_threshold(ham: Sequence[NDArray[np.float64]], mean_rate: float, worst_rate: float) -> float:
    """Return the next float above the lowest probability at which both rates hold, at most 1."""
    sources = [np.sort(probabilities) for probabilities in ham if len(probabilities)]
    candidates = np.unique(np.concatenate(sources))
    rates = np.array(
        [
            1.0 - np.searchsorted(probabilities, candidates, side="right") / len(probabilities)
            for probabilities in sources
        ]
    )
    within_limits = (rates.mean(axis=0) <= mean_rate) & (rates.max(axis=0) <= worst_rate)
    threshold = float(candidates[np.argmax(within_limits)])
    return float(np.nextafter(threshold, 2.0)) if threshold < 1.0 else 1.0
