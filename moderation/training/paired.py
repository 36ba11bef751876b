"""Statistics of two models on the same comments: the gain of one over the other, and differences beyond chance."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, norm

from moderation.training.evaluation import balanced_weights

_MIN_PROBABILITY = 1e-4
"""Limit of the loss of one comment: else a single certain mistake would outweigh a thousand comments."""


@dataclass(frozen=True, slots=True)
class Gain:
    """By how many bits a comment is predicted better, both labels weighted alike, and the lower end of its interval."""

    bits: float
    lower: float


def gain(
    candidate: NDArray[np.float64],
    champion: NDArray[np.float64],
    spam: NDArray[np.bool_],
    groups: NDArray[np.int64],
    confidence: float,
) -> Gain:
    """Return the gain in log loss of a candidate over a champion.

    The standard error is clustered: comments of one group, such as a campaign, are one observation. Source: Cameron and
    Miller, *A practitioner's guide to cluster-robust inference*, Journal of Human Resources 50, 2015.

    Parameters
    ----------
    candidate, champion : ndarray of shape (n_comments,)
        Probabilities of spam.
    spam : ndarray of shape (n_comments,)
        The labels; both must occur.
    groups : ndarray of shape (n_comments,)
        Number of each comment's group, from 0.
    confidence : float
        One-sided confidence level of the lower end.
    """
    weights = balanced_weights(spam)
    differences = _bits(champion, spam) - _bits(candidate, spam)
    mean = float(weights @ differences)
    centres = np.where(spam, np.average(differences[spam]), np.average(differences[~spam]))
    by_group = np.bincount(groups, weights=weights * (differences - centres))
    n_groups = len(by_group)
    error = float(np.sqrt(np.square(by_group).sum() * n_groups / max(1, n_groups - 1)))
    return Gain(mean, mean - float(norm.ppf(confidence)) * error)


def chance_of(worsened: int, improved: int) -> float:
    """Return the probability that at least `worsened` of all changes are for the worse by chance alone.

    This is the one-sided exact test of McNemar (1947).
    """
    changes = worsened + improved
    return float(binomtest(worsened, changes, alternative="greater").pvalue) if changes else 1.0


def _bits(probabilities: NDArray[np.float64], spam: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the log loss of each comment in bits."""
    clipped = np.clip(probabilities, _MIN_PROBABILITY, 1 - _MIN_PROBABILITY)
    return np.asarray(-np.log2(np.where(spam, clipped, 1 - clipped)))
