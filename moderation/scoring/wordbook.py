"""What words weigh by one model."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from moderation.features.ngrams import WORDS, Segment, Word, columns_of, lay_out

REMEMBERED = 1 << 14
"""How many words of texts are remembered, some 5 MB; of any other field an eighth of that."""


@dataclass(slots=True)
class Weight(Word):
    """A word, and what its columns weigh together."""

    weight: float


class Wordbook:
    """Looks words up in the weights of a model, and remembers them: most words of a comment are those of the last."""

    def __init__(self, weights: NDArray[np.float16], reach: NDArray[np.float64]) -> None:
        self._weights = weights
        self._reach = reach.tolist()
        self._looks: dict[int, Callable[[str], Weight]] = {}

    def shares(self, segment: Segment) -> dict[str, float]:
        """What each different word adds to the logit; of a pair either word has half.

        Together they stay within the model's reach: beyond it, each adds as much less.
        """
        layout = lay_out(segment, list(map(self._look(segment.block), segment.words)))
        scale, half = layout.scale, layout.scale / 2
        shares = {word: scale * weight.weight for word, weight in layout.words.items()}
        for weight, (one, other) in zip(map(self._weights.item, layout.pairs), layout.pairs.values(), strict=True):
            share = half * weight
            shares[one] += share
            shares[other] += share
        total = sum(shares.values())
        least, most = self._reach[segment.block]
        if least <= total <= most:
            return shares
        part = (least if total < least else most) / total
        return {word: part * share for word, share in shares.items()}

    def _look(self, block: int) -> Callable[[str], Weight]:
        """What looks up, and remembers, the words of such segments."""
        if block not in self._looks:
            most = REMEMBERED if block == WORDS else REMEMBERED // 8
            self._looks[block] = lru_cache(most)(partial(_weigh, self._weights, block))
        return self._looks[block]


def _weigh(weights: NDArray[np.float16], block: int, word: str) -> Weight:
    columns = columns_of(word, block)
    return Weight(columns[0], len(columns), sum(map(weights.item, columns)))
