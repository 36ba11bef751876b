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
from moderation.features.ngrams import AUTHOR, N_COLUMNS, NAMESPACES, OFFSETS, WORDS, ranges

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
_BLOCK_ROWS = 32
"""Rows that are compared with all others at a time. Their counts fit into the processor's cache."""
_TOLERANCE = 1e-6
"""Error of a coefficient, in units of `C`, its largest value."""
_STEP_TOLERANCE = 3e-4
"""Residual of a step, as a part of its start. The solution is found in the least time, by measurement."""
_MAX_NEWTON_STEPS = 50
_MAX_CG_STEPS = 200

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class LessonRows:
    """The rows of some lessons, and an index of their columns.

    An entry is a column of a field of a row. Its owner is the number of the row times the number of fields, plus the
    field. A column may be several entries of a row.

    Parameters
    ----------
    columns : int32 array
        The different columns, ascending.
    places, owners : int32 arrays
        For each entry, the number of its column in `columns`, and its owner. Entries are ordered by owner.
    owners_by_column : int32 array
        The owners of all entries, ordered by column.
    starts : int64 array
        Where the owners of each column begin in `owners_by_column`, and its length.
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
    places: NDArray[np.int32]
    owners: NDArray[np.int32]
    owners_by_column: NDArray[np.int32]
    starts: NDArray[np.int64]
    scales: Floats
    signals: Floats
    raw_signals: Floats
    means: Floats

    @classmethod
    def of(cls, features: Sequence[LabelFeatures], means: Floats) -> Self:
        """Put rows together, their signals relative to the means of a model."""
        columns = np.concatenate([np.zeros(0, np.int32), *[row.columns for row in features]])
        lengths = np.array([len(row.columns) for row in features], dtype=np.int64)
        # The columns of a row are ascending, so with the number of the row before them all are.
        keys = np.repeat(np.arange(len(features)) * N_COLUMNS, lengths) + columns
        bounds = np.searchsorted(keys, np.arange(len(features))[:, None] * N_COLUMNS + _BOUNDS)
        counts = np.diff(bounds, axis=1)
        owners = np.repeat(np.arange(counts.size, dtype=np.int32), counts.ravel())
        scales = _NORMS / np.sqrt(np.maximum(1, counts))
        values = np.array([row.signals for row in features]).reshape(len(features), len(means)).astype(np.float64)
        raw = np.nan_to_num(values - means, nan=0.0)
        return cls(*_index(columns, owners), scales, signal_units(values, means), raw, means)

    def __len__(self) -> int:
        return len(self.scales)

    def sums(self, weights: NDArray[np.floating]) -> Floats:
        """Return the weighted sum of each row's entries by field, as an array of shape (rows, fields)."""
        sums = np.bincount(self.owners, weights[self.columns].astype(np.float64)[self.places], self.scales.size)
        return np.asarray(sums.reshape(self.scales.shape) * self.scales)

    def products(self, columns: NDArray[np.integer], scales: Floats, signals: Floats) -> Floats:
        """Return the inner product of each row with another row, given like these, its columns in any order."""
        places = np.searchsorted(self.columns, columns)
        places = places[self.columns.take(places, mode="clip") == columns] if len(self.columns) else places[:0]
        others = np.zeros(len(places), dtype=np.int64)
        return self._products(others, places, scales[None], signals[None]).ravel()

    def kernel(self, known: Sequence[int] = (), known_kernel: Floats | None = None) -> Floats:
        """Return the inner products of all pairs of rows, of shape (rows, rows).

        `known_kernel` has those of the rows with the numbers `known`, ascending, from an earlier call.
        """
        kernel = np.empty((len(self), len(self)))
        if known_kernel is not None:
            kernel[square(known)] = known_kernel
        bounds = np.searchsorted(self.owners, np.arange(len(self) + 1) * len(FIELDS)).tolist()
        new = sorted(set(range(len(self))).difference(known))
        for start in range(0, len(new), _BLOCK_ROWS):
            block = new[start : start + _BLOCK_ROWS]
            others = np.repeat(np.arange(len(block)), [bounds[row + 1] - bounds[row] for row in block])
            places = np.concatenate([self.places[bounds[row] : bounds[row + 1]] for row in block])
            kernel[block] = products = self._products(others, places, self.scales[block], self.signals[block])
            kernel[:, block] = products.T
        return kernel

    def _products(
        self, others: NDArray[np.int64], places: NDArray[np.integer], scales: Floats, signals: Floats
    ) -> Floats:
        """Return the inner products of some other rows with each row, of shape (others, rows).

        The column with the number `places[i]` is an entry of the row `others[i]` of those.
        """
        begins = self.starts[places]
        counts = self.starts[places + 1] - begins
        owners = self.owners_by_column[ranges(begins, counts)]
        # Whole numbers, so that the order of summation makes no difference.
        shared = np.bincount(
            np.repeat(others * self.scales.size, counts) + owners, minlength=len(scales) * self.scales.size
        ).reshape(len(scales), *self.scales.shape)
        by_field = shared * (self.scales * scales[:, None])
        products = np.vecdot(self.signals, signals[:, None]) * SIGNAL_UNIT**2 + CONSTANT**2
        for field in range(len(FIELDS)):
            products += by_field[:, :, field]
        return np.asarray(products)


def square(numbers: Sequence[int]) -> tuple[slice, slice] | tuple[NDArray[np.int64], ...]:
    """Return the index of the rows and columns with these ascending numbers.

    For consecutive numbers it is of slices, which take a fifth of the time.
    """
    if numbers and numbers[-1] - numbers[0] < len(numbers):
        return (slice(numbers[0], numbers[-1] + 1),) * 2
    return np.ix_(numbers, numbers)


def _index(
    columns: NDArray[np.int32], owners: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.int64]]:
    """Return the first five fields of `LessonRows` for the columns and owners of all entries."""
    # To sort numbers of a column and an entry takes half of the time of `argsort`.
    packed = columns.astype(np.int64) << 32
    packed |= np.arange(len(columns))
    packed.sort()
    entries = packed & 0xFFFFFFFF
    packed >>= 32
    is_first = np.append(True, packed[1:] != packed[:-1])[: len(packed)]
    places = np.empty(len(columns), dtype=np.int32)
    places[entries] = np.cumsum(is_first, dtype=np.int32) - 1
    starts = np.flatnonzero(is_first)
    return packed[starts].astype(np.int32), places, owners, owners.take(entries), np.append(starts, len(columns))


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
