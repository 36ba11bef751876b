"""The feature matrix of many comments, built part by part with progress reports."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from moderation.domain.comment import NO_SIGNALS, Comment
from moderation.features.extraction import extract_batch
from moderation.features.ngrams import N_COLUMNS, HashedBatch, hash_documents
from moderation.features.parsed_comment import ParsedComment
from moderation.features.passages import choose_passages, find_passages
from moderation.features.signals import SIGNALS
from moderation.features.signals.submission import rule_contributions
from moderation.training.executors import ALL_PROCESSORS, Executor, ProgressCallback, track_progress
from moderation.training.parts import parts_of


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
    executor: Executor = ALL_PROCESSORS,
    progress: ProgressCallback | None = None,
    *,
    with_passages: bool = True,
) -> DesignMatrix:
    """Extract the features of all comments.

    A fit reads no passages, so they may be left out of the matrix that it is made from.

    Time and memory grow linearly with the number of comments.
    """
    calls = [(*part, with_passages) for part in parts_of(comments)]
    matrices = track_progress(executor.stream(_extract_part, calls), len(calls), progress)
    if matrices:
        return _stack(matrices)
    return DesignMatrix(
        sparse.csr_array((0, N_COLUMNS), dtype=np.float32), np.zeros((0, len(SIGNALS)), dtype=np.float32), np.zeros(0)
    )


def extract(comments: Sequence[Comment], *, with_passages: bool) -> DesignMatrix:
    """Extract the features of a few hundred comments in this process."""
    parsed_comments = ParsedComment.parse_batch(comments)
    matrix = _extract_rows(parsed_comments)
    return replace(matrix, passages=_extract_passages(parsed_comments)) if with_passages else matrix


def take_rows(matrices: Sequence[DesignMatrix], rows: NDArray[np.int64]) -> DesignMatrix:
    """Return some rows of matrices that follow one another. `rows` ascend, and are at least one."""
    starts = np.cumsum([0, *(len(matrix.signals) for matrix in matrices)])
    bounds = np.searchsorted(rows, starts)
    taken = [
        matrix if high - low == len(matrix.signals) else matrix.take(rows[low:high] - start)
        for matrix, start, low, high in zip(matrices, starts[:-1], bounds[:-1], bounds[1:], strict=True)
        if low < high
    ]
    return _stack(taken)


def _extract_part(comments: Sequence[Comment], rows: NDArray[np.int64], with_passages: bool) -> DesignMatrix:
    return extract([comments[row] for row in rows.tolist()], with_passages=with_passages)


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
    coordinates = batch.document_index.astype(np.int32), batch.columns.astype(np.int32)
    shape = batch.documents, N_COLUMNS
    return sparse.coo_array((batch.values.astype(np.float32), coordinates), shape=shape).tocsr()


def _stack(parts: Sequence[DesignMatrix]) -> DesignMatrix:
    """Return the rows of all parts, one part after the other, with their passages."""
    if len(parts) == 1:
        return parts[0]
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
