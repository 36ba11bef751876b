"""The comments of a corpus in parts: in the memory of this process, or left where they were read."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, NoReturn, overload

import numpy as np
from numpy.typing import NDArray

from moderation.domain.comment import Comment
from moderation.domain.errors import InvalidInput

_COMMENTS_PER_PART = 500


class Part(NamedTuple):
    """Successive comments of a corpus.

    `comments` are a list of comments, or a result of `Executor.place` that stands for one. `rows` are the positions of
    the part in this list.
    """

    comments: Any
    rows: NDArray[np.int64]


class PlacedComments(Sequence[Comment]):
    """Comments whose texts are left where they were read. They can be counted and divided into parts, not read here.

    Parameters
    ----------
    placed : sequence
        Results of `Executor.place`, each a list of comments.
    ends : ndarray of shape (n_lists,)
        Number of comments up to the end of each list.
    rows : ndarray of shape (n_comments,)
        Which of them these comments are, ascending.
    """

    def __init__(self, placed: Sequence[Any], ends: NDArray[np.int64], rows: NDArray[np.int64]) -> None:
        self._placed, self._ends, self._rows = placed, ends, rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Comment: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Comment]: ...

    def __getitem__(self, index: int | slice) -> NoReturn:
        raise InvalidInput("The texts of the comments are on the workers, and are needed here: leave out --cluster.")

    def select(self, indexes: Sequence[int]) -> "PlacedComments":
        """Return the comments at these ascending positions."""
        return PlacedComments(self._placed, self._ends, self._rows[list(indexes)])

    def parts(self) -> Iterator[Part]:
        """Yield the comments by the list that they are in, without lists that have none of them."""
        starts = np.concatenate([[0], self._ends[:-1]])
        bounds = np.searchsorted(self._rows, [*starts, self._ends[-1]])
        for placed, start, low, high in zip(self._placed, starts, bounds[:-1], bounds[1:], strict=True):
            if low < high:
                yield Part(placed, self._rows[low:high] - start)


def select(comments: Sequence[Comment], indexes: Sequence[int]) -> Sequence[Comment]:
    """Return the comments at these ascending positions."""
    if isinstance(comments, PlacedComments):
        return comments.select(indexes)
    return [comments[index] for index in indexes]


def parts_of(comments: Sequence[Comment]) -> list[Part]:
    """Return the comments in parts, in order."""
    if isinstance(comments, PlacedComments):
        return list(comments.parts())
    chunks = [comments[i : i + _COMMENTS_PER_PART] for i in range(0, len(comments), _COMMENTS_PER_PART)]
    return [Part(chunk, np.arange(len(chunk))) for chunk in chunks]


def row_slices(parts: Sequence[Part]) -> list[slice]:
    """Return the rows of the corpus that are in each part."""
    ends = np.cumsum([len(part.rows) for part in parts]).tolist()
    return [slice(end - len(part.rows), end) for part, end in zip(parts, ends, strict=True)]
