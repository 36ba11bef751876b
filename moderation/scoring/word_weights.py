"""What the words of a comment contribute to the logit of one model."""

from collections.abc import Mapping
from functools import partial
from itertools import pairwise
from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moderation.features.ngrams import NAMESPACES, WORDS, Field, bigram_columns, word_and_ngram_columns
from moderation.features.word_cache import WordCache

TEXT_CACHE_WORDS = 1 << 14
"""Words of texts that are cached, some 5 MB. The cache of any other field has an eighth of that."""


WordWeight = tuple[int, int, float]
"""The column of a word, its number of columns with those of its character n-grams, and their total weight.

A named tuple would be tracked by the garbage collector as long as it is cached.
"""


class FieldRow(NamedTuple):
    """The row of one field: its different words, its pairs of words by column, and the value `scale` of each column."""

    namespace: int
    words: Mapping[str, WordWeight]
    pairs: Mapping[int, tuple[str, str]]
    scale: float


class WordWeights:
    """Looks words up in the weights of a model and caches them: most words of a comment occurred in earlier ones.

    `weights` has shape (N_COLUMNS,). `contribution_limits`, of shape (namespaces, 2), bounds the sum of a field's
    contributions from below and above.
    """

    def __init__(self, weights: NDArray[np.float16], contribution_limits: NDArray[np.float64]) -> None:
        self._weights = weights
        self._contribution_limits = contribution_limits.tolist()
        self._by_word = [
            WordCache(
                partial(_word_weight, weights, namespace),
                TEXT_CACHE_WORDS if namespace == WORDS else TEXT_CACHE_WORDS // 8,
            )
            for namespace in range(len(NAMESPACES))
        ]

    def look_up(self, field: Field) -> FieldRow:
        """Return the row of a field."""
        words, namespace = field
        looked_up = list(map(self._by_word[namespace].__getitem__, words))
        by_word = dict(zip(words, looked_up, strict=True))
        pairs = dict(zip(bigram_columns([entry[0] for entry in looked_up], namespace), pairwise(words), strict=True))
        column_count = len(pairs) + sum([entry[1] for entry in by_word.values()])
        return FieldRow(namespace, by_word, pairs, NAMESPACES[namespace].norm / sqrt(max(1, column_count)))

    def contributions(self, row: FieldRow) -> dict[str, float]:
        """Return the contribution of each different word of a field to the logit. The words of a pair share its weight.

        If the sum exceeds the model's contribution limits, all contributions are scaled down to the limit.
        """
        namespace, by_word, pairs, scale = row
        half = scale / 2
        contributions = {word: scale * entry[2] for word, entry in by_word.items()}
        pair_weights = self._weights.take(list(pairs)).tolist() if pairs else []
        for weight, (first, second) in zip(pair_weights, pairs.values(), strict=True):
            if weight:
                contribution = half * weight
                contributions[first] += contribution
                contributions[second] += contribution
        total = sum(contributions.values())
        lowest, highest = self._contribution_limits[namespace]
        if lowest <= total <= highest:
            return contributions
        factor = (lowest if total < lowest else highest) / total
        return {word: factor * contribution for word, contribution in contributions.items()}


def _word_weight(weights: NDArray[np.float16], namespace: int, word: str) -> WordWeight:
    columns = word_and_ngram_columns(word, namespace)
    return columns[0], len(columns), sum(map(weights.item, columns))
