"""Word pieces: from the texts of a comment to the numbers that the network reads.

The sequence is `[CLS] author [SEP] text links [SEP]`. The author's part is the first segment, the rest the second, as
in BERT's pairs of sentences (Devlin et al. 2019). Words are split as for its uncased models, but for symbols, which are
words here.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from moderation.reader.inputs import ReaderInput

MAX_TOKENS = 96
"""Tokens of a sequence. The time of a network is nearly proportional to them."""
_MAX_AUTHOR_TOKENS = 24
_MAX_LINK_TOKENS = 16
_SPECIAL_TOKENS = 3
_CLASS, _SEPARATOR, _UNKNOWN = "[CLS]", "[SEP]", "[UNK]"
_CONTINUED = "##"
_WORD = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|[^\\W_]+?(?=[\u3400-\u9fff]|\\b|_)|[^\\w\\s]|_")
_MARK = "Mn"
_MAX_WORD_LENGTH = 100
_CACHED_WORDS = 1 << 14


class Tokens(NamedTuple):
    """The numbers of a sequence, and the length of its first segment."""

    numbers: list[int]
    first_segment: int


class ReaderTokenizer:
    """Splits texts into the word pieces of a vocabulary. Raises `ValueError` for a vocabulary without special tokens.

    Parameters
    ----------
    vocabulary : sequence of str
        The word pieces of an uncased BERT model, each at its number.
    """

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self._numbers = {piece: number for number, piece in enumerate(vocabulary)}
        if len(self._numbers) < len(vocabulary) or not {_CLASS, _SEPARATOR, _UNKNOWN} <= self._numbers.keys():
            raise ValueError("the vocabulary repeats a word piece, or has no special tokens")
        self._pieces_of_word = lru_cache(_CACHED_WORDS)(self._split_word)

    def tokenize(self, texts: ReaderInput) -> Tokens:
        """Return the sequence of a comment, of at most `MAX_TOKENS`.

        Of a long text, two thirds are from its front and one third from its end.
        """
        author, text, links = [self._pieces(part) for part in texts]
        author, links = author[:_MAX_AUTHOR_TOKENS], links[:_MAX_LINK_TOKENS]
        room = MAX_TOKENS - _SPECIAL_TOKENS - len(author) - len(links)
        if len(text) > room:
            front = 2 * room // 3
            text = text[:front] + text[len(text) - (room - front) :]
        first, separator = self._numbers[_CLASS], self._numbers[_SEPARATOR]
        return Tokens([first, *author, separator, *text, *links, separator], len(author) + 2)

    def _pieces(self, text: str) -> list[int]:
        if not text.isascii():
            text = "".join([char for char in unicodedata.normalize("NFD", text) if unicodedata.category(char) != _MARK])
        return list(chain.from_iterable(map(self._pieces_of_word, _WORD.findall(text.lower()))))

    def _split_word(self, word: str) -> list[int]:
        """Return the longest pieces that a word consists of, from its front on (Wu et al. 2016)."""
        unknown = [self._numbers[_UNKNOWN]]
        if len(word) > _MAX_WORD_LENGTH:
            return unknown
        pieces, start = [], 0
        while start < len(word):
            prefix = _CONTINUED if start else ""
            ends = range(len(word), start, -1)
            found = next((end for end in ends if prefix + word[start:end] in self._numbers), None)
            if found is None:
                return unknown
            pieces.append(self._numbers[prefix + word[start:found]])
            start = found
        return pieces
