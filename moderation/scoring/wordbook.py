"""What words weigh by one model."""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moderation.features.ngrams import WORDS, Segment, Word, lay_out, read_word

REMEMBERED = 1 << 13
"""How many words of texts are remembered, some 5 MB; of any other field an eighth of that."""


class Weight(NamedTuple):
    """A word, and what its `own` column and those of its `spelling` weigh."""

    word: Word
    own: float
    spelling: float


class Wordbook:
    """Looks words up in the weights of a model, and remembers them: most words of a comment are those of the last."""

    def __init__(self, weights: NDArray[np.float16]) -> None:
        self._weights = weights
        self._looks: dict[tuple[int, int | None], Callable[[str], Weight]] = {}

    def shares(self, segment: Segment) -> dict[str, float]:
        """What each different word adds to the logit; of a pair either word has half."""
        look = self._look(segment)
        weights = {word: look(word) for word in dict.fromkeys(segment.words)}
        layout = lay_out(segment, {word: weight.word for word, weight in weights.items()})
        shares = {
            word: value * (layout.scale * weights[word].own + layout.spelt_scale * weights[word].spelling)
            for word, value in layout.words.items()
        }
        together = self._weights.take(layout.together, mode="clip").tolist()
        half_scale = layout.scale / 2
        for ((one, two), value), weight in zip(layout.pairs.items(), together, strict=True):
            half = value * weight * half_scale
            shares[one] += half
            shares[two] += half
        return shares

    def _look(self, segment: Segment) -> Callable[[str], Weight]:
        """What looks up, and remembers, the words of such segments."""
        kind = segment.block, segment.spelling
        if kind not in self._looks:
            most = REMEMBERED if segment.block == WORDS else REMEMBERED // 8
            self._looks[kind] = lru_cache(most)(partial(_weigh, self._weights, *kind))
        return self._looks[kind]


def _weigh(weights: NDArray[np.float16], block: int, spelling: int | None, word: str) -> Weight:
    entry = read_word(word, block, spelling)
    own, *letters = weights.take([entry.column, *entry.spelling]).tolist()
    return Weight(entry, own, sum(letters))
