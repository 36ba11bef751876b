"""How much each comment counts in a fit."""

import numpy as np
from numpy.typing import NDArray


def sample_weights(
    spam: NDArray[np.bool_],
    sources: NDArray[np.int64],
    ham_weight: float = 1.0,
    counts: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Return sample weights, shape (n_comments,). With a `ham_weight` of 1, their mean is 1.

    All ham weighs `ham_weight` times as much as all spam. Within a label, a source's total weight grows with the root
    of its size, in which each comment has its count. No count is above the root of the source's number of comments
    with this label: else a few rare ones would decide. Source of this limit: Ionides, *Truncated importance sampling*,
    Journal of Computational and Graphical Statistics 17, 2008.

    Parameters
    ----------
    spam : ndarray of shape (n_comments,)
        The labels.
    sources : ndarray of shape (n_comments,)
        Source numbers.
    ham_weight : float
        The recipe's weight of ham.
    counts : ndarray of shape (n_comments,), optional
        Number of comments for which each one stands; without it, each stands for itself.
    """
    counts = np.ones(len(spam)) if counts is None else counts
    weights = np.zeros(len(spam))
    for label, label_weight in ((False, ham_weight), (True, 1.0)):
        rows = np.flatnonzero(spam == label)
        own = sources[rows]
        capped = np.minimum(counts[rows], np.sqrt(np.bincount(own))[own])
        raw = capped / np.sqrt(np.bincount(own, weights=capped))[own]
        weights[rows] = label_weight * raw / raw.sum() / 2
    return weights * len(spam)
