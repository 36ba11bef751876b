"""What words weigh by one model."""

from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from moderation.features.memory import Memory
from moderation.features.ngrams import BLOCKS, WORDS, Segment, columns_of, pair_columns

REMEMBERED = 1 << 14
"""How many words of texts are remembered, some 5 MB; of any other field an eighth of that."""


@dataclass(slots=True)
class Word:
    """A word: its own column, how many it has with those of its spelling, and what these weigh together.

    Shared by threads and never changed; freezing it would cost every new word some time.
    """

    column: int
    parts: int
    weight: float


class Wordbook:
    """Looks words up in the weights of a model, and remembers them: most words of a comment are those of the last."""

    def __init__(self, weights: NDArray[np.float16], reach: NDArray[np.float64]) -> None:
        self._weights = weights
        self._reach = reach.tolist()
        self._words = [
            Memory(partial(_weigh, weights, block), REMEMBERED if block == WORDS else REMEMBERED // 8)
            for block in range(len(BLOCKS))
        ]

    def shares(self, segment: Segment) -> dict[str, float]:
        """What each different word adds to the logit; of a pair either word has half.

        Together they stay within the model's reach: beyond it, each adds as much less.
        """
        block, said = segment.block, segment.words
        known = list(map(self._words[block].__getitem__, said))
        words = dict(zip(said, known, strict=True))
        pairs = dict(zip(pair_columns([word.column for word in known], block), pairwise(said), strict=True))
        parts = len(pairs) + sum([word.parts for word in words.values()])
        scale = BLOCKS[block].weight / sqrt(max(1, parts))
        half = scale / 2
        shares = {word: scale * entry.weight for word, entry in words.items()}
        for weight, (one, other) in zip(map(self._weights.item, pairs), pairs.values(), strict=True):
            share = half * weight
            shares[one] += share
            shares[other] += share
        total = sum(shares.values())
        least, most = self._reach[block]
        if least <= total <= most:
            return shares
        part = (least if total < least else most) / total
        return {word: part * share for word, share in shares.items()}


def _weigh(weights: NDArray[np.float16], block: int, word: str) -> Word:
    columns = columns_of(word, block)
    return Word(columns[0], len(columns), sum(map(weights.item, columns)))
