"""Campaigns among held comments: groups of comments that share a trait, found from the keys of their traits.

A campaign is one trait, not all comments that a chain of traits connects: a chain joins strangers, and no sentence can
say why they stand together.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MIN_SIZE = 2
"""Comments of the smallest campaign."""

MAX_LOGIT_BELOW = 2.0
"""Difference from the median of a campaign's logits below which a comment looks like ham: its odds are a seventh."""

_KEY = np.dtype(">i8")


def unpack_keys(packed: bytes) -> list[int]:
    """Return the keys of one comment."""
    keys: list[int] = np.frombuffer(packed, _KEY).tolist()
    return keys


def look_like_ham(logits: Sequence[float]) -> list[bool]:
    """Return which comments of a campaign score so far below their median that they may not belong to it."""
    below: list[bool] = (np.array(logits) < np.median(logits) - MAX_LOGIT_BELOW).tolist() if logits else []
    return below


class FoundCampaign(NamedTuple):
    """The key of a trait and the places of the comments with it, in the order in which they were given."""

    key: int
    places: NDArray[np.int64]


class TraitKeys:
    """The keys of some comments, 8 bytes each and packed as they are stored."""

    def __init__(self, packed: Sequence[bytes]) -> None:
        lengths = np.fromiter((len(keys) // _KEY.itemsize for keys in packed), dtype=np.int64, count=len(packed))
        self._places = np.repeat(np.arange(len(packed), dtype=np.int64), lengths)
        self._keys = np.frombuffer(b"".join(packed), _KEY).astype(np.int64)

    def places(self, key: int) -> NDArray[np.int64]:
        """Return the places of the comments with a key."""
        places: NDArray[np.int64] = self._places[self._keys == key]
        return places

    def find_campaigns(self, limit: int) -> list[FoundCampaign]:
        """Return the largest campaigns, at most `limit`, the largest first.

        A comment counts for the largest of its campaigns. One that no two comments have as their largest is left out:
        else each trait of a flood would be a campaign with the same comments.
        """
        values, numbers, sizes = np.unique(self._keys, return_inverse=True, return_counts=True)
        if not len(values):
            return []
        shared = np.flatnonzero(sizes[numbers] >= MIN_SIZE)
        owners, candidates = self._places[shared], numbers[shared]
        # Each comment's largest campaign comes first among its keys; of equal ones the one of the lowest number.
        order = np.lexsort((candidates, -sizes[candidates], owners))
        is_first = np.diff(owners[order], prepend=-1) > 0
        counted = np.bincount(candidates[order][is_first], minlength=len(values))
        found = np.flatnonzero(counted >= MIN_SIZE)
        largest = found[np.lexsort((found, -sizes[found]))][:limit]
        return [FoundCampaign(int(values[number]), self._places[numbers == number]) for number in largest.tolist()]
