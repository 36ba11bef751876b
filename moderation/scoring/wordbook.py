"""What words weigh by one model."""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moderation.features.ngrams import WORDS, Segment, count, pair_columns, read_word, scales

_REMEMBERED = 1 << 13
"""Words of texts whose weight is kept, some 4 MB, and eight times as many as of any other field."""


class Weight(NamedTuple):
    """A word with what its own column weighs, and its `spelt` columns together; `letters`, `start` as in `Word`."""

    letters: bytes
    start: int
    own: float
    spelling: float
    spelt: int


class Wordbook:
    """Looks words up in the weights of a model, and remembers them: most words of a comment are those of the last."""

    def __init__(self, weights: NDArray[np.float16]) -> None:
        self._weights = weights
        self._looks: dict[tuple[int, int | None], Callable[[str], Weight]] = {}

    def shares(self, segment: Segment) -> dict[str, float]:
        """What each different word adds to the logit; of a pair either word has half."""
        counts = count(segment)
        weights = dict(zip(counts.words, map(self._look(segment), counts.words), strict=True))
        scale, spelt_scale = scales(segment, counts, [weight.spelt for weight in weights.values()])
        shares = {
            word: value * (scale * weight.own + spelt_scale * weight.spelling)
            for (word, value), weight in zip(counts.words.items(), weights.values(), strict=True)
        }
        together = self._weights.take(pair_columns(counts.pairs, weights, segment.block), mode="clip").tolist()
        half_scale = scale / 2
        for ((one, two), value), weight in zip(counts.pairs.items(), together, strict=True):
            half = value * weight * half_scale
            shares[one] += half
            shares[two] += half
        return shares

    def _look(self, segment: Segment) -> Callable[[str], Weight]:
        """What looks up, and remembers, the words of such segments."""
        kind = segment.block, segment.spelling
        if kind not in self._looks:
            size = _REMEMBERED if segment.block == WORDS else _REMEMBERED // 8
            self._looks[kind] = lru_cache(size)(partial(self._weight, *kind))
        return self._looks[kind]

    def _weight(self, block: int, spelling: int | None, word: str) -> Weight:
        entry = read_word(word, block, spelling)
        own, *letters = self._weights.take([entry.column, *entry.spelling]).tolist()
        return Weight(entry.letters, entry.start, own, sum(letters), len(letters))
