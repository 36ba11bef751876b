"""The feature matrix of many comments, built on several processors with progress reports."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy import sparse

from moderation.domain.comment import NO_SIGNALS, Comment
from moderation.features.extraction import extract_batch, parse_passages
from moderation.features.ngrams import N_COLUMNS
from moderation.features.parsed_comment import ParsedComment
from moderation.features.signals import SIGNALS
from moderation.features.signals.submission import rule_contributions

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
    rules : ndarray of shape (n_comments,)
        Contributions of the rules to the calibrated logit. No fit reads them.
    passages : DesignMatrix or None
        Features of the passages of long comments, one row for each passage.
    owners : ndarray of shape (n_passages,)
        The comment of each passage.
    """

    hashed: sparse.csr_array
    signals: NDArray[np.float32]
    rules: NDArray[np.float64]
    passages: "DesignMatrix | None" = None
    owners: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def take(self, rows: NDArray[np.int64]) -> "DesignMatrix":
        """Return the rows at these positions, in their order, with their passages. No row may be taken twice."""
        taken = DesignMatrix(self.hashed[rows], self.signals[rows], self.rules[rows])
        if self.passages is None:
            return taken
        positions = np.full(len(self.signals), -1)
        positions[rows] = np.arange(len(rows))
        owners = positions[self.owners]
        kept = np.flatnonzero(owners >= 0)
        return replace(taken, passages=self.passages.take(kept), owners=owners[kept])


def build_matrix(
    comments: Sequence[Comment],
    n_jobs: int = -1,
    progress: ProgressCallback | None = None,
    *,
    with_passages: bool = True,
) -> DesignMatrix:
    """Extract the features of all comments on `n_jobs` processors, -1 for all of them.

    A fit reads no passages, so they may be left out of the matrix that it is made from.

    Time and memory grow linearly with the number of comments.
    """
    chunks = [comments[i : i + _COMMENTS_PER_CHUNK] for i in range(0, len(comments), _COMMENTS_PER_CHUNK)]
    workers = Parallel(n_jobs=n_jobs if len(chunks) > 2 else 1, return_as="generator")
    work = workers(delayed(_extract_chunk)(chunk, with_passages) for chunk in chunks)
    parts = track_progress(work, len(chunks), progress)
    if parts:
        return _stack(parts)
    return DesignMatrix(
        sparse.csr_array((0, N_COLUMNS), dtype=np.float32), np.zeros((0, len(SIGNALS)), dtype=np.float32), np.zeros(0)
    )


def _extract_chunk(comments: Sequence[Comment], with_passages: bool) -> DesignMatrix:
    matrix = _extract_rows(list(map(ParsedComment, comments)))
    passages = [
        (number, parsed)
        for number, comment in enumerate(comments if with_passages else ())
        for _, parsed in parse_passages(comment)
    ]
    if not passages:
        return matrix
    owners = np.array([number for number, _ in passages], dtype=np.int64)
    return replace(matrix, passages=_extract_rows([parsed for _, parsed in passages]), owners=owners)


def _extract_rows(parsed_comments: Sequence[ParsedComment]) -> DesignMatrix:
    rows, signals = extract_batch(parsed_comments)
    coordinates, shape = (rows.document_index, rows.columns), (len(parsed_comments), N_COLUMNS)
    hashed = sparse.coo_array((rows.values.astype(np.float32), coordinates), shape=shape).tocsr()
    rules = [sum(rule_contributions(parsed, NO_SIGNALS).values()) for parsed in parsed_comments]
    return DesignMatrix(hashed, signals.astype(np.float32), np.array(rules, dtype=np.float64))


def _stack(parts: Sequence[DesignMatrix]) -> DesignMatrix:
    """Return the rows of all parts, one part after the other, with their passages."""
    hashed = sparse.vstack([part.hashed for part in parts], format="csr")
    stacked = DesignMatrix(
        hashed, np.concatenate([part.signals for part in parts]), np.concatenate([part.rules for part in parts])
    )
    starts = np.cumsum([0, *(len(part.signals) for part in parts)])
    long = [(part.passages, part.owners + start) for part, start in zip(parts, starts, strict=False) if part.passages]
    if not long:
        return stacked
    passages = _stack([passages for passages, _ in long])
    return replace(stacked, passages=passages, owners=np.concatenate([owners for _, owners in long]))


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
