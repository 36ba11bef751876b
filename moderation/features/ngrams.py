"""Hashed words, pairs of words, and spellings.

A comment is read as a few segments, each the words of one field. A word stands for columns that are always the same:
one of its own, and one for each stretch of four letters of its spelling, with a space at either end. What a word adds
to a score can so be worked out once and kept. Two neighbours together have one column more.
"""

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from math import log, sqrt
from typing import Generic, NamedTuple, TypeVar
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


@dataclass(slots=True)
class Word:
    """A word as a segment reads it: its own column, and the columns of its spelling.

    `letters` are the word in UTF-8, `start` is the checksum of the word and a space, from which its pairs go on.
    Shared by threads and never changed; freezing it would cost every new word some time.
    """

    letters: bytes
    start: int
    column: int
    spelling: tuple[int, ...]


Entry = TypeVar("Entry", bound=Word)


class Layout(NamedTuple, Generic[Entry]):
    """How a segment counts: its different words and pairs, these with their columns, and what each adds to its columns.

    A part that occurs n times counts `1 + ln n`; `words_again` and `pairs_again` hold `ln n` where n is above 1.
    A word or pair adds that times `scale` to its column, and a word that times `spelt_scale` to each of its spelling.
    Each block is then as long as its weight.
    """

    words: dict[str, Entry]
    words_again: dict[str, float]
    pairs: dict[tuple[str, str], int]
    pairs_again: dict[tuple[str, str], float]
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
    return Word(letters, crc32(b" ", own), (own & _MASKS[block]) + OFFSETS[block], spelt)


def lay_out(segment: Segment, entries: Sequence[Entry]) -> Layout[Entry]:
    """Counts the words and pairs of a segment; `entries` has what each of its words is read as."""
    words = dict(zip(segment.words, entries, strict=True))
    words_again = _again(segment.words) if len(words) < len(entries) else {}
    mask, offset = _MASKS[segment.block], OFFSETS[segment.block]
    starts = [entry.start for entry in entries[:-1]]
    checksums = map(crc32, [entry.letters for entry in entries[1:]], starts)
    pairs = dict(zip(pairwise(segment.words), [(checksum & mask) + offset for checksum in checksums], strict=True))
    pairs_again = _again(pairwise(segment.words)) if len(pairs) < len(entries) - 1 else {}

    whole = [entry.column for entry in words.values()]
    whole += pairs.values()
    spelt = list(chain.from_iterable([entry.spelling for entry in words.values()]))
    again = [(words[word].column, more) for word, more in words_again.items()]
    again += [(pairs[pair], more) for pair, more in pairs_again.items()]
    spelt_again = [(column, more) for word, more in words_again.items() for column in words[word].spelling]
    if segment.spelling == segment.block:
        scale = spelt_scale = _scale(segment.block, whole + spelt, again + spelt_again)
    else:
        scale = _scale(segment.block, whole, again)
        spelt_scale = 0.0 if segment.spelling is None else _scale(segment.spelling, spelt, spelt_again)
    return Layout(words, words_again, pairs, pairs_again, scale, spelt_scale)


def hash_page(page: Page, read: Callable[[str, int, int | None], Word] = read_word) -> tuple[list[int], list[float]]:
    """The hashed row of a comment: columns, which may repeat and then add up, and their values.

    `read` is `read_word`, or remembers what that gave.
    """
    columns: list[int] = []
    values: list[float] = []
    for segment in page:
        layout = lay_out(segment, [read(word, segment.block, segment.spelling) for word in segment.words])
        for word, entry in layout.words.items():
            value = 1.0 + layout.words_again.get(word, 0.0)
            columns += (entry.column, *entry.spelling)
            values += (value * layout.scale, *[value * layout.spelt_scale] * len(entry.spelling))
        columns += layout.pairs.values()
        values += [(1.0 + layout.pairs_again.get(pair, 0.0)) * layout.scale for pair in layout.pairs]
    return columns, values


def _again(parts: Iterable[_Part]) -> dict[_Part, float]:
    return {part: log(times) for part, times in Counter(parts).items() if times > 1}


def _scale(block: int, columns: Iterable[int], again: Iterable[tuple[int, float]]) -> float:
    """What makes ones in those columns, and what comes `again` on top, as long as the block's weight."""
    sums: dict[int, float] = dict(Counter(columns))
    for column, more in again:
        sums[column] += more
    return BLOCKS[block].weight / sqrt(max(1.0, sum([value * value for value in sums.values()])))


def _spelling(word: str, block: int) -> tuple[int, ...]:
    padded = f" {word} ".encode("utf-32-le", "surrogatepass")
    salt, mask, offset = _SALTS[block], _MASKS[block], OFFSETS[block]
    starts = range(0, max(1, len(padded) - _STRETCH + 1), _BYTES)
    return tuple([(crc32(padded[start : start + _STRETCH], salt) & mask) + offset for start in starts])
