"""Hashed words, pairs of words, and spellings.

A comment is read as a few segments, each the words of one field. A word stands for columns that are always the same:
one of its own, and one for each stretch of four letters of its spelling, with a space at either end. What a word adds
to a score can so be worked out once and kept. Two neighbours together have one column more.
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple
from zlib import crc32

URL_MARK = "\ue000"
"""Stands for an address in the text, so that the address itself is read by the link blocks alone."""
TITLE_MARK = "\ue001"
"""Stands for the longer words that the text has in common with the page's title."""

_WORD = re.compile(rf"\w{{1,32}}(?:['\u2019]\w{{1,32}})?|{URL_MARK}")
STRETCH = 4
TURN = 509
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

MASKS = tuple((1 << block.bits) - 1 for block in BLOCKS)
SALTS = tuple(crc32(block.name.encode()) for block in BLOCKS)


class Segment(NamedTuple):
    """The words of one field, in reading order, and the block that has the columns of words and pairs."""

    words: Sequence[str]
    block: int


Page = Sequence[Segment]
"""What is read of one comment."""


def words_of(text: str) -> list[str]:
    """The words of a canonical text, an apostrophe inside included; the URL mark is one, a long row of letters many.

    Lone surrogates are no part of any.
    """
    return _WORD.findall(text)


def own_column(word: str, block: int) -> int:
    """The column of a word by itself in that block."""
    return (crc32(word.encode(), SALTS[block]) & MASKS[block]) + OFFSETS[block]


def columns_of(word: str, block: int) -> list[int]:
    """The columns of a word in that block, its own the first; takes time in proportion to its length."""
    spelling = BLOCKS[block].spelling
    spelt = [] if spelling is None else _spelling(word, spelling)
    return [own_column(word, block), *spelt]


def pair_columns(columns: Sequence[int], block: int) -> list[int]:
    """The column of each pair of neighbours, by their own columns in reading order."""
    mask, offset = MASKS[block], OFFSETS[block]
    return [((one * TURN + other) & mask) + offset for one, other in pairwise(columns)]


def _spelling(word: str, block: int) -> list[int]:
    """The columns of the different stretches of a word."""
    padded, salt, mask, offset = f" {word} ", SALTS[block], MASKS[block], OFFSETS[block]
    stretches = dict.fromkeys([padded[start : start + STRETCH] for start in range(max(1, len(word) - 1))])
    return [(crc32(stretch.encode(), salt) & mask) + offset for stretch in stretches]
