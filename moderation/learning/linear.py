"""Fits the linear model: logistic regression over hashed n-grams and centred signals.

A site with labels of its own has a layer: each of its comments is read twice over, once by the columns of all and once
by columns that only the site has (Daumé III 2007, "Frustratingly easy domain adaptation"). What is so everywhere is
learnt by the first, what is so here by the second, and the penalty shares the weight out between them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from moderation.features.ngrams import BLOCKS, COLUMNS, OFFSETS
from moderation.learning.matrix import Matrix
from moderation.learning.recipe import Recipe
from moderation.scoring.layer import Layer

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
    beyond it is cut off. `layers` has what the sites weigh that have weights of their own, by their numbers.
    """

    weights: NDArray[np.float32]
    signal_weights: NDArray[np.float32]
    centres: NDArray[np.float64]
    bias: float
    reach: NDArray[np.float64]
    layers: Mapping[int, Layer] = field(default_factory=dict)

    def at(self, site: int) -> "Linear":
        """The model with the weights of a site; itself where the site has none of its own."""
        layer = self.layers.get(site)
        if layer is None:
            return self
        return Linear(layer.on(self.weights), layer.signal_weights, self.centres, layer.bias, layer.reach)

    def logits(self, matrix: Matrix) -> NDArray[np.float64]:
        """Natural log of the odds of spam, one for each row."""
        signals = np.nan_to_num(matrix.signals - self.centres, nan=0.0)
        words = np.clip(_sums(matrix.hashed, self.weights), self.reach[:, 0], self.reach[:, 1]).sum(axis=1)
        return np.asarray(words + signals @ self.signal_weights + self.bias, dtype=np.float64)

    def logits_at(self, sites: NDArray[np.int64], matrix: Matrix) -> NDArray[np.float64]:
        """The same, each row with the weights of its site."""
        found = np.empty(len(sites))
        for site in np.unique(sites).tolist():
            rows = np.flatnonzero(sites == site)
            found[rows] = self.at(site).logits(matrix.take(rows))
        return found


def has_layer(sites: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which comments are of a site that gets a layer: one with a number that is not all there is."""
    return np.asarray((sites >= 0) & (len(np.unique(sites)) > 1))


def fit(
    matrix: Matrix, spam: NDArray[np.bool_], sources: NDArray[np.int64], sites: NDArray[np.int64], recipe: Recipe
) -> Linear:
    """L2-penalised logistic regression; each source weighs by the root of its size, both classes alike.

    Columns of a single comment are left out: they can only be learnt by heart. Rare columns are learnt more boldly than
    common ones, as far as the recipe's `rarity` says. `sites` has the number of each comment's site, -1 for none;
    `has_layer` says which get one. Deterministic.
    """
    centres = _centres(matrix.signals)
    frequencies = np.bincount(matrix.hashed.indices, minlength=COLUMNS)
    kept = np.flatnonzero(frequencies >= _RARE)
    boldness = _boldness(frequencies[kept], kept, len(spam), recipe.rarity)
    signals = np.nan_to_num((matrix.signals - centres) * recipe.signal_scale, nan=0.0)
    rows = _side_by_side(matrix, kept, boldness, signals)
    own = _Own.of(rows, sites, recipe)
    model = LogisticRegression(C=recipe.strength, max_iter=recipe.iterations, tol=1e-4)
    model.fit(own.beside(rows), spam, sample_weight=balance(spam, sources))
    units = np.append(boldness, np.full(signals.shape[1], recipe.signal_scale, dtype=np.float32))
    shared, apart = np.split(model.coef_[0], [rows.shape[1]])
    weights, signal_weights = _weights(shared * units, kept)
    linear = Linear(weights, signal_weights, centres, float(model.intercept_[0]), _reach(matrix, weights))
    layers = {
        site: _layer(linear, matrix.take(np.flatnonzero(sites == site)), *_weights(found[:-1] * units, kept), found[-1])
        for site, found in own.by_site(apart)
    }
    return replace(linear, layers=layers)


@dataclass(frozen=True, slots=True)
class _Own:
    """The rows of sites once more, in columns that only the site has, and a constant, each times `stretch`.

    That is the root of `site_strength / strength`, so that the former is the C of what the copies weigh. `columns` says
    what each column of `copies` is: the number of its site times `width`, plus the column of which it is the copy, the
    constant being the last. What a site does not use has no column.
    """

    copies: sparse.coo_array
    columns: NDArray[np.int64]
    width: int
    stretch: float

    @classmethod
    def of(cls, rows: sparse.csr_array, sites: NDArray[np.int64], recipe: Recipe) -> "_Own":
        """Those of the sites that get a layer."""
        width, stretch = rows.shape[1] + 1, sqrt(recipe.site_strength / recipe.strength)
        at = np.flatnonzero(has_layer(sites))
        own = sparse.hstack([rows[at], np.ones((len(at), 1), dtype=np.float32)]).tocoo()
        columns, places = np.unique(sites[at[own.row]] * width + own.col, return_inverse=True)
        stretched = own.data * np.float32(stretch)
        copies = sparse.coo_array((stretched, (at[own.row], places)), shape=(rows.shape[0], len(columns)))
        return cls(copies, columns, width, stretch)

    def beside(self, rows: sparse.csr_array) -> sparse.csr_array:
        """The rows, with their copies to the right."""
        return sparse.hstack([rows, self.copies], format="csr") if len(self.columns) else rows

    def by_site(self, coefficients: NDArray[np.float32]) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """What was found for each site's columns, shape (width,), the constant the last; 0 for those it has not."""
        sites, columns = np.divmod(self.columns, self.width)
        for site in np.unique(sites).tolist():
            found = np.zeros(self.width, dtype=np.float32)
            found[columns[sites == site]] = coefficients[sites == site] * np.float32(self.stretch)
            yield site, found


def _weights(
    coefficients: NDArray[np.float32], kept: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Of all hashed columns, by the coefficients of those that are kept, and of the signals."""
    weights = np.zeros(COLUMNS, dtype=np.float32)
    weights[kept], signal_weights = np.split(coefficients, [len(kept)])
    return weights, signal_weights


def _layer(
    shared: Linear, matrix: Matrix, weights: NDArray[np.float32], signal_weights: NDArray[np.float32], bias: float
) -> Layer:
    """A site's own weights over the shared ones; `matrix` has the comments of the site."""
    columns = np.flatnonzero(weights)
    return Layer(
        columns.astype(np.int32),
        weights[columns],
        1.0,
        shared.signal_weights + signal_weights,
        shared.bias + float(bias),
        shared.reach + _reach(matrix, weights),
    )


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
