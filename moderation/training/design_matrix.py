"""The feature matrix of many comments, built on several processors with progress reports."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeVar

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy import sparse

from moderation.domain.comment import NO_SIGNALS, Comment
from moderation.features.extraction import extract_batch
from moderation.features.ngrams import N_COLUMNS, HashedBatch, hash_documents
from moderation.features.parsed_comment import ParsedComment
from moderation.features.passages import choose_passages, find_passages
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
    passages : PassageMatrix or None
        The passages of long comments, if there are any.
    """

    hashed: sparse.csr_array
    signals: NDArray[np.float32]
    rules: NDArray[np.float64]
    passages: "PassageMatrix | None" = None

    def take(self, rows: NDArray[np.int64]) -> "DesignMatrix":
        """Return the rows at these positions, in their order, with their passages. No row may be taken twice."""
        taken = DesignMatrix(self.hashed[rows], self.signals[rows], self.rules[rows])
        if self.passages is None:
            return taken
        positions = np.full(len(self.signals), -1)
        positions[rows] = np.arange(len(rows))
        return replace(taken, passages=self.passages.take(positions))


@dataclass(frozen=True, slots=True)
class PassageMatrix:
    """The passages of long comments, one row for each passage, those of a comment together.

    A model chooses by `words` and `loads` which of the `features` it reads.

    Attributes
    ----------
    features : DesignMatrix
        Features of each passage, parsed alone.
    words : csr_array of shape (n_passages, N_COLUMNS)
        Values of the hashed n-grams of its words.
    loads : ndarray of shape (n_passages,)
        Whether it has an address or a number.
    owners : ndarray of shape (n_passages,)
        The comment of each passage.
    """

    features: DesignMatrix
    words: sparse.csr_array
    loads: NDArray[np.bool_]
    owners: NDArray[np.int64]

    def take(self, positions: NDArray[np.int64]) -> "PassageMatrix":
        """Return the passages of some comments: `positions` has the new row of each comment, -1 for none."""
        owners = positions[self.owners]
        kept = np.flatnonzero(owners >= 0)
        return PassageMatrix(self.features.take(kept), self.words[kept], self.loads[kept], owners[kept])

    def choose(self, strengths: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the rows of the passages that a model reads, by the strength of each passage's words."""
        bounds = np.flatnonzero(np.diff(self.owners, prepend=-1, append=-1)).tolist()
        chosen = [
            start + position
            for start, end in pairwise(bounds)
            for position in choose_passages(strengths[start:end].tolist(), self.loads[start:end].tolist())
        ]
        return np.array(chosen, dtype=np.int64)


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
    parsed_comments = ParsedComment.parse_batch(comments)
    matrix = _extract_rows(parsed_comments)
    return replace(matrix, passages=_extract_passages(parsed_comments)) if with_passages else matrix


def _extract_passages(parsed_comments: Sequence[ParsedComment]) -> PassageMatrix | None:
    """Return all passages of the comments, since each model chooses others; `None` if no comment is long."""
    found = [(number, passage) for number, parsed in enumerate(parsed_comments) for passage in find_passages(parsed)]
    if not found:
        return None
    return PassageMatrix(
        _extract_rows([parsed_comments[number].passage(passage.start, passage.end) for number, passage in found]),
        _hashed_rows(hash_documents([[passage.words] for _, passage in found])),
        np.array([passage.has_load for _, passage in found]),
        np.array([number for number, _ in found], dtype=np.int64),
    )


def _extract_rows(parsed_comments: Sequence[ParsedComment]) -> DesignMatrix:
    rows, signals = extract_batch(parsed_comments)
    rules = [sum(rule_contributions(parsed, NO_SIGNALS).values()) for parsed in parsed_comments]
    return DesignMatrix(_hashed_rows(rows), signals.astype(np.float32), np.array(rules, dtype=np.float64))


def _hashed_rows(batch: HashedBatch) -> sparse.csr_array:
    coordinates, shape = (batch.document_index, batch.columns), (batch.documents, N_COLUMNS)
    return sparse.coo_array((batch.values.astype(np.float32), coordinates), shape=shape).tocsr()


def _stack(parts: Sequence[DesignMatrix]) -> DesignMatrix:
    """Return the rows of all parts, one part after the other, with their passages."""
    hashed = sparse.vstack([part.hashed for part in parts], format="csr")
    stacked = DesignMatrix(
        hashed, np.concatenate([part.signals for part in parts]), np.concatenate([part.rules for part in parts])
    )
    starts = np.cumsum([0, *(len(part.signals) for part in parts)])
    long = [(part.passages, start) for part, start in zip(parts, starts, strict=False) if part.passages]
    if not long:
        return stacked
    passages = PassageMatrix(
        _stack([passages.features for passages, _ in long]),
        sparse.vstack([passages.words for passages, _ in long], format="csr"),
        np.concatenate([passages.loads for passages, _ in long]),
        np.concatenate([passages.owners + start for passages, start in long]),
    )
    return replace(stacked, passages=passages)


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
