"""Hashed word and character n-grams, vectorised.

All fields of a comment are laid side by side on one page, each between spaces. A polynomial hash over the
prefixes of the page, modulo 2**64, gives the hash of any stretch in one subtraction and one multiplication
(Karp and Rabin 1987), so every n-gram of every field is hashed by a handful of array operations.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

URL_MARK = "\ue000"
"""Stands for an address in the text, so that the address itself is read by the link blocks alone."""

_WORD = re.compile(rf"\w+(?:['\u2019]\w+)*|{URL_MARK}")
_BASE = np.uint64(0x9E3779B97F4A7C15)
_BASE_INVERSE = np.uint64(pow(0x9E3779B97F4A7C15, -1, 2**64))
_MIX = np.uint64(0xD6E8FEB86659FD93)
_PAIR = np.uint64(0xA24BAED4963EE407)
_HALF = np.uint64(32)
_ONE = np.uint64(1)
_SPACE = 32


class Block(NamedTuple):
    """A family of hashed features with `2**bits` columns and a share of the evidence."""

    name: str
    bits: int
    weight: float


WORDS, CHARS, AUTHOR, ANCHOR, TARGET, URL = range(6)

BLOCKS: tuple[Block, ...] = (
    Block("words", 19, 1.0),
    Block("characters", 19, 1.0),
    Block("author", 16, 0.5),
    Block("anchor", 16, 0.5),
    Block("target", 16, 0.3),
    Block("url", 16, 0.3),
)
OFFSETS: NDArray[np.int64] = np.concatenate([[0], np.cumsum([1 << block.bits for block in BLOCKS])])
COLUMNS = int(OFFSETS[-1])
"""Hashed columns in all."""

_SHIFTS = np.array([64 - block.bits for block in BLOCKS], dtype=np.uint64)
_STARTS = OFFSETS[:-1].astype(np.uint64)
_SALTS = np.arange(1, len(BLOCKS) + 1, dtype=np.uint64) * np.uint64(0xC2B2AE3D27D4EB4F)
_WEIGHTS = np.array([block.weight for block in BLOCKS])
_LONGEST = 5


class Segment(NamedTuple):
    """A piece of text to be read as `words` (1- and 2-grams), `grams` (characters 2 to `longest`), or both.

    `words` and `grams` are block numbers, `None` for neither.
    """

    text: str
    words: int | None
    grams: int | None
    longest: int = _LONGEST


@dataclass(frozen=True, slots=True)
class Grams:
    """Every n-gram of a page, and the sparse row that they make.

    Occurrence `k` lies at `starts[k]:ends[k]` of the page. `columns` is sorted, without repeats; `values` has its
    shape: `1 + ln(count)`, each block scaled to the length of its weight. `blocks` is the block number of each column,
    `counts` how often it occurs. `order` lists the occurrences by column; `np.repeat(…, counts)` brings what is known
    of columns into that order.
    """

    columns: NDArray[np.int64]
    values: NDArray[np.float64]
    blocks: NDArray[np.int64]
    counts: NDArray[np.int64]
    order: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]


@cache
def _powers(size: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Powers of the base and of its inverse, 0 to `size`, modulo 2**64."""
    with np.errstate(over="ignore"):
        ones = np.full(size + 1, _BASE, dtype=np.uint64)
        ones[0] = 1
        inverses = np.full(size + 1, _BASE_INVERSE, dtype=np.uint64)
        inverses[0] = 1
        return np.cumprod(ones, dtype=np.uint64), np.cumprod(inverses, dtype=np.uint64)


def find_words(text: str) -> list[re.Match[str]]:
    """The words of a canonical text, apostrophes inside included; the URL mark counts as one."""
    return list(_WORD.finditer(text))


def read(segments: Sequence[Segment], text_words: Sequence[re.Match[str]]) -> Grams:
    """Hashes the segments; `text_words` are the words of the first one (they are known already)."""
    page = "".join([f" {segment.text} " for segment in segments])
    codes = np.frombuffer(page.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    letters = (codes.astype(np.uint64) + _ONE) * _MIX
    parts = [*_words(segments, text_words, letters), _characters(segments, codes == _SPACE, letters)]
    return _row(parts)


_Part = tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def _segment_starts(segments: Sequence[Segment]) -> list[int]:
    starts, here = [], 0
    for segment in segments:
        starts.append(here)
        here += len(segment.text) + 2
    return starts


def _words(
    segments: Sequence[Segment],
    text_words: Sequence[re.Match[str]],
    letters: NDArray[np.uint64],
) -> list[_Part]:
    """Hash, start, end and block of each word and of each pair of neighbours."""
    spans: list[int] = []
    counts: list[int] = []
    blocks: list[int] = []
    for number, (segment, start) in enumerate(zip(segments, _segment_starts(segments), strict=True)):
        if segment.words is not None:
            matches = text_words if number == 0 else _WORD.finditer(segment.text)
            before = len(spans)
            for match in matches:
                begin, end = match.span()
                spans += (begin + start + 1, end + start + 1)
            counts.append((len(spans) - before) // 2)
            blocks.append(segment.words)
    if not spans:
        return []
    starts, ends = np.array(spans).reshape(-1, 2).T
    block = np.repeat(blocks, counts)
    ones = _stretches(letters, starts, ends)
    together = block[:-1] == block[1:]
    pairs = (ones[:-1] * _PAIR + ones[1:])[together]
    return [(ones, starts, ends, block), (pairs, starts[:-1][together], ends[1:][together], block[:-1][together])]


def _stretches(letters: NDArray[np.uint64], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.uint64]:
    """The hash of each stretch `letters[start:end]`."""
    size = len(letters)
    powers, inverses = _powers(1 << max(10, size.bit_length()))
    prefix = np.zeros(size + 1, dtype=np.uint64)
    np.cumsum(letters * powers[:size], out=prefix[1:])
    return np.asarray((prefix[ends] - prefix[starts]) * inverses[starts])


def _characters(segments: Sequence[Segment], space: NDArray[np.bool_], letters: NDArray[np.uint64]) -> _Part:
    """Hash, start, end and block of each stretch of 2 to `longest` characters that has no space inside."""
    size = len(letters)
    lengths = [len(segment.text) + 2 for segment in segments]
    blocks = np.array([-1 if segment.grams is None else segment.grams for segment in segments])
    longest = np.repeat([0 if segment.grams is None else segment.longest for segment in segments], lengths)
    hashes = np.zeros((_LONGEST - 1, size), dtype=np.uint64)
    good = np.zeros((_LONGEST - 1, size), dtype=bool)
    good[0, :-1] = (longest[:-1] > 1) & ~(space[:-1] & space[1:])
    before, whole = letters, longest > 0
    for n in range(2, _LONGEST + 1):
        last = size - n + 1
        if last <= 0:
            break
        before = before[:last] * _BASE + letters[n - 1 :]
        hashes[n - 2, :last] = before
        if n > 2:
            whole = whole[:last] & ~space[n - 2 : size - 1]
            good[n - 2, :last] = whole & (longest[:last] >= n)
    at = np.flatnonzero(good)
    row, starts = np.divmod(at, size)
    return hashes.ravel()[at], starts, starts + row + 2, np.repeat(blocks, lengths)[starts]


def _row(parts: Sequence[_Part]) -> Grams:
    hashes, starts, ends, block = (np.concatenate(column) for column in zip(*parts, strict=True))
    mixed = hashes + _SALTS[block]
    mixed = (mixed ^ (mixed >> _HALF)) * _MIX
    mixed = (mixed ^ (mixed >> _HALF)) * _BASE
    occurrences = ((mixed >> _SHIFTS[block]) + _STARTS[block]).astype(np.int32)
    order = np.argsort(occurrences)
    ranked = occurrences[order]
    firsts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]])[: len(ranked)])
    columns = ranked[firsts].astype(np.int64)
    counts = np.diff(firsts, append=len(ranked))
    blocks = np.repeat(np.arange(len(BLOCKS)), np.diff(np.searchsorted(columns, OFFSETS)))
    raw = 1.0 + np.log(counts)
    norms = np.sqrt(np.bincount(blocks, weights=raw * raw, minlength=len(BLOCKS)))
    values = raw * (_WEIGHTS / np.maximum(norms, 1e-12))[blocks]
    return Grams(columns, values, blocks, counts, order, starts, ends)
