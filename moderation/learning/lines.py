"""From scores of sources that the model had not seen to a probability, and to the lines."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from moderation.domain.policy import Policy
from moderation.learning.evaluation import even_weights
from moderation.learning.recipe import Recipe


def calibrate(logits: NDArray[np.float64], spam: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and offset that turn out-of-source logits into calibrated ones (Platt 1999), both classes alike likely.

    The slope is kept positive: calibration may never turn the ranking around.
    """
    return _slope_and_offset(logits, spam, even_weights(spam) * len(spam))


def calibrate_few(logits: NDArray[np.float64], spam: NDArray[np.bool_]) -> tuple[float, float]:
    """As `calibrate`, for comments so few that the labels may lie wholly apart, which proves no certainty.

    Each of n comments of a label counts for `1 / (n + 2)` as one of the other: the targets of Platt 1999, section 2.2.
    """
    counts = np.where(spam, spam.sum(), (~spam).sum())
    doubt = 1.0 / (counts + 2)
    weights = even_weights(spam) * len(spam)
    both = np.concatenate([weights * (1 - doubt), weights * doubt])
    return _slope_and_offset(np.tile(logits, 2), np.concatenate([spam, ~spam]), both)


def _slope_and_offset(
    logits: NDArray[np.float64], spam: NDArray[np.bool_], weights: NDArray[np.float64]
) -> tuple[float, float]:
    model = LogisticRegression(C=1e4)
    with threadpool_limits(1):  # the last digits of a sum depend on how many threads share it
        model.fit(logits.reshape(-1, 1), spam, sample_weight=weights)
    return max(float(model.coef_[0, 0]), 1e-3), float(model.intercept_[0])


def draw_lines(ham: Sequence[NDArray[np.float64]], recipe: Recipe) -> Policy:
    """The lowest lines at which the ham of unseen sources keeps the recipe's rates, on average and in the worst source.

    `ham` holds the probabilities of each source's ham, scored by a model that had not seen the source.
    """
    review = _line(ham, recipe.review_mean, recipe.review_worst)
    spam = max(review, _line(ham, recipe.spam_mean, recipe.spam_worst))
    discard = max(spam, _line(ham, recipe.discard_mean, recipe.discard_worst))
    return Policy(review, spam, discard)


def _line(ham: Sequence[NDArray[np.float64]], mean: float, worst: float) -> float:
    """A little above the lowest of the scores at which both rates hold."""
    sources = [np.sort(scores) for scores in ham if len(scores)]
    candidates = np.unique(np.concatenate(sources))
    rates = np.array([1.0 - np.searchsorted(scores, candidates, side="right") / len(scores) for scores in sources])
    good = (rates.mean(axis=0) <= mean) & (rates.max(axis=0) <= worst)
    line = float(candidates[np.argmax(good)])
    return float(np.nextafter(line, 2.0)) if line < 1.0 else 1.0
