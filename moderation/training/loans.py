"""Loans among training comments: which augmented copy borrows the author, a link or padding of which other comment.

The plan needs marks and positions of the comments, not their texts. A comment lends its parts where its text is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from moderation.domain.comment import AUTHOR_FIELDS, Comment
from moderation.features.links import find_links
from moderation.training.recipe import Recipe

OBFUSCATIONS, PADDINGS = 5, 2
"""Ways to obfuscate a text; the first ones pad it."""

_MAX_LINKS_PER_DONOR = 2
_MAX_PADDING_LENGTH = 1_000


class Lendable(NamedTuple):
    """The comments of a part that may lend something, by their position in the part.

    Attributes
    ----------
    authors : ndarray of shape (n_comments,)
        Whether its site collects names and addresses, and it has a name.
    addresses : ndarray of shape (n_comments,)
        Whether its text has an address.
    links : list of tuple
        Position, start and end of the links in ham.
    """

    authors: NDArray[np.bool_]
    addresses: NDArray[np.bool_]
    links: list[tuple[int, int, int]]


Request = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
"""Positions of authors, spans of links and positions of paddings that other comments borrow from a part."""


@dataclass(frozen=True, slots=True)
class CopyPlan:
    """The loans of all augmented copies, by comment, before they are made.

    Attributes
    ----------
    authors, paddings : ndarray of shape (n_comments,)
        Positions of the donors, -1 for none.
    links : ndarray of shape (n_comments,)
        Positions of links in `spans`, -1 for none.
    spans : ndarray of shape (n_links, 3)
        Comment, start and end of each link.
    obfuscated : ndarray of shape (n_comments,)
        Whether the text is obfuscated.
    draws, picks : ndarray of shape (n_comments, 7) and (n_comments, 4)
        Random numbers of each comment.
    """

    authors: NDArray[np.int64]
    paddings: NDArray[np.int64]
    links: NDArray[np.int64]
    spans: NDArray[np.int64]
    obfuscated: NDArray[np.bool_]
    draws: NDArray[np.float64]
    picks: NDArray[np.int64]

    @classmethod
    def of(cls, spam: NDArray[np.bool_], lendable: Sequence[Lendable], recipe: Recipe) -> Self:
        """Draw the loans. Deterministic, and the same for any division into parts."""
        rng = np.random.default_rng(recipe.seed)
        draws, picks = rng.random((len(spam), 7)), rng.integers(0, 2**31, (len(spam), 4))
        authors = np.flatnonzero(~spam & np.concatenate([part.authors for part in lendable]))
        starts = np.cumsum([0, *(len(part.authors) for part in lendable)]).tolist()
        spans = [(start + i, *span) for part, start in zip(lendable, starts, strict=False) for i, *span in part.links]
        has_address = np.concatenate([part.addresses for part in lendable])
        obfuscated = spam & (draws[:, 2] < recipe.obfuscate)
        padded = obfuscated.copy()
        padded[obfuscated] = [_takes_padding(seed) for seed in picks[obfuscated, 3].tolist()]
        swapped = draws[:, 0] < np.where(spam, recipe.swap_author_spam, recipe.swap_author_ham)
        linked = ~spam & ~has_address & (draws[:, 1] < recipe.insert_link)
        return cls(
            _choose(authors, picks[:, 0], swapped),
            _choose(np.flatnonzero(~spam), picks[:, 2], padded),
            _choose(np.arange(len(spans)), picks[:, 1], linked),
            np.array(spans, dtype=np.int64).reshape(-1, 3),
            obfuscated,
            draws,
            picks,
        )

    def donors(self, sources: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the source numbers that each copy borrows from, shape (n_comments, 3), -1 for none."""
        linked = np.full(len(self.links), -1)
        linked[self.links >= 0] = self.spans[self.links[self.links >= 0], 0]
        positions = np.stack([self.authors, linked, self.paddings], axis=1)
        return np.where(positions >= 0, sources[positions], -1)

    def requests(self, slices: Sequence[slice]) -> list[Request]:
        """Return for each part of the comments the request to it, by position there."""
        authors, paddings = np.unique(self.authors), np.unique(self.paddings)
        spans = self.spans[np.unique(self.links[self.links >= 0])]
        requests = []
        for rows in slices:
            first, last = np.searchsorted(spans[:, 0], [rows.start, rows.stop])
            own = spans[first:last] - [rows.start, 0, 0]
            requests.append((_within(authors, rows), own, _within(paddings, rows)))
        return requests


def find_lendable(comments: Sequence[Comment], rows: NDArray[np.int64], spam: NDArray[np.bool_]) -> Lendable:
    """Return the loans that the chosen comments offer; `spam` are their labels."""
    chosen = [comments[row] for row in rows.tolist()]
    return Lendable(
        np.array([bool(comment.author) and comment.url is not None for comment in chosen]),
        np.array(["://" in comment.text for comment in chosen]),
        [
            (i, link.start, link.end)
            for i, comment in enumerate(chosen)
            if not spam[i] and "://" in comment.text
            for link in find_links(comment.text)[:_MAX_LINKS_PER_DONOR]
        ],
    )


def lend(
    comments: Sequence[Comment],
    rows: NDArray[np.int64],
    authors: NDArray[np.int64],
    spans: NDArray[np.int64],
    paddings: NDArray[np.int64],
) -> tuple[list[tuple[Any, ...]], list[str], list[str]]:
    """Return the author fields, links and first thousand letters that are requested of the chosen comments."""
    return (
        [tuple(getattr(comments[rows[i]], name) for name in AUTHOR_FIELDS) for i in authors.tolist()],
        [comments[rows[i]].text[start:end] for i, start, end in spans.tolist()],
        [comments[rows[i]].text[:_MAX_PADDING_LENGTH] for i in paddings.tolist()],
    )


def by_borrower(lenders: NDArray[np.int64], loans: Sequence[Any]) -> list[Any]:
    """Return the loan of each comment, `None` for no lender. `loans` are those of the lenders in ascending order."""
    unique = np.unique(lenders[lenders >= 0])
    places = np.searchsorted(unique, lenders)
    return [
        loans[place] if lender >= 0 else None for lender, place in zip(lenders.tolist(), places.tolist(), strict=True)
    ]


def _choose(values: NDArray[np.int64], picks: NDArray[np.int64], mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the value that each masked comment picks, -1 for the others, and if there is no value."""
    if not len(values):
        return np.full(len(mask), -1)
    return np.where(mask, values[picks % len(values)], -1)


def _within(positions: NDArray[np.int64], rows: slice) -> NDArray[np.int64]:
    """Return the ascending positions that are in the rows, by position there."""
    first, last = np.searchsorted(positions, [rows.start, rows.stop])
    return np.asarray(positions[first:last] - rows.start)


def _takes_padding(seed: int) -> bool:
    return Random(seed).randrange(OBFUSCATIONS) < PADDINGS
