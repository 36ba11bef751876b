"""The linear model and its fit: logistic regression over hashed n-grams and centred signals.

A site with enough labels gets its own weights. Each of its comments is learnt twice: in the columns that all sites
share, and in copies of them that only the site has (Daumé III 2007, "Frustratingly easy domain adaptation"). The
shared columns learn patterns of all sites, the copies patterns of this site. The L2 penalty splits the weight between
them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from moderation.features.ngrams import N_COLUMNS, NAMESPACES, OFFSETS
from moderation.features.signals import SIGNALS
from moderation.scoring.trained_weights import TrainedWeights
from moderation.training.design_matrix import DesignMatrix
from moderation.training.recipe import Recipe

_MIN_DOCUMENT_FREQUENCY = 2
_CLIP_QUANTILE = 1 / 2_000
_TOLERANCE = 1e-4
_PASSAGE_DISCOUNT = 2.0
"""Before calibration. It was chosen on 880 ham comments of over 1,500 characters, scored out of their sites.

All of their passages were compared. Without passages 4.3 % of them are held, with a discount of 0 11.4 %, with 1 8.1 %
and with 2 5.9 %.
"""
_WORD_NAMESPACES = {namespace.ngram_namespace: number for number, namespace in enumerate(NAMESPACES)}
_COLUMN_NAMESPACES = np.repeat(
    [_WORD_NAMESPACES.get(number, number) for number in range(len(NAMESPACES))], np.diff(OFFSETS)
)
"""The namespace of each column's words: character n-grams count as part of their word."""


@dataclass(frozen=True, slots=True)
class LinearModel:
    """Weights in logits. A signal counts as `weight * (value - mean)`, an absent one as 0.

    Attributes
    ----------
    weights : ndarray of shape (N_COLUMNS,)
        Weights of the hashed columns.
    signal_weights, means : ndarray of shape (n_signals,)
        Weights and means of the named signals.
    bias : float
        The intercept.
    contribution_limits : ndarray of shape (n_namespaces, 2)
        Least and greatest sum of the word weights in a namespace. Sums beyond the limits are clipped.
    weights_by_site : mapping of int to TrainedWeights
        Weights of the sites that have their own, by site number.
    passage_discount : float
        What a passage of a long text loses before it is compared with the whole.
    """

    weights: NDArray[np.float32]
    signal_weights: NDArray[np.float32]
    means: NDArray[np.float64]
    bias: float
    contribution_limits: NDArray[np.float64]
    weights_by_site: Mapping[int, TrainedWeights] = field(default_factory=dict)
    passage_discount: float = _PASSAGE_DISCOUNT

    def for_site(self, site: int) -> "LinearModel":
        """Return the model with the weights of a site, or itself if the site has none."""
        site_weights = self.weights_by_site.get(site)
        if site_weights is None:
            return self
        return LinearModel(
            site_weights.apply_to(self.weights),
            site_weights.signal_weights,
            self.means,
            site_weights.bias,
            site_weights.contribution_limits,
            passage_discount=self.passage_discount,
        )

    def calibrated(self, slope: float, offset: float) -> "LinearModel":
        """Return the model with the logits `slope * logit + offset`, without site weights."""
        return LinearModel(
            (self.weights * slope).astype(np.float32),
            self.signal_weights * slope,
            self.means,
            self.bias * slope + offset,
            self.contribution_limits * slope,
            passage_discount=self.passage_discount * slope,
        )

    def logits(self, matrix: DesignMatrix) -> NDArray[np.float64]:
        """Return the log odds of spam, shape (n_comments,). Of a long comment, the strongest passage may count.

        Passages are chosen as for a single comment, by `choose_passages`.
        """
        logits = self._row_logits(matrix)
        if matrix.passages is not None:
            passages = matrix.passages
            chosen = passages.choose(self._word_logits(passages.words))
            strongest = self._row_logits(passages.features.take(chosen)) - self.passage_discount
            np.maximum.at(logits, passages.owners[chosen], strongest)
        return logits

    def _row_logits(self, matrix: DesignMatrix) -> NDArray[np.float64]:
        signals = np.nan_to_num(matrix.signals - self.means, nan=0.0)
        words = self._word_logits(matrix.hashed)
        return np.asarray(words + signals @ self.signal_weights + self.bias, dtype=np.float64)

    def _word_logits(self, hashed: sparse.csr_array) -> NDArray[np.float64]:
        sums = np.clip(_namespace_sums(hashed, self.weights), *self.contribution_limits.T)
        return np.asarray(sums.sum(axis=1), dtype=np.float64)

    def logits_for_sites(self, sites: NDArray[np.int64], matrix: DesignMatrix) -> NDArray[np.float64]:
        """Return the log odds of spam, each row by the weights of its site. `sites` has shape (n_comments,)."""
        logits = np.empty(len(sites))
        for site in np.unique(sites).tolist():
            rows = np.flatnonzero(sites == site)
            logits[rows] = self.for_site(site).logits(matrix.take(rows))
        return logits


def has_site_weights(sites: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return a mask of the comments whose site gets its own weights.

    The site number is not -1, and there are other comments: without them, both sets of weights would be the same.
    """
    return np.asarray((sites >= 0) & (len(np.unique(sites)) > 1))


def fit(
    matrix: DesignMatrix,
    spam: NDArray[np.bool_],
    sample_weight: NDArray[np.float64],
    sites: NDArray[np.int64],
    recipe: Recipe,
) -> LinearModel:
    """Fit an L2-penalised logistic regression. Deterministic.

    Columns that occur in a single comment are dropped, because the model could only memorise that comment.

    Parameters
    ----------
    matrix : DesignMatrix
        Features of the comments.
    spam : ndarray of shape (n_comments,)
        The labels.
    sample_weight : ndarray of shape (n_comments,)
        How much each comment counts.
    sites : ndarray of shape (n_comments,)
        Site numbers, -1 for none; `has_site_weights` decides which of them get weights.
    recipe : Recipe
        `C`, `site_C`, `idf_power`, `signal_scale` and `max_iter`.
    """
    means = _signal_means(matrix.signals)
    frequencies = np.bincount(matrix.hashed.indices, minlength=N_COLUMNS)
    kept = np.flatnonzero(frequencies >= _MIN_DOCUMENT_FREQUENCY)
    idf_scale = _idf_scale(frequencies[kept], kept, len(spam), recipe.idf_power)
    signals = np.nan_to_num((matrix.signals - means) * recipe.signal_scale, nan=0.0)
    rows = _stack_columns(matrix, kept, idf_scale, signals)
    site_columns = _SiteColumns.build(rows, sites, recipe)
    model = LogisticRegression(C=recipe.C, max_iter=recipe.max_iter, tol=_TOLERANCE)
    model.fit(site_columns.append_to(rows), spam, sample_weight=sample_weight)
    units = np.append(idf_scale, np.full(signals.shape[1], recipe.signal_scale, dtype=np.float32))
    shared, site_coefficients = np.split(model.coef_[0], [rows.shape[1]])
    weights, signal_weights = _expand_weights(shared * units, kept)
    limits = _contribution_limits(matrix, weights)
    linear = LinearModel(weights, signal_weights, means, float(model.intercept_[0]), limits)
    weights_by_site = {}
    for site, coefficients in site_columns.split_by_site(site_coefficients):
        site_matrix = matrix.take(np.flatnonzero(sites == site))
        expanded = _expand_weights(coefficients[:-1] * units, kept)
        weights_by_site[site] = _site_weights(linear, site_matrix, *expanded, coefficients[-1])
    return replace(linear, weights_by_site=weights_by_site)


@dataclass(frozen=True, slots=True)
class _SiteColumns:
    """Copies of the sites' rows, in columns that only one site has, with a constant column for each site.

    All values are multiplied by `scale`, the root of `site_C / C`: scaled so, the penalty of the copies is that of
    `site_C`. Columns that a site does not use are left out.

    Attributes
    ----------
    copies : coo_array of shape (n_comments, n_copied_columns)
        The copies. Rows of comments without site weights are empty.
    columns : ndarray of shape (n_copied_columns,)
        Origin of each column: site number times `width`, plus the copied column. The constant is the last one.
    width : int
        Number of shared columns, and one.
    """

    copies: sparse.coo_array
    columns: NDArray[np.int64]
    width: int
    scale: float

    @classmethod
    def build(cls, rows: sparse.csr_array, sites: NDArray[np.int64], recipe: Recipe) -> "_SiteColumns":
        """Copy the rows of the sites that get weights."""
        width, scale = rows.shape[1] + 1, sqrt(recipe.site_C / recipe.C)
        copied = np.flatnonzero(has_site_weights(sites))
        entries = sparse.hstack([rows[copied], np.ones((len(copied), 1), dtype=np.float32)]).tocoo()
        row_numbers = copied[entries.row]
        columns, column_numbers = np.unique(sites[row_numbers] * width + entries.col, return_inverse=True)
        values = entries.data * np.float32(scale)
        copies = sparse.coo_array((values, (row_numbers, column_numbers)), shape=(rows.shape[0], len(columns)))
        return cls(copies, columns, width, scale)

    def append_to(self, rows: sparse.csr_array) -> sparse.csr_array:
        """Return the rows with the copies to their right."""
        return sparse.hstack([rows, self.copies], format="csr") if len(self.columns) else rows

    def split_by_site(self, coefficients: NDArray[np.float32]) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Yield each site with its coefficients, shape (width,), the constant last, 0 for columns left out."""
        sites, columns = np.divmod(self.columns, self.width)
        for site in np.unique(sites).tolist():
            expanded = np.zeros(self.width, dtype=np.float32)
            expanded[columns[sites == site]] = coefficients[sites == site] * np.float32(self.scale)
            yield site, expanded


def _expand_weights(
    coefficients: NDArray[np.float32], kept: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Split coefficients of the kept columns and the signals into weights of all columns and of the signals."""
    weights = np.zeros(N_COLUMNS, dtype=np.float32)
    weights[kept], signal_weights = np.split(coefficients, [len(kept)])
    return weights, signal_weights


def _site_weights(
    shared: LinearModel,
    matrix: DesignMatrix,
    weights: NDArray[np.float32],
    signal_weights: NDArray[np.float32],
    bias: float,
) -> TrainedWeights:
    """Return a site's weights on top of the shared ones; `matrix` has the comments of the site."""
    columns = np.flatnonzero(weights)
    return TrainedWeights(
        columns.astype(np.int32),
        weights[columns],
        1.0,
        shared.signal_weights + signal_weights,
        shared.bias + float(bias),
        shared.contribution_limits + _contribution_limits(matrix, weights),
    )


def _contribution_limits(matrix: DesignMatrix, weights: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the limits that one training comment in 2,000 exceeds at either end, shape (n_namespaces, 2).

    Without limits, padding of enough harmless words could outweigh any spam.
    """
    low, high = np.quantile(_namespace_sums(matrix.hashed, weights), [_CLIP_QUANTILE, 1 - _CLIP_QUANTILE], axis=0)
    return np.stack([np.minimum(low, 0.0), np.maximum(high, 0.0)], axis=1)


def _namespace_sums(hashed: sparse.csr_array, weights: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the sum of word and character n-gram weights by namespace, shape (n_comments, n_namespaces)."""
    sums = [
        hashed @ np.where(np.equal(_COLUMN_NAMESPACES, number), weights, np.float32(0))
        for number in range(len(NAMESPACES))
    ]
    return np.stack(sums, axis=1).astype(np.float64)


def _stack_columns(
    matrix: DesignMatrix, kept: NDArray[np.int64], idf_scale: NDArray[np.float32], signals: NDArray[np.float64]
) -> sparse.csr_array:
    """Return the kept columns, scaled, with the signals to their right."""
    hashed = matrix.hashed[:, kept]
    hashed.data *= idf_scale[hashed.indices]
    return sparse.hstack([hashed, sparse.csr_array(signals.astype(np.float32))], format="csr")


def _idf_scale(
    frequencies: NDArray[np.int64], columns: NDArray[np.int64], n_comments: int, idf_power: float
) -> NDArray[np.float32]:
    """Return the smoothed inverse document frequency to the power of `idf_power`, shape (n_columns,).

    The inverse frequency is `1 + ln((1 + n_comments) / (1 + frequency))`, as in scikit-learn's TfidfTransformer.
    Its mean square over the occurrences in a namespace is scaled to 1. It is a prior, and is folded into the weights.
    """
    raw = (1.0 + np.log((1 + n_comments) / (1 + frequencies))) ** idf_power
    namespaces = np.searchsorted(OFFSETS, columns, side="right") - 1
    squares = np.bincount(namespaces, weights=frequencies * raw**2, minlength=len(NAMESPACES))
    totals = np.bincount(namespaces, weights=frequencies, minlength=len(NAMESPACES))
    return (raw / np.sqrt(squares / np.maximum(totals, 1))[namespaces]).astype(np.float32)


def _signal_means(signals: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the mean of each signal's known values, shape (n_signals,), so that absence counts as the average.

    The mean of a signal without absent values is set to 0 unless it is an amount, which people compare with the usual
    one: a comment in which such a signal finds nothing gets no reason.
    """
    known = ~np.isnan(signals)
    means = np.where(known, signals, 0.0).sum(axis=0, dtype=np.float64) / np.maximum(known.sum(axis=0), 1)
    is_amount = np.array([signal.wording.is_amount for signal in SIGNALS])
    return np.where(known.all(axis=0) & ~is_amount, 0.0, means)
