"""Hashed words, pairs of words, and spellings.

A comment is read as a few segments, each the words of one field. A word stands for columns that are always the same:
one of its own, and one for each stretch of four letters of its spelling, with a space at either end. What a word adds
to a score can so be worked out once and kept. Two neighbours together have one column more.
"""

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from itertools import pairwise
from math import log, sqrt
from typing import NamedTuple, Protocol, TypeVar
from zlib import crc32

URL_MARK = "\ue000"
"""Stands for an address in the text, so that the address itself is read by the link blocks alone."""
TITLE_MARK = "\ue001"
"""Stands for the longer words that the text has in common with the page's title."""

_WORD = re.compile(rf"\w{{1,32}}(?:['\u2019]\w{{1,32}})?|{URL_MARK}")
_BYTES = 4
"""Of one letter in UTF-32, in which every letter is as long."""
_STRETCH = 4 * _BYTES

_Part = TypeVar("_Part", bound=Hashable)


class Block(NamedTuple):
    """A family of hashed features with `2**bits` columns and a share of the evidence."""

    name: str
    bits: int
    weight: float


WORDS, SPELLINGS, AUTHOR, ANCHOR, TARGET, URL = range(6)

BLOCKS: tuple[Block, ...] = (
    Block("words", 19, 1.0),
    Block("spellings", 19, 1.0),
    Block("author", 16, 0.5),
    Block("anchor", 16, 0.5),
    Block("target", 16, 0.3),
    Block("url", 16, 0.3),
)
OFFSETS: tuple[int, ...] = tuple(sum(1 << block.bits for block in BLOCKS[:number]) for number in range(len(BLOCKS) + 1))
COLUMNS = OFFSETS[-1]
"""Hashed columns in all."""

_MASKS = tuple((1 << block.bits) - 1 for block in BLOCKS)
_SALTS = tuple(crc32(block.name.encode()) for block in BLOCKS)


class Segment(NamedTuple):
    """The words of one field, in reading order.

    `block` has the columns of words and pairs, `spelling` those of spellings; it is `None` where these are not read.
    """

    words: Sequence[str]
    block: int
    spelling: int | None


Page = Sequence[Segment]
"""What is read of one comment."""


class Word(NamedTuple):
    """A word as a segment reads it: its own column, and the columns of its spelling.

    `letters` are the word in UTF-8, `start` is the checksum of the word and a space, from which its pairs go on.
    """

    letters: bytes
    start: int
    column: int
    spelling: list[int]


class Hashed(Protocol):
    """What pairs need to know of their words, as in `Word`."""

    @property
    def letters(self) -> bytes:
        """The word in UTF-8."""

    @property
    def start(self) -> int:
        """The checksum of the word and a space."""


class Counts(NamedTuple):
    """What a segment holds: each different word and pair, with `1 + ln` of how often it occurs."""

    words: dict[str, float]
    pairs: dict[tuple[str, str], float]


def find_words(text: str) -> list[re.Match[str]]:
    """The words of a canonical text, an apostrophe inside included; the URL mark is one, a long row of letters many."""
    return list(_WORD.finditer(text))


def words_of(text: str) -> list[str]:
    """The same, without their places."""
    return _WORD.findall(text)


def read_word(word: str, block: int, spelling: int | None) -> Word:
    """The columns of a word in those blocks; takes time in proportion to its length."""
    letters = word.encode("utf-8", "surrogatepass")
    salt = _SALTS[block]
    spelt = [] if spelling is None else _spelling(word, spelling)
    return Word(letters, crc32(b" ", crc32(letters, salt)), _column(crc32(letters, salt), block), spelt)


def pair_columns(pairs: Iterable[tuple[str, str]], words: Mapping[str, Hashed], block: int) -> list[int]:
    """The column of each pair of those words."""
    mask, offset = _MASKS[block], OFFSETS[block]
    return [(crc32(words[second].letters, words[first].start) & mask) + offset for first, second in pairs]


def count(segment: Segment) -> Counts:
    """Counts the words and pairs of a segment."""
    return Counts(_damped(segment.words), _damped(pairwise(segment.words)))


def scales(segment: Segment, counts: Counts, spelt: Sequence[int]) -> tuple[float, float]:
    """What a count is worth: in the column of a word or pair, and in each column of a spelling.

    The columns of a block together are as long as its weight, those that two words share counted for each; `spelt` is
    how many columns the spelling of each word has.
    """
    whole = sum([value * value for value in counts.words.values()])
    whole += sum([value * value for value in counts.pairs.values()])
    letters = sum([value * value * columns for value, columns in zip(counts.words.values(), spelt, strict=True)])
    if segment.spelling is None or segment.spelling == segment.block:
        scale = BLOCKS[segment.block].weight / sqrt(max(1.0, whole + letters))
        return scale, scale
    return BLOCKS[segment.block].weight / sqrt(max(1.0, whole)), BLOCKS[segment.spelling].weight / sqrt(
        max(1.0, letters)
    )


def hash_page(page: Page, read: Callable[[str, int, int | None], Word] = read_word) -> tuple[list[int], list[float]]:
    """The hashed row of a comment: columns, which may repeat and then add up, and their values.

    `read` is `read_word`, or remembers what that gave.
    """
    columns: list[int] = []
    values: list[float] = []
    for segment in page:
        counts = count(segment)
        words = {word: read(word, segment.block, segment.spelling) for word in counts.words}
        scale, spelt_scale = scales(segment, counts, [len(entry.spelling) for entry in words.values()])
        for word, value in counts.words.items():
            entry = words[word]
            columns += (entry.column, *entry.spelling)
            values += (value * scale, *[value * spelt_scale] * len(entry.spelling))
        columns += pair_columns(counts.pairs, words, segment.block)
        values += [value * scale for value in counts.pairs.values()]
    return columns, values


def _damped(parts: Iterable[_Part]) -> dict[_Part, float]:
    return {part: 1.0 + log(times) if times > 1 else 1.0 for part, times in Counter(parts).items()}


def _spelling(word: str, block: int) -> list[int]:
    padded = f" {word} ".encode("utf-32-le", "surrogatepass")
    salt, mask, offset = _SALTS[block], _MASKS[block], OFFSETS[block]
    starts = range(0, max(1, len(padded) - _STRETCH + 1), _BYTES)
    return [(crc32(padded[start : start + _STRETCH], salt) & mask) + offset for start in starts]


def _column(checksum: int, block: int) -> int:
    return (checksum & _MASKS[block]) + OFFSETS[block]
