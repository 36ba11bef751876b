"""Fits the linear model: logistic regression over hashed n-grams and centred signals."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from moderation.features.ngrams import BLOCKS, COLUMNS, OFFSETS
from moderation.learning.matrix import Matrix
from moderation.learning.recipe import Recipe

_RARE = 2
_BEYOND = 1 / 2_000
"""Share of the comments learnt from whose words add less than the least of `reach`; as many add more than the most."""
_SPELT_FOR = {block.spelling: number for number, block in enumerate(BLOCKS)}
_OWNERS = np.repeat([_SPELT_FOR.get(number, number) for number in range(len(BLOCKS))], np.diff(OFFSETS))
"""For each column the block of the words that it belongs to."""


@dataclass(frozen=True, slots=True)
class Linear:
    """Weights of the hashed columns and of the signals; a signal counts as `weight * (value - centre)`, absent as 0.

    `reach`, of shape (BLOCKS, 2), is the least and the most that the words of a segment add together; what they weigh
    beyond it is cut off.
    """

    weights: NDArray[np.float32]
    signal_weights: NDArray[np.float64]
    centres: NDArray[np.float64]
    bias: float
    reach: NDArray[np.float64]

    def logits(self, matrix: Matrix) -> NDArray[np.float64]:
        """Natural log of the odds of spam, one for each row."""
        signals = np.nan_to_num(matrix.signals - self.centres, nan=0.0)
        words = np.clip(_sums(matrix.hashed, self.weights), self.reach[:, 0], self.reach[:, 1]).sum(axis=1)
        return np.asarray(words + signals @ self.signal_weights + self.bias, dtype=np.float64)


def fit(matrix: Matrix, spam: NDArray[np.bool_], sources: NDArray[np.int64], recipe: Recipe) -> Linear:
    """L2-penalised logistic regression; each source weighs by the root of its size, both classes alike.

    Columns of a single comment are left out: they can only be learnt by heart. Rare columns are learnt more boldly than
    common ones, as far as the recipe's `rarity` says. Deterministic.
    """
    centres = _centres(matrix.signals)
    frequencies = np.bincount(matrix.hashed.indices, minlength=COLUMNS)
    kept = np.flatnonzero(frequencies >= _RARE)
    boldness = _boldness(frequencies[kept], kept, len(spam), recipe.rarity)
    signals = np.nan_to_num((matrix.signals - centres) * recipe.signal_scale, nan=0.0)
    rows = _side_by_side(matrix, kept, boldness, signals)
    model = LogisticRegression(C=recipe.strength, max_iter=recipe.iterations, tol=1e-4)
    model.fit(rows, spam, sample_weight=balance(spam, sources))
    weights = np.zeros(COLUMNS, dtype=np.float32)
    weights[kept] = model.coef_[0, : len(kept)] * boldness
    signal_weights = model.coef_[0, len(kept) :] * recipe.signal_scale
    return Linear(weights, signal_weights, centres, float(model.intercept_[0]), _reach(matrix, weights))


def _reach(matrix: Matrix, weights: NDArray[np.float32]) -> NDArray[np.float64]:
    """What the words of hardly any comment went beyond: no padding, however chosen, may say more than those."""
    low, high = np.quantile(_sums(matrix.hashed, weights), [_BEYOND, 1 - _BEYOND], axis=0)
    return np.stack([np.minimum(low, 0.0), np.maximum(high, 0.0)], axis=1)


def _sums(hashed: sparse.csr_array, weights: NDArray[np.float32]) -> NDArray[np.float64]:
    """What the words of each block add, their spellings included, shape (comments, BLOCKS)."""
    parts = [hashed @ np.where(np.equal(_OWNERS, number), weights, np.float32(0)) for number in range(len(BLOCKS))]
    return np.stack(parts, axis=1).astype(np.float64)


def _side_by_side(
    matrix: Matrix, kept: NDArray[np.int64], boldness: NDArray[np.float32], signals: NDArray[np.float64]
) -> sparse.csr_array:
    """The columns that are kept, each times its boldness, then the signals."""
    hashed = matrix.hashed[:, kept]
    hashed.data *= boldness[hashed.indices]
    return sparse.hstack([hashed, sparse.csr_array(signals.astype(np.float32))], format="csr")


def _boldness(
    frequencies: NDArray[np.int64], columns: NDArray[np.int64], comments: int, rarity: float
) -> NDArray[np.float32]:
    """The inverse document frequency to the power of `rarity`; over a block's occurrences its mean square is 1.

    `1 + ln((1 + n) / (1 + frequency))`, smoothed as scikit-learn does. It is a prior on the weights and folded into
    them, so scoring knows nothing of it.
    """
    raw = (1.0 + np.log((1 + comments) / (1 + frequencies))) ** rarity
    blocks = np.searchsorted(OFFSETS, columns, side="right") - 1
    squares = np.bincount(blocks, weights=frequencies * raw**2, minlength=len(BLOCKS))
    totals = np.bincount(blocks, weights=frequencies, minlength=len(BLOCKS))
    return (raw / np.sqrt(squares / np.maximum(totals, 1))[blocks]).astype(np.float32)


def _centres(signals: NDArray[np.float32]) -> NDArray[np.float64]:
    """The mean of each signal where it is known, so that an absent field counts like an average one.

    Signals that are always known need none: nothing found counts nothing.
    """
    known = ~np.isnan(signals)
    means = np.where(known, signals, 0.0).sum(axis=0, dtype=np.float64) / np.maximum(known.sum(axis=0), 1)
    return np.where(known.all(axis=0), 0.0, means)


def balance(spam: NDArray[np.bool_], sources: NDArray[np.int64]) -> NDArray[np.float64]:
    """One weight a comment, 1 on average: root of the source's size within a class, half of all for each class."""
    weights = np.zeros(len(spam))
    for truth in (False, True):
        of_class = np.flatnonzero(spam == truth)
        sizes = np.bincount(sources[of_class], minlength=int(sources.max()) + 1)
        raw = 1.0 / np.sqrt(np.maximum(sizes, 1))[sources[of_class]]
        weights[of_class] = raw / raw.sum() / 2
    return weights * len(spam)
