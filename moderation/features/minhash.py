"""Similarity of texts, and MinHash bands that find similar texts without comparing all of them.

A text is the set of its shingles of five letters, so short texts and languages without spaces need no special case. The
similarity of two texts is the Jaccard index of their sets. MinHash keeps the smallest values of several hash functions
over a set (Broder 1997) and cuts them into bands. Two texts share a band with probability `jaccard ** 3` (Leskovec,
Rajaraman and Ullman, Mining of Massive Datasets, section 3.4).
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from moderation.features.normalize import normalized

MAX_TEXT_LENGTH = 2_000
"""Code points that are read of a text. A caller need not pass more."""
N_BANDS = 12
"""Two texts share at least one band with probability 99 % at similarity .7, 80 % at .5, 28 % at .3 and 1 % at .1."""

_CACHED_TEXTS = 512
"""Texts whose shingles are kept, in at most some megabytes: a list is read again after each decision."""
_ROWS_PER_BAND = 3
_SHINGLE_SIZE = 5
_ROLLING_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_MIX_MULTIPLIER = np.uint64(0xD6E8FEB86659FD93)
_HALF_BITS = np.uint64(32)
_HASH_MULTIPLIERS = np.array(
    [0xA24BAED4963EE407 * (2 * n + 1) % 2**64 | 1 for n in range(N_BANDS * _ROWS_PER_BAND)], dtype=np.uint64
)
_HASH_INCREMENTS = np.array(
    [0xC2B2AE3D27D4EB4F * (n + 1) % 2**64 for n in range(N_BANDS * _ROWS_PER_BAND)], dtype=np.uint64
)[:, None]
_BAND_SEEDS = np.arange(1, N_BANDS + 1, dtype=np.uint64) * _MIX_MULTIPLIER


def shingles(text: str) -> NDArray[np.uint64]:
    """Return the set of the runs of five letters in the canonical text, at least one even for an empty text.

    Returns
    -------
    uint64 array of shape (shingles,)
        Their hashes in ascending order.
    """
    return _unique_shingles(text[:MAX_TEXT_LENGTH])


@lru_cache(_CACHED_TEXTS)
def _unique_shingles(beginning: str) -> NDArray[np.uint64]:
    return np.unique(shingle_hashes(_pad(beginning)))


def jaccard(left: NDArray[np.uint64], right: NDArray[np.uint64]) -> float:
    """Return the Jaccard index of two sets of shingles.

    Parameters
    ----------
    left, right : uint64 arrays
        As `shingles` returns them.

    Returns
    -------
    float
        Size of the intersection by size of the union: 0 for disjoint sets, 1 for equal ones.
    """
    shared = len(np.intersect1d(left, right, assume_unique=True))
    return shared / (len(left) + len(right) - shared)


def lsh_bands(text: str) -> list[int]:
    """Return the bands of a text for locality-sensitive hashing.

    Returns
    -------
    list of int
        One to `N_BANDS` different integers of 64 bits, signed as databases store them.
    """
    hash_functions = _mix_bits(np.multiply.outer(_HASH_MULTIPLIERS, shingle_hashes(_pad(text))) + _HASH_INCREMENTS)
    minima = hash_functions.min(axis=1).reshape(N_BANDS, _ROWS_PER_BAND)
    bands = _BAND_SEEDS
    for column in minima.T:
        bands = _mix_bits(bands + column) * _ROLLING_MULTIPLIER
    return list(dict.fromkeys(bands.view(np.int64).tolist()))


def shingle_hashes(text: str) -> NDArray[np.uint64]:
    """Return a hash of 64 bits for each run of five letters of a text, in reading order; one for a shorter text."""
    encoded = text.ljust(_SHINGLE_SIZE).encode("utf-32-le", "surrogatepass")
    letters = np.frombuffer(encoded, dtype=np.uint32).astype(np.uint64)
    n_shingles = len(letters) - _SHINGLE_SIZE + 1
    hashes = np.zeros(n_shingles, dtype=np.uint64)
    for start in range(_SHINGLE_SIZE):
        hashes = hashes * _ROLLING_MULTIPLIER + letters[start : start + n_shingles]
    return _mix_bits(hashes)


def _pad(text: str) -> str:
    return f" {normalized(text[:MAX_TEXT_LENGTH])} ".ljust(_SHINGLE_SIZE)


def _mix_bits(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    mixed = (values ^ (values >> _HALF_BITS)) * _MIX_MULTIPLIER
    return mixed ^ (mixed >> _HALF_BITS)
