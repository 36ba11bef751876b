"""The feature matrix of many comments, built on several processors with progress reports."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy import sparse

from moderation.domain.comment import Comment
from moderation.features.extraction import extract_batch
from moderation.features.ngrams import N_COLUMNS
from moderation.features.parsed_comment import ParsedComment
from moderation.features.signals import SIGNALS

_COMMENTS_PER_CHUNK = 500

_Result = TypeVar("_Result")
ProgressCallback = Callable[[float], None]
"""Called with the finished proportion, within 0 and 1."""


@dataclass(frozen=True, slots=True)
class DesignMatrix:
    """The features of many comments, one row for each comment.

    Attributes
    ----------
    hashed : csr_array of shape (n_comments, N_COLUMNS)
        Values of the hashed n-grams.
    signals : ndarray of shape (n_comments, n_signals)
        Values of the named signals, NaN where a field is absent.
    """

    hashed: sparse.csr_array
    signals: NDArray[np.float32]

    def take(self, rows: NDArray[np.int64]) -> "DesignMatrix":
        """Return the rows at these positions, in their order."""
        return DesignMatrix(self.hashed[rows], self.signals[rows])


def build_matrix(
    comments: Sequence[Comment], n_jobs: int = -1, progress: ProgressCallback | None = None
) -> DesignMatrix:
    """Extract the features of all comments on `n_jobs` processors, -1 for all of them.

    Time and memory grow linearly with the number of comments.
    """
    chunks = [comments[i : i + _COMMENTS_PER_CHUNK] for i in range(0, len(comments), _COMMENTS_PER_CHUNK)]
    workers = Parallel(n_jobs=n_jobs if len(chunks) > 2 else 1, return_as="generator")
    parts = track_progress(workers(delayed(_extract_chunk)(chunk) for chunk in chunks), len(chunks), progress)
    if not parts:
        return DesignMatrix(
            sparse.csr_array((0, N_COLUMNS), dtype=np.float32), np.zeros((0, len(SIGNALS)), dtype=np.float32)
        )
    hashed = sparse.vstack([part.hashed for part in parts], format="csr")
    return DesignMatrix(hashed, np.concatenate([part.signals for part in parts]))


def _extract_chunk(comments: Sequence[Comment]) -> DesignMatrix:
    rows, signals = extract_batch(list(map(ParsedComment, comments)))
    coordinates = rows.document_index, rows.columns
    hashed = sparse.coo_array((rows.values.astype(np.float32), coordinates), shape=(len(comments), N_COLUMNS)).tocsr()
    return DesignMatrix(hashed, signals.astype(np.float32))


def track_progress(work: Iterable[_Result], total: int, progress: ProgressCallback | None) -> list[_Result]:
    """Collect the results that `work` yields, calling `progress` after each of the `total`."""
    results: list[_Result] = []
    for result in work:
        results.append(result)
        if progress is not None:
            progress(len(results) / total)
    return results


def report_tenths(report: Callable[[str], None], activity: str) -> ProgressCallback:
    """Return a callback that reports the progress of an activity at each tenth, once."""
    reported = 0

    def report_progress(proportion: float) -> None:
        nonlocal reported
        tenths = int(proportion * 10 + 1e-9)
        if tenths > reported:
            reported = tenths
            report(f"{activity}: {tenths * 10} %.")

    return report_progress
