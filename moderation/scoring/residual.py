"""What the labels of a site add to the logit of a model: logistic regression over the model's own features.

The regression is solved in dual form: its weights are a sum of the rows of the lessons, each with a coefficient. The
logit of the model is the offset, and the L2 penalty draws the weights towards zero, so that few labels change little.
Two rows are compared by counts and by whole numbers, which no order of summation can round. So an inner product is the
same to the last bit, with other rows or without them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from moderation.features.label_features import LabelFeatures
from moderation.features.ngrams import AUTHOR, N_COLUMNS, NAMESPACES, OFFSETS, WORDS

C = 16.0
"""Inverse of the penalty."""
SIGNAL_SCALE = 0.3
"""Factor of the signals' values beside the hashed columns."""
CONSTANT = 0.2
"""Value of the constant feature, whose weight is the intercept."""

SIGNAL_UNIT = 2.0**-10
"""Scaled signals are rounded to whole numbers of this unit."""

FIELDS = (WORDS, *range(AUTHOR, len(NAMESPACES)))
"""The namespaces of fields. Character n-grams of a text belong to its words."""
_BOUNDS = np.array([*[OFFSETS[namespace] for namespace in FIELDS], N_COLUMNS])
_NORMS = np.array([NAMESPACES[namespace].norm for namespace in FIELDS])
_MAX_SIGNAL = 8.0
_TOLERANCE = 1e-6
"""Error of a coefficient, in units of `C`, its largest value."""
_STEP_TOLERANCE = 3e-4
"""Residual of a step, as a part of its start. The solution is found in the least time, by measurement."""
_MAX_NEWTON_STEPS = 50
_MAX_CG_STEPS = 200

Floats = NDArray[np.float64]
Counts = NDArray[np.int16]


@dataclass(frozen=True, slots=True, eq=False)
class LessonRows:
    """The rows of some lessons, side by side.

    Parameters
    ----------
    columns : int32 array
        The columns of all rows, one row after the other.
    owners : int32 array
        For each entry of `columns`, the number of its row times the number of fields, plus its field.
    filled, begins : int64 arrays
        The owners that have entries, and where the entries of each begin.
    scales : array of shape (rows, fields)
        The value of an entry, by row and field.
    signals : array of shape (rows, signals)
        Whole numbers: the difference of each signal from the model's mean, scaled, in units of `SIGNAL_UNIT`.
    raw_signals : array of shape (rows, signals)
        The difference itself, 0 for an absent signal.
    means : array of shape (signals,)
        The model's means.
    """

    columns: NDArray[np.int32]
    owners: NDArray[np.int32]
    filled: NDArray[np.int64]
    begins: NDArray[np.int64]
    scales: Floats
    signals: Floats
    raw_signals: Floats
    means: Floats

    @classmethod
    def of(cls, features: Sequence[LabelFeatures], means: Floats) -> Self:
        """Put rows side by side, their signals relative to the means of a model."""
        bounds = [np.searchsorted(row.columns, _BOUNDS) for row in features]
        counts = np.diff(np.array(bounds, dtype=np.int64).reshape(-1, len(_BOUNDS)), axis=1)
        columns = np.concatenate([row.columns for row in features]) if features else np.zeros(0, np.int32)
        owners = np.repeat(np.arange(counts.size, dtype=np.int32), counts.ravel())
        filled = np.flatnonzero(counts)
        begins = (np.cumsum(counts) - counts.ravel())[filled]
        scales = _NORMS / np.sqrt(np.maximum(1, counts))
        values = np.array([row.signals for row in features], dtype=np.float64).reshape(len(features), len(means))
        raw = np.nan_to_num(values - means, nan=0.0)
        return cls(columns, owners, filled, begins, scales, signal_units(values, means), raw, means)

    def __len__(self) -> int:
        return len(self.scales)

    def sums(self, weights: NDArray[np.floating]) -> Floats:
        """Return the weighted sum of each row's entries by field, as an array of shape (rows, fields)."""
        sums = np.bincount(self.owners, weights[self.columns], self.scales.size)
        return np.asarray(sums.reshape(self.scales.shape) * self.scales)

    def products(
        self, columns: NDArray[np.integer], scales: Floats, signals: Floats, counts: Counts, first: int = 0
    ) -> Floats:
        """Return the inner product of each row from the `first` on with one row.

        `counts` is an int16 array of `N_COLUMNS` zeros to work in.
        """
        begin = int(np.searchsorted(self.filled, first * len(FIELDS)))
        begins, filled = self.begins[begin:], self.filled[begin:] - first * len(FIELDS)
        different, times = np.unique(columns, return_counts=True)
        counts[different] = times
        shared = np.zeros((len(self) - first, len(FIELDS)))
        if len(begins):
            # Whole numbers, so that the order of summation makes no difference.
            found = counts.take(self.columns[begins[0] :], mode="clip")
            shared.ravel()[filled] = np.add.reduceat(found, begins - begins[0], dtype=np.int32)
        counts[different] = 0
        by_field = shared * (self.scales[first:] * scales)
        products = (self.signals[first:] @ signals) * SIGNAL_UNIT**2 + CONSTANT**2
        for field in range(len(FIELDS)):
            products += by_field[:, field]
        return np.asarray(products)

    def kernel(self, known: Sequence[int] = (), known_kernel: Floats | None = None) -> Floats:
        """Return the inner products of all pairs of rows, of shape (rows, rows).

        `known_kernel` has those of the rows with the numbers `known`, from an earlier call.
        """
        kernel = np.empty((len(self), len(self)))
        if known_kernel is not None:
            kernel[np.ix_(known, known)] = known_kernel
        ends = np.searchsorted(self.owners, np.arange(len(self) + 1) * len(FIELDS))
        counts = np.zeros(N_COLUMNS, dtype=np.int16)
        for row in sorted(set(range(len(self))).difference(known)):
            columns = self.columns[ends[row] : ends[row + 1]]
            first = 0 if len(known) else row
            products = self.products(columns, self.scales[row], self.signals[row], counts, first)
            kernel[row, first:] = kernel[first:, row] = products
        return kernel


def signal_units(values: Floats, means: Floats) -> Floats:
    """Return the scaled differences of signals from their means as whole numbers, 0 for an absent signal."""
    units = (values - means) * (SIGNAL_SCALE / SIGNAL_UNIT)
    # Only a NaN differs from itself. `nan_to_num` takes several times as long for one comment.
    units[units != units] = 0.0
    limit = _MAX_SIGNAL / SIGNAL_UNIT
    return np.rint(np.minimum(np.maximum(units, -limit), limit))


def solve(kernel: Floats, spam: NDArray[np.bool_], offsets: Floats) -> Floats:
    """Return the coefficients of the rows: Newton's method from zero, its steps by conjugate gradients.

    The coefficients `a` minimize the sum of `log(1 + exp(-y * (offset + K a)))` plus `a' K a / (2 C)`, with `y` 1 for
    spam and -1 for ham (Keerthi et al. 2005, "A fast dual algorithm for kernel logistic regression"). Steps are
    inexact (Dembo, Eisenstat and Steihaug 1982, "Inexact Newton methods"), and the errors that they leave are exact.

    Parameters
    ----------
    kernel : array of shape (rows, rows)
        Inner products `K` of the rows.
    spam : array of shape (rows,)
        The labels.
    offsets : array of shape (rows,)
        Logits of the model.
    """
    coefficients = np.zeros(len(spam))
    fitted = np.zeros(len(spam))
    rounded = kernel.astype(np.float32)
    for _ in range(_MAX_NEWTON_STEPS):
        chance = 1.0 / (1.0 + np.exp(-np.clip(offsets + fitted, -500.0, 500.0)))
        errors = C * (spam - chance) - coefficients
        if np.abs(errors).max(initial=0.0) < _TOLERANCE * C:
            break
        step = _newton_step(rounded, C * np.maximum(chance * (1.0 - chance), 1e-12), errors)
        change = _times(kernel, step)
        size = _step_size(spam, offsets, (coefficients, step), (fitted, change))
        coefficients += size * step
        fitted += size * change
    return coefficients


def _newton_step(kernel: NDArray[np.float32], curvature: Floats, errors: Floats) -> Floats:
    """Solve `(I + D K) step = errors` for a diagonal D, in the symmetric form `I + D^.5 K D^.5`."""
    root = np.sqrt(curvature)
    residual = root * _times(kernel, errors)
    solution = np.zeros(len(errors))
    direction = residual.copy()
    norm = start = float(residual @ residual)
    for _ in range(_MAX_CG_STEPS):
        if norm <= _STEP_TOLERANCE**2 * start:
            break
        product = direction + root * _times(kernel, root * direction)
        length = norm / float(direction @ product)
        solution += length * direction
        residual -= length * product
        previous, norm = norm, float(residual @ residual)
        direction = residual + norm / previous * direction
    return errors - root * solution


def _times(kernel: NDArray[np.floating], values: Floats) -> Floats:
    """Return `kernel @ values` by one thread, row by row. The threads of `@` take many times the processor's time."""
    return np.asarray(np.vecdot(kernel, values.astype(kernel.dtype)), dtype=np.float64)


def _step_size(
    spam: NDArray[np.bool_], offsets: Floats, coefficients: tuple[Floats, Floats], fitted: tuple[Floats, Floats]
) -> float:
    """Halve the step until the objective falls: a full step may overshoot where the model was sure and wrong."""
    signs = np.where(spam, 1.0, -1.0)

    def objective(size: float) -> float:
        values, products = coefficients[0] + size * coefficients[1], fitted[0] + size * fitted[1]
        return float(np.logaddexp(0.0, -signs * (offsets + products)).sum() + values @ products / (2.0 * C))

    size, start = 1.0, objective(0.0)
    while size > 1e-6 and objective(size) > start + 1e-9:
        size /= 2.0
    return size
