"""Which texts are alike, and short sketches by which like texts are found without comparing all.

A text is taken as the set of its stretches of five letters, so short texts and languages without spaces need no
rule of their own. How alike two texts are is the Jaccard index of their sets. A sketch is made of the smallest values
of several hashes over the set (MinHash, Broder 1997), cut into bands: two texts share a band with the chance
`alike ** 3` (Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, section 3.4).
"""

import numpy as np
from numpy.typing import NDArray

from moderation.features.normalize import canonical_text

LONGEST = 2_000
"""Code points of a text that are read; whoever stores texts need not hand over more."""
BANDS = 12
"""Of a sketch. Texts that are .7 alike share a band with a chance of 99 %, .5 with 80 %, .3 with 28 %, .1 with 1 %."""

_DEPTH = 3
_STRETCH = 5
_BASE = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xD6E8FEB86659FD93)
_HALF = np.uint64(32)
_FACTORS = np.array([0xA24BAED4963EE407 * (2 * n + 1) % 2**64 | 1 for n in range(BANDS * _DEPTH)], dtype=np.uint64)
_SHIFTS = np.array([0xC2B2AE3D27D4EB4F * (n + 1) % 2**64 for n in range(BANDS * _DEPTH)], dtype=np.uint64)[:, None]
_NUMBERS = np.arange(1, BANDS + 1, dtype=np.uint64) * _MIX


def stretches(text: str) -> frozenset[str]:
    """The set of stretches of the canonical text; at least one, whatever the text is."""
    padded = _padded(text)
    return frozenset([padded[place : place + _STRETCH] for place in range(len(padded) - _STRETCH + 1)])


def alike(one: frozenset[str], other: frozenset[str]) -> float:
    """The share of their stretches that two texts have in common: 0 for none, 1 for all."""
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)


def bands(text: str) -> list[int]:
    """The bands of a text: at most `BANDS` different whole numbers of 64 bits, signed as databases want them."""
    letters = np.frombuffer(_padded(text).encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    last = len(letters) - _STRETCH + 1
    hashed = np.zeros(last, dtype=np.uint64)
    for place in range(_STRETCH):
        hashed = hashed * _BASE + letters[place : place + last]
    smallest = _mixed(np.multiply.outer(_FACTORS, _mixed(hashed)) + _SHIFTS).min(axis=1).reshape(BANDS, _DEPTH)
    values = _NUMBERS
    for column in smallest.T:
        values = _mixed(values + column) * _BASE
    return list(dict.fromkeys(values.view(np.int64).tolist()))


def _padded(text: str) -> str:
    return f" {canonical_text(text[:LONGEST])} ".ljust(_STRETCH)


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    mixed = (values ^ (values >> _HALF)) * _MIX
    return mixed ^ (mixed >> _HALF)
