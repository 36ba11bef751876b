"""Hashed words, pairs of words, and spellings.

A comment is read as a few segments, each the words of one field. A word stands for columns that are always the same:
one of its own, and one for each stretch of four letters of its spelling, with a space at either end. What a word adds
to a score can so be worked out once and kept. Two neighbours together have one column more.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from math import sqrt
from typing import Generic, NamedTuple, TypeVar
from zlib import crc32

URL_MARK = "\ue000"
"""Stands for an address in the text, so that the address itself is read by the link blocks alone."""
TITLE_MARK = "\ue001"
"""Stands for the longer words that the text has in common with the page's title."""

_WORD = re.compile(rf"\w{{1,32}}(?:['\u2019]\w{{1,32}})?|{URL_MARK}")
_STRETCH = 4
_TURN = 509
"""A prime: the first word of a pair counts so many times, so that either order has a column of its own."""


class Block(NamedTuple):
    """A family of hashed features with `2**bits` columns; `weight` is how long the row of a segment is.

    `spelling` is the block that has the spellings of its words, which count as parts of the same row; `None` where
    these are not read.
    """

    name: str
    bits: int
    weight: float
    spelling: int | None


WORDS, SPELLINGS, AUTHOR, ANCHOR, TARGET, URL = range(6)

BLOCKS: tuple[Block, ...] = (
    Block("words", 19, 1.4, SPELLINGS),
    Block("spellings", 19, 1.4, None),
    Block("author", 16, 0.5, AUTHOR),
    Block("anchor", 16, 0.5, ANCHOR),
    Block("target", 16, 0.3, None),
    Block("url", 16, 0.3, URL),
)
OFFSETS: tuple[int, ...] = tuple(sum(1 << block.bits for block in BLOCKS[:number]) for number in range(len(BLOCKS) + 1))
COLUMNS = OFFSETS[-1]
"""Hashed columns in all."""

_MASKS = tuple((1 << block.bits) - 1 for block in BLOCKS)
_SALTS = tuple(crc32(block.name.encode()) for block in BLOCKS)


class Segment(NamedTuple):
    """The words of one field, in reading order, and the block that has the columns of words and pairs."""

    words: Sequence[str]
    block: int


Page = Sequence[Segment]
"""What is read of one comment."""


@dataclass(slots=True)
class Word:
    """A word as a segment counts it: its own column, and how many it has with those of its spelling.

    Shared by threads and never changed; freezing it would cost every new word some time.
    """

    column: int
    parts: int


@dataclass(slots=True)
class SpeltWord(Word):
    """A word with all of its columns, its own the first."""

    columns: tuple[int, ...]


Entry = TypeVar("Entry", bound=Word)


class Layout(NamedTuple, Generic[Entry]):
    """How a segment counts: its different words, and the columns of its pairs, each with its two words.

    However often they occur, words and pairs add `scale` to each of their columns; together they are then as long as
    the weight of their block.
    """

    words: dict[str, Entry]
    pairs: dict[int, tuple[str, str]]
    scale: float


def find_words(text: str) -> list[re.Match[str]]:
    """The words of a canonical text, an apostrophe inside included; the URL mark is one, a long row of letters many."""
    return list(_WORD.finditer(text))


def words_of(text: str) -> list[str]:
    """The same, without their places."""
    return _WORD.findall(text)


def read_word(word: str, block: int) -> SpeltWord:
    """What a word is in that block; takes time in proportion to its length."""
    columns = columns_of(word, block)
    return SpeltWord(columns[0], len(columns), columns)


def columns_of(word: str, block: int) -> tuple[int, ...]:
    """The columns of a word in that block, its own the first; takes time in proportion to its length."""
    own = crc32(word.encode("utf-8", "surrogatepass"), _SALTS[block])
    spelling = BLOCKS[block].spelling
    spelt = [] if spelling is None else _spelling(word, spelling)
    return (own & _MASKS[block]) + OFFSETS[block], *spelt


def lay_out(segment: Segment, entries: Sequence[Entry]) -> Layout[Entry]:
    """Counts the words and pairs of a segment; `entries` has what each of its words is read as."""
    mask, offset = _MASKS[segment.block], OFFSETS[segment.block]
    words = dict(zip(segment.words, entries, strict=True))
    columns = [((one.column * _TURN + other.column) & mask) + offset for one, other in pairwise(entries)]
    pairs = dict(zip(columns, pairwise(segment.words), strict=True))
    parts = len(pairs) + sum([entry.parts for entry in words.values()])
    return Layout(words, pairs, BLOCKS[segment.block].weight / sqrt(max(1, parts)))


def hash_page(page: Page, read: Callable[[str, int], SpeltWord] = read_word) -> tuple[list[int], list[float]]:
    """The hashed row of a comment: columns, which may repeat and then add up, and their values.

    `read` is `read_word`, or remembers what that gave.
    """
    columns: list[int] = []
    values: list[float] = []
    for segment in page:
        layout = lay_out(segment, [read(word, segment.block) for word in segment.words])
        here = list(chain(layout.pairs, *[entry.columns for entry in layout.words.values()]))
        columns += here
        values += [layout.scale] * len(here)
    return columns, values


def _spelling(word: str, block: int) -> list[int]:
    """The columns of the different stretches of a word."""
    padded, salt, mask, offset = f" {word} ", _SALTS[block], _MASKS[block], OFFSETS[block]
    stretches = dict.fromkeys([padded[start : start + _STRETCH] for start in range(max(1, len(word) - 1))])
    return [(crc32(stretch.encode("utf-8", "surrogatepass"), salt) & mask) + offset for stretch in stretches]
