"""Word pieces: from the texts of a comment to the numbers that the network reads.

The sequence is `<s> author </s> text links </s>`. The author's part is the first segment, the rest the second. Each
word of a text is split into its likeliest pieces, by the probabilities of a vocabulary (Kudo 2018). SentencePiece does
the same.
"""

import unicodedata
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moderation.reader.inputs import ReaderInput

MAX_TOKENS = 96
"""Tokens of a sequence. The time of a network is nearly proportional to them."""
_MAX_AUTHOR_TOKENS = 24
_MAX_LINK_TOKENS = 16
_SPECIAL_TOKENS = 3
_START, _END, _UNKNOWN = "<s>", "</s>", "<unk>"
SPECIAL_PIECES = frozenset({_START, _END, _UNKNOWN, "<pad>", "<mask>"})
"""Pieces that no text has: a comment may quote their names."""
_BOUNDARY = "\u2581"
"""Begins the first piece of each word."""
_UNKNOWN_PENALTY = 10.0
"""A letter without a piece is as likely as the rarest piece, less this."""
_MAX_WORD_LENGTH = 48
"""Letters that are split at once. A longer word, such as a sentence without spaces, is cut first."""
_CACHED_WORDS = 1 << 13


class Tokens(NamedTuple):
    """The numbers of a sequence, and the length of its first segment."""

    numbers: list[int]
    first_segment: int


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """Word pieces, each at its number, with the logarithms of their probabilities.

    Raises `ValueError` if a piece comes twice, a special one is missing, or the scores are not usable.
    """

    pieces: Sequence[str]
    scores: NDArray[np.float32]

    def __post_init__(self) -> None:
        known = set(self.pieces)
        if len(known) < len(self.pieces) or not {_START, _END, _UNKNOWN} <= known:
            raise ValueError("the vocabulary repeats a word piece, or has no special tokens")
        if self.scores.shape != (len(self.pieces),) or not np.isfinite(self.scores).all():
            raise ValueError("the scores of the vocabulary are not usable")


class ReaderTokenizer:
    """Splits texts into the pieces of a vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        numbers = {piece: number for number, piece in enumerate(vocabulary.pieces)}
        self._start, self._end, self._unknown = (numbers[piece] for piece in (_START, _END, _UNKNOWN))
        self._numbers = {piece: number for piece, number in numbers.items() if piece not in SPECIAL_PIECES}
        # An array: as objects, the scores would take five megabytes of each worker.
        self._scores = array("d", vocabulary.scores.tolist())
        self._longest = max(map(len, self._numbers), default=1)
        self._unknown_score = float(vocabulary.scores.min()) - _UNKNOWN_PENALTY
        self._pieces_of_word = lru_cache(_CACHED_WORDS)(self._split_word)

    def tokenize(self, texts: ReaderInput) -> Tokens:
        """Return the sequence of a comment, of at most `MAX_TOKENS`.

        Of a long text, two thirds are from its front and one third from its end.
        """
        author, text, links = [self._split(part) for part in texts]
        author, links = author[:_MAX_AUTHOR_TOKENS], links[:_MAX_LINK_TOKENS]
        room = MAX_TOKENS - _SPECIAL_TOKENS - len(author) - len(links)
        if len(text) > room:
            front = 2 * room // 3
            text = text[:front] + text[len(text) - (room - front) :]
        return Tokens([self._start, *author, self._end, *text, *links, self._end], len(author) + 2)

    def _split(self, text: str) -> list[int]:
        if not text.isascii():
            text = unicodedata.normalize("NFKC", text)
        return list(chain.from_iterable(map(self._pieces_of_word, _parts(text))))

    def _split_word(self, word: str) -> list[int]:
        """Return the likeliest pieces of a word, by the algorithm of Viterbi (1967)."""
        # For each number of letters: the best score of a split of so many, where its last piece begins, and its number.
        best: list[tuple[float, int, int]] = [(0.0, 0, 0)]
        for end in range(1, len(word) + 1):
            best.append(max(self._last_pieces(word, end, best)))
        numbers: list[int] = []
        end = len(word)
        while end:
            _, end, number = best[end]
            # Letters in a row that have no piece are one unknown piece.
            if number != self._unknown or numbers[-1:] != [self._unknown]:
                numbers.append(number)
        return numbers[::-1]

    def _last_pieces(self, word: str, end: int, best: Sequence[tuple[float, int, int]]) -> list[tuple[float, int, int]]:
        """Return the pieces that may end there, each with the score of the best split that it completes."""
        found = []
        for start in range(max(0, end - self._longest), end):
            number = self._numbers.get(word[start:end])
            if number is not None:
                found.append((best[start][0] + self._scores[number], start, number))
        return found or [(best[end - 1][0] + self._unknown_score, end - 1, self._unknown)]


def _parts(text: str) -> list[str]:
    """Return the words of a text with their boundaries, the long ones cut."""
    words = [_BOUNDARY + word for word in text.split()]
    return [word[start : start + _MAX_WORD_LENGTH] for word in words for start in range(0, len(word), _MAX_WORD_LENGTH)]
