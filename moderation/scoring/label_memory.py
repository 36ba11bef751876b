"""The memory of a site: a person's word on a comment holds for it, for its rechecks and for its near-duplicates.

Spam is recognized under another author, with other links and digits and after small edits. Ham is recognized only with
unchanged link hosts, author's URL, e-mail address and contacts, so that an approved text is no pass for another link. A
short text needs the same author or the same advertised site too, as many people write it.
"""

from collections.abc import Sequence
from enum import IntEnum
from math import ceil
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from moderation.features.memory_keys import KEY_RECORD, MemoryKeys, similarity

MIN_SPAM_SIMILARITY = 0.5
MIN_HAM_SIMILARITY = 0.8
_MAX_COMPARED = 64
"""Sketches that are compared with that of a comment, the newest ones."""

Mask = NDArray[np.bool_]


class MatchKind(IntEnum):
    """How a comment is like a labelled one. The label of a greater match decides, of equal ones the newest."""

    NONE = 0
    SITE = 1
    """It advertises the same site or contact, or it is the same short text, without author and address."""
    TEXT = 2
    """It has nearly the same text."""
    TEXT_AND_LOAD = 3
    """It has nearly the same text with the same link hosts, addresses and contacts."""
    IDENTICAL = 4


class Hit(NamedTuple):
    """The number of the lesson whose label decides, and the numbers of all that say the same, newest first."""

    lesson: int
    match: MatchKind
    agreeing: Sequence[int]


class LabelMemory:
    """The memory keys of some lessons, indexed.

    Parameters
    ----------
    records : sequence of bytes
        One `KEY_RECORD` for each lesson, in the order of their labels.
    spam, by_moderator : sequences of bool
        Whether the label is spam, and whether a moderator gave it.
    previous : LabelMemory, optional
        The memory of the lessons before these, which is extended: that takes a fraction of the time.
    """

    def __init__(
        self,
        records: Sequence[bytes],
        spam: Sequence[bool],
        by_moderator: Sequence[bool],
        previous: "LabelMemory | None" = None,
    ) -> None:
        added = np.frombuffer(b"".join(records), KEY_RECORD)
        exact = np.stack([added["identity"], added["short_text"], *added["sites"].T], axis=1)
        sketches = added["sketch"].astype(np.uint64)
        self.records, self.spam, self.by_moderator = added, np.array(spam, bool), np.array(by_moderator, bool)
        if previous is None:
            self.exact, self.sketches = _Index.of(exact), _Index.of(sketches)
            return
        first = len(previous.spam)
        self.records = np.concatenate([previous.records, added])
        self.spam = np.concatenate([previous.spam, self.spam])
        self.by_moderator = np.concatenate([previous.by_moderator, self.by_moderator])
        self.exact = previous.exact.extended(_Index.of(exact, first))
        self.sketches = previous.sketches.extended(_Index.of(sketches, first))

    def recall(self, keys: MemoryKeys) -> Hit | None:
        """Return the label that decides on a comment with these keys, or `None` if no labelled comment is like it."""
        exact = self.exact.find([keys.identity, keys.short_text, *keys.sites])
        sketched = self.sketches.find(keys.sketch)
        # Common shingles are in many sketches, so that most comments share a few hashes with some label. The smallest
        # hashes of two texts are as many as those of either at least, so sketches that share fewer are not similar.
        sketched.sort()
        spread = ceil(MIN_SPAM_SIMILARITY * len(keys.sketch)) - 1
        shared = sketched[spread:][sketched[spread:] == sketched[: max(0, len(sketched) - spread)]]
        if not len(exact) and not len(shared):
            return None
        similar = np.unique(shared)[-_MAX_COMPARED:]
        candidates = np.union1d(exact, similar)
        similarities = np.zeros(len(candidates))
        similarities[np.searchsorted(candidates, similar)] = [
            similarity(keys.sketch, filter(None, sketch)) for sketch in self.records["sketch"][similar].tolist()
        ]
        match = self._match(keys, candidates, similarities)
        order = np.lexsort((candidates, self.by_moderator[candidates], match))
        if not len(order) or match[order[-1]] == MatchKind.NONE:
            return None
        place = int(order[-1])
        if not self.spam[candidates[place]] and not self.by_moderator[candidates[place]]:
            place = self._overruling(candidates, match, order)
        deciding = candidates[place]
        agreeing = candidates[(match > MatchKind.NONE) & (self.spam[candidates] == self.spam[deciding])]
        return Hit(int(deciding), MatchKind(int(match[place])), agreeing[::-1].tolist())

    def _overruling(self, candidates: NDArray[np.int32], match: NDArray[np.int8], order: NDArray[np.int64]) -> int:
        """Return the place of the label that decides where a site's key says ham.

        Else a leaked key could approve the next copy of a text that a moderator called spam. Of the comment itself the
        key may say so: that is how a blog takes a verdict back.
        """
        by_moderator = self.spam[candidates] & self.by_moderator[candidates] & (match >= MatchKind.TEXT)
        overruling = order[by_moderator[order]]
        return int(overruling[-1] if len(overruling) and match[order[-1]] < MatchKind.IDENTICAL else order[-1])

    def _match(
        self, keys: MemoryKeys, candidates: NDArray[np.int32], similarities: NDArray[np.float64]
    ) -> NDArray[np.int8]:
        """Return the match of each candidate."""
        records, spam = self.records[candidates], self.spam[candidates]
        same_load = records["load"] == keys.load
        same_author = (records["author"] == keys.author) & (keys.author != 0)
        sites = np.array(keys.sites, dtype=np.uint64)
        same_site = (records["sites"][:, :, None] == sites).any(axis=(1, 2))
        same_short = (records["short_text"] == keys.short_text) & (keys.short_text != 0)
        spam_text = (similarities >= MIN_SPAM_SIMILARITY) | (same_short & (same_author | same_site))
        ham_text = (similarities >= MIN_HAM_SIMILARITY) | (same_short & same_author)
        alike = np.where(spam, spam_text, ham_text & same_load)
        # An approved comment with the site clears it: people discuss it.
        is_advertiser = spam & same_site & (not (same_site & ~spam).any())
        identical = records["identity"] == keys.identity
        unsigned = spam & identical & keys.is_unsigned
        match = np.zeros(len(candidates), dtype=np.int8)
        match[is_advertiser | unsigned] = MatchKind.SITE
        match[alike] = MatchKind.TEXT
        match[alike & same_load] = MatchKind.TEXT_AND_LOAD
        match[identical & ~unsigned] = MatchKind.IDENTICAL
        return match


class _Index:
    """The rows of a matrix of hashes by each of their hashes other than 0, in the order of the hashes."""

    def __init__(self, hashes: NDArray[np.uint64], rows: NDArray[np.int32]) -> None:
        self._hashes, self._rows = hashes, rows

    @classmethod
    def of(cls, hashes: NDArray[np.uint64], first: int = 0) -> Self:
        """Index a matrix whose first row has this number."""
        rows = np.repeat(np.arange(first, first + len(hashes), dtype=np.int32), hashes.shape[1])
        flat = hashes.ravel()
        used = np.flatnonzero(flat)
        order = used[np.argsort(flat[used])]
        return cls(flat[order], rows[order])

    def extended(self, other: Self) -> Self:
        """Return the index of both matrices."""
        places = self._hashes.searchsorted(other._hashes)
        return type(self)(np.insert(self._hashes, places, other._hashes), np.insert(self._rows, places, other._rows))

    def find(self, wanted: Sequence[int]) -> NDArray[np.int32]:
        """Return the rows with each of some hashes, a row as often as it has one of them."""
        values = np.array(wanted, dtype=np.uint64)
        begins = self._hashes.searchsorted(values)
        found = values[self._hashes.take(begins, mode="clip") == values] if len(self._hashes) else values[:0]
        if not len(found):
            return self._rows[:0]
        begins, ends = self._hashes.searchsorted(found).tolist(), self._hashes.searchsorted(found, "right").tolist()
        return np.concatenate([self._rows[begin:end] for begin, end in zip(begins, ends, strict=True)])
