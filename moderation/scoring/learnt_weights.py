"""Weights learnt from lessons, folded into one vector, so that a comment costs one look-up a word."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from moderation.features.ngrams import N_COLUMNS, NAMESPACES, WORDS, word_and_ngram_columns
from moderation.features.word_cache import WordCache
from moderation.scoring.residual import CONSTANT, SIGNAL_UNIT, Floats, LessonRows, signal_units
from moderation.scoring.word_weights import FieldRow

_TEXT_CACHE_WORDS = 1 << 14
"""Words of texts that are cached, some 2 MB. The cache of any other field has an eighth of that."""


class LearntWeights:
    """The sum of the rows of some lessons, each times its coefficient: one sum for each set of coefficients.

    A sum takes 3 MB.

    Parameters
    ----------
    rows : LessonRows
        The rows of the lessons.
    coefficients : sequence of arrays of shape (lessons,)
        Each as `residual.solve` returns it.
    """

    def __init__(self, rows: LessonRows, coefficients: Sequence[Floats]) -> None:
        self._vectors = [_fold(rows, each) for each in coefficients]
        self._signal_weights = np.stack([each @ rows.signals * SIGNAL_UNIT**2 for each in coefficients])
        self._biases = [float(each.sum()) * CONSTANT**2 for each in coefficients]
        self._means = rows.means
        self._by_word = [
            [
                WordCache(
                    partial(_word_weight, vector, namespace),
                    _TEXT_CACHE_WORDS if namespace == WORDS else _TEXT_CACHE_WORDS // 8,
                )
                for namespace in range(len(NAMESPACES))
            ]
            for vector in self._vectors
        ]

    def shifts(self, rows: Sequence[FieldRow], signals: Sequence[float]) -> list[float]:
        """Return what each sum adds to the logit of a comment, from the rows of its fields and its signals."""
        units = signal_units(np.array(signals), self._means)
        totals = [
            bias + total for bias, total in zip(self._biases, (self._signal_weights @ units).tolist(), strict=True)
        ]
        for namespace, words, pairs, scale in rows:
            for number, vector in enumerate(self._vectors):
                # Sums of half precision are exact in double precision, in any order.
                of_words = sum(map(self._by_word[number][namespace].__getitem__, words))
                of_pairs = sum(map(vector.item, pairs))
                totals[number] += scale * (of_words + of_pairs)
        return totals


def _fold(rows: LessonRows, coefficients: Floats) -> NDArray[np.float16]:
    """Return the weighted sum of rows as a vector of shape (N_COLUMNS,), rounded as the weights of a model are."""
    values = (coefficients[:, None] * rows.scales).ravel()[rows.owners]
    vector = np.zeros(N_COLUMNS, dtype=np.float16)
    vector[rows.columns] = np.bincount(rows.places, values, len(rows.columns)).astype(np.float16)
    return vector


def _word_weight(vector: NDArray[np.float16], namespace: int, word: str) -> float:
    return sum(map(vector.item, word_and_ngram_columns(word, namespace)))
