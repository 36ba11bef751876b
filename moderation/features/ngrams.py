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
from typing import NamedTuple, TypeVar
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
    spelling: tuple[int, ...]


class Layout(NamedTuple):
    """How a segment counts: `words` and `pairs` hold `1 + ln` of how often each occurs, `together` the pairs' columns.

    A word or pair adds that times `scale` to its column, and a word that times `spelt_scale` to each of its spelling.
    Each block is then as long as its weight.
    """

    words: dict[str, float]
    pairs: dict[tuple[str, str], float]
    together: list[int]
    scale: float
    spelt_scale: float


def find_words(text: str) -> list[re.Match[str]]:
    """The words of a canonical text, an apostrophe inside included; the URL mark is one, a long row of letters many."""
    return list(_WORD.finditer(text))


def words_of(text: str) -> list[str]:
    """The same, without their places."""
    return _WORD.findall(text)


def read_word(word: str, block: int, spelling: int | None) -> Word:
    """The columns of a word in those blocks; takes time in proportion to its length."""
    letters = word.encode("utf-8", "surrogatepass")
    own = crc32(letters, _SALTS[block])
    spelt = () if spelling is None else _spelling(word, spelling)
    return Word(letters, crc32(b" ", own), _column(own, block), spelt)


def lay_out(segment: Segment, words: Mapping[str, Word]) -> Layout:
    """Counts the words and pairs of a segment; `words` knows each of its words."""
    counts, pairs = _damped(segment.words), _damped(pairwise(segment.words))
    mask, offset = _MASKS[segment.block], OFFSETS[segment.block]
    together = [(crc32(words[second].letters, words[first].start) & mask) + offset for first, second in pairs]
    whole: dict[int, float] = {}
    spelt: dict[int, float] = whole if segment.spelling == segment.block else {}
    for word, value in counts.items():
        _add(whole, (words[word].column,), value)
    for column, value in zip(together, pairs.values(), strict=True):
        _add(whole, (column,), value)
    for word, value in counts.items():
        _add(spelt, words[word].spelling, value)
    scale = _scale(segment.block, whole)
    spelt_scale = scale if segment.spelling is None else _scale(segment.spelling, spelt)
    return Layout(counts, pairs, together, scale, spelt_scale)


def hash_page(page: Page, read: Callable[[str, int, int | None], Word] = read_word) -> tuple[list[int], list[float]]:
    """The hashed row of a comment: columns, which may repeat and then add up, and their values.

    `read` is `read_word`, or remembers what that gave.
    """
    columns: list[int] = []
    values: list[float] = []
    for segment in page:
        words = {word: read(word, segment.block, segment.spelling) for word in segment.words}
        layout = lay_out(segment, words)
        for word, value in layout.words.items():
            entry = words[word]
            columns += (entry.column, *entry.spelling)
            values += (value * layout.scale, *[value * layout.spelt_scale] * len(entry.spelling))
        columns += layout.together
        values += [value * layout.scale for value in layout.pairs.values()]
    return columns, values


def _add(sums: dict[int, float], columns: Iterable[int], value: float) -> None:
    for column in columns:
        sums[column] = sums.get(column, 0.0) + value


def _scale(block: int, sums: Mapping[int, float]) -> float:
    """What makes those columns as long as the block's weight."""
    return BLOCKS[block].weight / sqrt(max(1.0, sum([value * value for value in sums.values()])))


def _damped(parts: Iterable[_Part]) -> dict[_Part, float]:
    return {part: 1.0 + log(times) if times > 1 else 1.0 for part, times in Counter(parts).items()}


def _spelling(word: str, block: int) -> tuple[int, ...]:
    padded = f" {word} ".encode("utf-32-le", "surrogatepass")
    salt, mask, offset = _SALTS[block], _MASKS[block], OFFSETS[block]
    starts = range(0, max(1, len(padded) - _STRETCH + 1), _BYTES)
    return tuple([(crc32(padded[start : start + _STRETCH], salt) & mask) + offset for start in starts])


def _column(checksum: int, block: int) -> int:
    return (checksum & _MASKS[block]) + OFFSETS[block]
