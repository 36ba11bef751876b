"""Comments as rows of a sparse matrix."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy import sparse

from moderation.domain.comment import Comment
from moderation.features.evidence import gather_rows
from moderation.features.ngrams import COLUMNS
from moderation.features.signals import SIGNALS
from moderation.learning.progress import Progress, follow

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Matrix:
    """`hashed` is sparse, (comments, COLUMNS); `signals` is dense, (comments, signals), NaN where a field is absent."""

    hashed: sparse.csr_array
    signals: NDArray[np.float32]

    def take(self, rows: NDArray[np.int64]) -> "Matrix":
        """Those rows, in that order."""
        return Matrix(self.hashed[rows], self.signals[rows])


def build_matrix(comments: Sequence[Comment], jobs: int = -1, progress: Progress | None = None) -> Matrix:
    """Reads all comments, on `jobs` processors (-1 for all); time and memory grow with their number."""
    chunks = [comments[i : i + _CHUNK] for i in range(0, len(comments), _CHUNK)]
    workers = Parallel(n_jobs=jobs if len(chunks) > 2 else 1, return_as="generator")
    parts = follow(workers(delayed(_read_chunk)(chunk) for chunk in chunks), len(chunks), progress)
    if not parts:
        return Matrix(sparse.csr_array((0, COLUMNS), dtype=np.float32), np.zeros((0, len(SIGNALS)), dtype=np.float32))
    hashed = sparse.vstack([part.hashed for part in parts], format="csr")
    return Matrix(hashed, np.concatenate([part.signals for part in parts]))


def _read_chunk(comments: Sequence[Comment]) -> Matrix:
    rows, signals = gather_rows(comments)
    places = rows.page_of, rows.columns
    hashed = sparse.coo_array((rows.values.astype(np.float32), places), shape=(len(comments), COLUMNS)).tocsr()
    return Matrix(hashed, signals.astype(np.float32))
