"""The hashed rows of many comments at once: what `ngrams` says of one, as arrays."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from moderation.features.ngrams import BLOCKS, MASKS, OFFSETS, SALTS, STRETCH, TURN, Page, own_column

_WEIGHTS = np.array([block.weight for block in BLOCKS])
_ALL = 0xFFFFFFFF
_STEPS = np.array([~crc32(bytes([byte]), _ALL) & _ALL for byte in range(256)], dtype=np.uint32)
"""How a byte changes the register of CRC-32, by the byte."""

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of so many `pages`, with an entry for each part: a column, its value, and who owns it.

    The owner is `page * len(BLOCKS) + block`, where the block is that of the words which a spelling belongs to.
    A column may repeat in a row; its values then add up.
    """

    pages: int
    owners: Numbers
    columns: Numbers
    values: NDArray[np.float64]

    @property
    def page_of(self) -> Numbers:
        """The number of the page that each entry belongs to."""
        return self.owners // len(BLOCKS)

    def sums(self, weights: NDArray[np.floating]) -> NDArray[np.float64]:
        """What the words of each block add, shape (pages, BLOCKS), by the weights of all columns."""
        shares = weights[self.columns] * self.values
        sums = np.bincount(self.owners, shares, self.pages * len(BLOCKS))
        return sums.reshape(self.pages, len(BLOCKS)).astype(np.float64)


def hash_pages(pages: Sequence[Page]) -> Rows:
    """What each segment says: its different words and pairs, and the stretches of each word.

    However often they occur, parts add the same value to their columns; together they are as long as the weight of the
    block. A page has no more than one segment of a block.
    """
    found: list[list[tuple[int, Sequence[str]]]] = [[] for _ in BLOCKS]
    for page, segments in enumerate(pages):
        for segment in segments:
            found[segment.block].append((page * len(BLOCKS) + segment.block, segment.words))
    parts = [part for block, texts in enumerate(found) if texts for part in _parts(block, *zip(*texts, strict=True))]
    owners = _joined([owners for owners, _ in parts])
    counts = np.bincount(owners)
    values = _WEIGHTS[owners % len(BLOCKS)] / np.sqrt(counts[owners])
    return Rows(len(pages), owners, _joined([columns for _, columns in parts]), values)


def _parts(block: int, owners: Sequence[int], texts: Sequence[Sequence[str]]) -> list[tuple[Numbers, Numbers]]:
    """Owners and columns of all parts of some texts: their words, their pairs, their spellings."""
    said_by = np.repeat(owners, _lengths(texts))
    numbers = {word: number for number, word in enumerate(dict.fromkeys(chain.from_iterable(texts)))}
    said = np.fromiter(map(numbers.__getitem__, chain.from_iterable(texts)), np.int64, len(said_by))
    own = np.array([own_column(word, block) for word in numbers], dtype=np.int64)
    words_of, words = _distinct(said_by, said)
    one, other = said_by[:-1], said_by[1:]
    beside = one == other
    pairs_of, pairs = _distinct(other[beside], (own[said[:-1]] * TURN + own[said[1:]])[beside] & MASKS[block])
    parts = [(words_of, own[words]), (pairs_of, pairs + OFFSETS[block])]
    spelling = BLOCKS[block].spelling
    if spelling is not None:
        stretches, counts = _spellings(list(numbers), spelling)
        places = _runs((np.cumsum(counts) - counts)[words], counts[words])
        parts.append((np.repeat(words_of, counts[words]), stretches[places]))
    return parts


def _spellings(words: Sequence[str], block: int) -> tuple[Numbers, Numbers]:
    """The columns of the different stretches of all words, one word after the other, and how many each word has."""
    spelt = np.frombuffer(f" {' '.join(words)} ".encode(), dtype=np.uint8)
    bounds = np.append(np.flatnonzero(spelt & 0xC0 != 0x80), len(spelt))
    padded = _lengths(words) + 2
    counts = np.maximum(1, padded - STRETCH + 1)
    begins = _runs(np.cumsum(padded - 1) - padded + 1, counts)
    ends = begins + np.repeat(np.minimum(STRETCH, padded), counts)
    hashes = _crc32(spelt, bounds[begins], bounds[ends], SALTS[block])
    words_of, different = _distinct(np.repeat(np.arange(len(words)), counts), hashes)
    return (different & MASKS[block]) + OFFSETS[block], np.bincount(words_of, minlength=len(words))


def _crc32(data: NDArray[np.uint8], begins: Numbers, ends: Numbers, salt: int) -> Numbers:
    """`zlib.crc32(data[begin:end], salt)` of each of them."""
    registers = np.full(len(begins), ~salt & _ALL, dtype=np.uint32)
    lengths = ends - begins
    for step in range(lengths.max(initial=0)):
        byte = data[np.minimum(begins + step, len(data) - 1)]
        moved = _STEPS[(registers ^ byte) & 0xFF] ^ (registers >> 8)
        registers = np.where(step < lengths, moved, registers)
    return (~registers).astype(np.int64)


def _distinct(owners: Numbers, values: Numbers) -> tuple[Numbers, Numbers]:
    """The different pairs of an owner and a value, in order; both are below 2**31.

    `numpy.unique` would take several times as long.
    """
    packed = np.sort(owners << 32 | values)
    packed = packed[np.diff(packed, prepend=-1) != 0]
    return packed >> 32, packed & _ALL


def _runs(firsts: Numbers, counts: Numbers) -> Numbers:
    """For each of them the numbers from `first` on, as many as its count, one after another."""
    return np.arange(counts.sum()) + np.repeat(firsts + counts - np.cumsum(counts), counts)


def _lengths(things: Iterable[Sequence[str]]) -> Numbers:
    return np.fromiter(map(len, things), np.int64)


def _joined(parts: Sequence[Numbers]) -> Numbers:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)
