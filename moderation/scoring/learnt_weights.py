"""Weights learnt from lessons, folded into one vector, so that a comment costs one look-up a word."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from moderation.features.ngrams import N_COLUMNS, NAMESPACES, WORDS, word_and_ngram_columns
from moderation.features.word_cache import WordCache
from moderation.scoring.residual import CONSTANT, SIGNAL_UNIT, Floats, LessonRows, signal_units
from moderation.scoring.word_weights import FieldRow

_TEXT_CACHE_WORDS = 1 << 12
"""Words of texts that are cached, some 500 kB. The cache of any other field has an eighth of that."""


class LearntWeights:
    """The sum of the rows of some lessons, each times its coefficient. It takes 3 MB.

    Parameters
    ----------
    rows : LessonRows
        The rows of the lessons.
    coefficients : array of shape (lessons,)
        As `residual.solve` returns them.
    """

    def __init__(self, rows: LessonRows, coefficients: Floats) -> None:
        values = (coefficients[:, None] * rows.scales).ravel()[rows.owners]
        # Rounded as the weights of a model are, to take a quarter of the memory.
        self._weights = np.bincount(rows.columns, values, N_COLUMNS).astype(np.float16)
        self._signal_weights = coefficients @ rows.signals * SIGNAL_UNIT**2
        self._bias = float(coefficients.sum()) * CONSTANT**2
        self._means = rows.means
        self._by_word = [
            WordCache(
                partial(_word_weight, self._weights, namespace),
                _TEXT_CACHE_WORDS if namespace == WORDS else _TEXT_CACHE_WORDS // 8,
            )
            for namespace in range(len(NAMESPACES))
        ]

    def shift(self, rows: Sequence[FieldRow], signals: Sequence[float]) -> float:
        """Return what the weights add to the logit of a comment, from the rows of its fields and its signals."""
        total = self._bias + float(self._signal_weights @ signal_units(np.array(signals), self._means))
        for namespace, words, pairs, scale in rows:
            of_pairs = float(self._weights.take(list(pairs)).sum(dtype=np.float64)) if pairs else 0.0
            total += scale * (sum(map(self._by_word[namespace].__getitem__, words)) + of_pairs)
        return total


def _word_weight(weights: NDArray[np.float16], namespace: int, word: str) -> float:
    return sum(map(weights.item, word_and_ngram_columns(word, namespace)))
