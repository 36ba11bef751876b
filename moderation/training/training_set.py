"""A deduplicated and augmented corpus with its features, and the fits on parts of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from moderation.training.augmentation import borrowing_from
from moderation.training.corpus import Corpus
from moderation.training.design_matrix import DesignMatrix, take_rows
from moderation.training.executors import ALL_PROCESSORS, Executor, ProgressCallback, track_progress
from moderation.training.linear import LinearModel, fit
from moderation.training.recipe import Recipe
from moderation.training.sample_weights import sample_weights

_Value = TypeVar("_Value")


class FitLabels(NamedTuple):
    """All that a fit needs beside the features: arrays with one entry for each comment, as in `TrainingSet`."""

    spam: NDArray[np.bool_]
    sources: NDArray[np.int64]
    counts: NDArray[np.float64] | None
    sites: NDArray[np.int64]
    donors: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """A deduplicated, augmented corpus with its feature matrices, ready for any number of fits.

    Attributes
    ----------
    corpus : Corpus
        The comments.
    templates : sequence of str
        The `template_key` of each comment.
    sites : ndarray of shape (n_comments,)
        Site numbers, -1 unless the site has enough comments for its own weights.
    plain : DesignMatrix
        Features of the comments.
    augmented : sequence of DesignMatrix
        Features of the augmented copies, on which models are fitted: a matrix for each part of the comments, or a
        result of `Executor.place` that stands for one.
    donors : ndarray of shape (n_comments, 3)
        Source numbers of the comments that a copy borrows from, -1 for none.
    """

    corpus: Corpus
    templates: Sequence[str]
    sites: NDArray[np.int64]
    plain: DesignMatrix
    augmented: Sequence[DesignMatrix]
    donors: NDArray[np.int64]

    def labels(self) -> FitLabels:
        """Return all that a fit needs beside the features."""
        return FitLabels(self.corpus.spam, self.corpus.sources, self.corpus.weights, self.sites, self.donors)

    def fit_without(self, held_out: NDArray[np.bool_], recipe: Recipe) -> LinearModel:
        """Fit a model here as the function `fit_without` does, if the features are values of this process."""
        return fit_without(self.augmented, self.labels(), held_out, recipe)

    def fit_folds(
        self,
        folds: Sequence[NDArray[np.bool_]],
        recipe: Recipe,
        progress: ProgressCallback | None = None,
        executor: Executor = ALL_PROCESSORS,
    ) -> list[LinearModel]:
        """Fit a model without each fold, as many at a time as the executor runs."""
        (labels,) = executor.place(_same, [(self.labels(),)])
        calls = [(self.augmented, labels, fold, recipe) for fold in folds]
        return track_progress(executor.stream(fit_without, calls, threads=True), len(calls), progress)

    def without_source(self, number: int) -> "TrainingSet":
        """Return the training set without the comments of a source and the copies that borrow from it."""
        kept = (self.corpus.sources != number) & ~(self.donors == number).any(axis=1)
        rows = np.flatnonzero(kept)
        return TrainingSet(
            self.corpus.where(kept),
            [self.templates[row] for row in rows.tolist()],
            self.sites[rows],
            self.plain.take(rows),
            [take_rows(self.augmented, rows)],
            self.donors[rows],
        )


def fit_without(
    augmented: Sequence[DesignMatrix], labels: FitLabels, held_out: NDArray[np.bool_], recipe: Recipe
) -> LinearModel:
    """Fit a model without the held-out comments, and without copies that borrow from a wholly held-out source."""
    rows = np.flatnonzero(~held_out & ~borrowing_from(held_out, labels.sources, labels.donors))
    spam, counts = labels.spam[rows], None if labels.counts is None else labels.counts[rows]
    weights = sample_weights(spam, labels.sources[rows], recipe.ham_weight, counts)
    return fit(take_rows(augmented, rows), spam, weights, labels.sites[rows], recipe)


def _same(value: _Value) -> _Value:
    return value
