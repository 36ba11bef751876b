"""What words weigh by one model."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from moderation.features.ngrams import WORDS, Segment, Word, lay_out, read_word

REMEMBERED = 1 << 13
"""How many words of texts are remembered, some 5 MB; of any other field an eighth of that."""


@dataclass(slots=True)
class Weight(Word):
    """A word: `own` is what its column weighs, `spelt` what those of its spelling weigh together."""

    own: float
    spelt: float


class Wordbook:
    """Looks words up in the weights of a model, and remembers them: most words of a comment are those of the last."""

    def __init__(self, weights: NDArray[np.float16]) -> None:
        self._weights = weights
        self._looks: dict[tuple[int, int | None], Callable[[str], Weight]] = {}

    def shares(self, segment: Segment) -> dict[str, float]:
        """What each different word adds to the logit; of a pair either word has half."""
        layout = lay_out(segment, list(map(self._look(segment), segment.words)))
        scale, spelt_scale, half = layout.scale, layout.spelt_scale, layout.scale / 2
        shares = {word: scale * weight.own + spelt_scale * weight.spelt for word, weight in layout.words.items()}
        for word, more in layout.words_again.items():
            shares[word] += more * shares[word]
        pairs = dict(zip(layout.pairs, map(self._weights.item, layout.pairs.values()), strict=True))
        for pair, more in layout.pairs_again.items():
            pairs[pair] += more * pairs[pair]
        for (one, two), weight in pairs.items():
            share = half * weight
            shares[one] += share
            shares[two] += share
        return shares

    def _look(self, segment: Segment) -> Callable[[str], Weight]:
        """What looks up, and remembers, the words of such segments."""
        kind = segment.block, segment.spelling
        if kind not in self._looks:
            most = REMEMBERED if segment.block == WORDS else REMEMBERED // 8
            self._looks[kind] = lru_cache(most)(partial(_weigh, self._weights, *kind))
        return self._looks[kind]


def _weigh(weights: NDArray[np.float16], block: int, spelling: int | None, word: str) -> Weight:
    read = read_word(word, block, spelling)
    spelt = sum(map(weights.item, read.spelling))
    return Weight(read.letters, read.start, read.column, read.spelling, weights.item(read.column), spelt)
