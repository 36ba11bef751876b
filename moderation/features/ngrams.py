"""Hashed word and character n-grams, vectorised.

All fields of one comment or of many are laid side by side in one row of letters, each between spaces. A polynomial hash
over the prefixes of that row, modulo 2**64, gives the hash of any stretch in one subtraction and one multiplication
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
_LOW = np.uint64(2**32 - 1)
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

_PAGE_BITS = np.uint64(COLUMNS.bit_length())
_COLUMN = (_ONE << _PAGE_BITS) - _ONE
_SHIFTS = np.array([64 - block.bits for block in BLOCKS], dtype=np.uint64)
_STARTS = OFFSETS[:-1].astype(np.uint64)
_SALTS = np.arange(1, len(BLOCKS) + 1, dtype=np.uint64) * np.uint64(0xC2B2AE3D27D4EB4F)
_WEIGHTS = np.array([block.weight for block in BLOCKS])
_LONGEST = 5
_SIZES = np.arange(2, _LONGEST + 1)[:, None]


class Segment(NamedTuple):
    """A piece of text to be read as `words` (1- and 2-grams), `grams` (characters 2 to `longest`), or both.

    `words` and `grams` are block numbers, `None` for neither. `matches` are the words of the text, where those are
    known.
    """

    text: str
    words: int | None
    grams: int | None
    longest: int = _LONGEST
    matches: Sequence[re.Match[str]] | None = None


Page = Sequence[Segment]
"""What is read of one comment."""


@dataclass(frozen=True, slots=True)
class Grams:
    """Every n-gram of some pages, and the sparse row that each page makes.

    Row `i` lies at `bounds[i]:bounds[i + 1]` of `columns`, `values`, `blocks` and `counts`. Its `columns` are sorted,
    without repeats; the values are `1 + ln(count)`, each block scaled to the length of its weight. `blocks` is the
    block number of each column, `counts` how often it occurs. `middles` is where in the row of letters the middle of
    each occurrence lies, by column; `np.repeat(…, counts)` brings what is known of columns into that order.
    """

    bounds: NDArray[np.int64]
    columns: NDArray[np.int64]
    values: NDArray[np.float64]
    blocks: NDArray[np.int64]
    counts: NDArray[np.int64]
    middles: NDArray[np.int64]


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


def read(pages: Sequence[Page]) -> Grams:
    """Hashes the pages, at most 2,048 of them; memory is about 500 bytes for each letter."""
    segments = [segment for page in pages for segment in page]
    letters = "".join([f" {segment.text} " for segment in segments])
    codes = np.frombuffer(letters.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    mixed = (codes.astype(np.uint64) + _ONE) * _MIX
    firsts = [number * len(BLOCKS) for number, page in enumerate(pages) for _ in page]
    parts = [*_words(segments, firsts, mixed), _characters(segments, firsts, codes != _SPACE, mixed)]
    return _rows(len(pages), *(np.concatenate(column) for column in zip(*parts, strict=True)))


_Part = tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64]]
"""Hash, middle and slot of some n-grams; the slots are the blocks of the first page, then those of the second …"""


def _words(segments: Sequence[Segment], firsts: Sequence[int], letters: NDArray[np.uint64]) -> list[_Part]:
    """Each word and each pair of neighbours; `firsts` is the first slot of each segment's page."""
    spans: list[int] = []
    counts: list[int] = []
    slots: list[int] = []
    shifts: list[int] = []
    here = 1
    for segment, first in zip(segments, firsts, strict=True):
        if segment.words is not None:
            matches = _WORD.finditer(segment.text) if segment.matches is None else segment.matches
            found = [edge for match in matches for edge in match.span()]
            spans += found
            counts.append(len(found) // 2)
            slots.append(first + segment.words)
            shifts.append(here)
        here += len(segment.text) + 2
    if not spans:
        return []
    number = np.repeat(np.arange(len(counts)), counts)
    starts, ends = np.array(spans).reshape(-1, 2).T + np.array(shifts)[number]
    slot = np.array(slots)[number]
    ones = _stretches(letters, starts, ends)
    together = np.flatnonzero(number[:-1] == number[1:])
    pairs = ones[together] * _PAIR + ones[together + 1]
    return [
        (ones, (starts + ends) // 2, slot),
        (pairs, (starts[together] + ends[together + 1]) // 2, slot[together]),
    ]


def _stretches(letters: NDArray[np.uint64], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.uint64]:
    """The hash of each stretch `letters[start:end]`."""
    size = len(letters)
    powers, inverses = _powers(1 << max(10, size.bit_length()))
    prefix = np.zeros(size + 1, dtype=np.uint64)
    np.cumsum(letters * powers[:size], out=prefix[1:])
    return np.asarray((prefix[ends] - prefix[starts]) * inverses[starts])


def _characters(
    segments: Sequence[Segment], firsts: Sequence[int], solid: NDArray[np.bool_], letters: NDArray[np.uint64]
) -> _Part:
    """Each stretch of 2 to `longest` characters that has no space inside.

    Row `n - 2` of the tables is about the stretches of `n` characters, by where they start; `solid` is all but space.
    """
    size = len(letters)
    lengths = [len(segment.text) + 2 for segment in segments]
    longest = np.repeat([0 if segment.grams is None else segment.longest for segment in segments], lengths)
    slots = np.repeat([first + (segment.grams or 0) for segment, first in zip(segments, firsts, strict=True)], lengths)
    hashes = np.zeros((_LONGEST - 1, size), dtype=np.uint64)
    good = np.zeros((_LONGEST - 1, size), dtype=bool)
    np.logical_or(solid[:-1], solid[1:], out=good[0, :-1])
    before, whole = letters, np.ones(size, dtype=bool)
    for n in range(2, min(_LONGEST, size) + 1):
        last = size - n + 1
        before = before[:last] * _BASE
        before += letters[n - 1 :]
        hashes[n - 2, :last] = before
        if n > 2:
            whole = whole[:last] & solid[n - 2 : size - 1]
            good[n - 2, :last] = whole
    good &= longest >= _SIZES
    at = np.flatnonzero(good)
    row = at // size
    starts = at - row * size
    return hashes.ravel()[at], starts + (row + 2) // 2, slots[starts]


def _rows(pages: int, hashes: NDArray[np.uint64], middles: NDArray[np.int64], slots: NDArray[np.int64]) -> Grams:
    """One sort brings equal n-grams together: page, column and occurrence share 64 bits, 11, 21 and 32 of them."""
    turns = np.arange(pages + 1, dtype=np.uint64) << _PAGE_BITS
    starts = (turns[:-1, None] + _STARTS).ravel()
    mixed = hashes + np.tile(_SALTS, pages)[slots]
    for factor in (_MIX, _BASE):
        mixed ^= mixed >> _HALF
        mixed *= factor
    occurrences = (mixed >> np.tile(_SHIFTS, pages)[slots]) + starts[slots]
    ranked = np.sort((occurrences << _HALF) | np.arange(len(occurrences), dtype=np.uint64))
    order = (ranked & _LOW).astype(np.int64)
    ranked >>= _HALF
    different = np.ones(len(ranked), dtype=bool)
    np.not_equal(ranked[1:], ranked[:-1], out=different[1:])
    edges = np.append(np.flatnonzero(different), len(ranked))
    firsts, counts = edges[:-1], edges[1:] - edges[:-1]
    slot, ranked = slots[order[firsts]], ranked[firsts]
    raw = 1.0 + np.log(counts)
    norms = np.sqrt(np.bincount(slot, weights=raw * raw, minlength=len(starts)))
    values = raw * (np.tile(_WEIGHTS, pages) / np.maximum(norms, 1e-12))[slot]
    return Grams(
        bounds=np.searchsorted(ranked, turns),
        columns=(ranked & _COLUMN).astype(np.int64),
        values=values,
        blocks=slot % len(BLOCKS),
        counts=counts,
        middles=middles[order],
    )
