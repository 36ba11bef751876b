"""From a corpus and a recipe to a model: disguise, fit, hold sources out in turn, calibrate, draw the lines."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy.special import expit
from threadpoolctl import threadpool_limits

from moderation.domain.errors import CorpusRefused
from moderation.domain.policy import Policy
from moderation.features.evidence import FEATURES_VERSION
from moderation.features.signals import signal_codes
from moderation.learning.augmentation import disguise
from moderation.learning.corpus import Corpus
from moderation.learning.linear import Linear, fit
from moderation.learning.lines import calibrate, draw_lines
from moderation.learning.matrix import Matrix, build_matrix
from moderation.learning.progress import Progress, by_tenths, follow
from moderation.learning.recipe import Recipe
from moderation.learning.templates import distinct, side, template_key

Report = Callable[[str], None]

_FEWEST = 20


@dataclass(frozen=True, slots=True)
class Workbench:
    """A corpus made ready once for any number of fits.

    `plain` holds the comments as they are, `disguised` their copies for learning; `lenders` (comments, 2) are the
    numbers of the sources that lent a copy something, or -1.
    """

    corpus: Corpus
    plain: Matrix
    disguised: Matrix
    lenders: NDArray[np.int64]

    def fit_without(self, held_out: NDArray[np.bool_], recipe: Recipe) -> Linear:
        """A model of all comments but those held out and those that were lent something by a source held out whole."""
        rows = np.flatnonzero(~held_out & ~self._lent_by_absent(held_out))
        return fit(self.disguised.take(rows), self.corpus.spam[rows], self.corpus.sources[rows], recipe)

    def fit_each(
        self, folds: Sequence[NDArray[np.bool_]], recipe: Recipe, progress: Progress | None = None, jobs: int = -1
    ) -> list[Linear]:
        """`fit_without` each of the folds, several at once; threads of the arithmetic's own would be in their way."""
        workers = Parallel(n_jobs=jobs, prefer="threads", return_as="generator")
        with threadpool_limits(1):
            fits = workers(delayed(self.fit_without)(fold, recipe) for fold in folds)
            return follow(fits, len(folds), progress)

    def without_source(self, number: int) -> "Workbench":
        """The bench as if one source had never been there."""
        kept = (self.corpus.sources != number) & ~(self.lenders == number).any(axis=1)
        rows = np.flatnonzero(kept)
        return Workbench(self.corpus.where(kept), self.plain.take(rows), self.disguised.take(rows), self.lenders[rows])

    def _lent_by_absent(self, held_out: NDArray[np.bool_]) -> NDArray[np.bool_]:
        present = np.unique(self.corpus.sources[~held_out])
        absent = ~np.isin(self.lenders, np.append(present, -1))
        return np.asarray(absent.any(axis=1))


@dataclass(frozen=True, slots=True)
class Trained:
    """A calibrated model, its lines, and the out-of-source probabilities (one a comment of the bench) behind both."""

    linear: Linear
    lines: Policy
    bench: Workbench
    unseen: NDArray[np.float64]

    def arrays(self) -> dict[str, Any]:
        """What goes into `model.joblib`."""
        return {
            "features": FEATURES_VERSION,
            "signals": list(signal_codes()),
            "weights": self.linear.weights.astype(np.float16),
            "signal_weights": self.linear.signal_weights,
            "centres": self.linear.centres,
            "bias": self.linear.bias,
            "reach": self.linear.reach,
        }


def prepare(corpus: Corpus, recipe: Recipe, report: Report, jobs: int = -1) -> Workbench:
    """Drops copies and unwanted spam, disguises, and builds the matrices.

    Raises `CorpusRefused` when fewer than 20 comments of either label are left.
    """
    names = np.array(corpus.source_names())
    wanted = ~(corpus.spam & np.isin(names, recipe.ham_only))
    keys = [template_key(comment) for comment in corpus.comments]
    for number in range(len(corpus.origins)):
        at = np.flatnonzero(corpus.sources == number).tolist()
        wanted[at] &= distinct(
            [corpus.comments[i] for i in at], [keys[i] for i in at], corpus.spam[at], recipe.template_cap
        )
    corpus = corpus.where(wanted)
    for name, count in (("spam", corpus.spam.sum()), ("ham", (~corpus.spam).sum())):
        if count < _FEWEST:
            raise CorpusRefused(
                f"Only {count} different {name} comments; a model needs at least {_FEWEST} of each label."
            )
    report(f"Reading {len(corpus.comments)} different comments ({corpus.spam.sum()} spam) as they are and in disguise.")
    copies, lenders = disguise(corpus, recipe)
    plain = build_matrix(corpus.comments, jobs, by_tenths(report, "As they are"))
    return Workbench(corpus, plain, build_matrix(copies, jobs, by_tenths(report, "In disguise")), lenders)


def train(bench: Workbench, recipe: Recipe, report: Report, jobs: int = -1) -> Trained:
    """Fits the model, and one more for each fold to calibrate and to draw the lines on comments it had not seen."""
    everything = np.zeros(len(bench.corpus.comments), dtype=bool)
    folds = split(bench.corpus, recipe.folds)
    report(f"Fitting on everything, and {len(folds)} times without a part of the sources.")
    models = bench.fit_each([everything, *folds], recipe, by_tenths(report, "Fitted"), jobs)
    logits = unseen_logits(bench, folds, models[1:])
    slope, offset = calibrate(logits, bench.corpus.spam)
    linear = scaled(models[0], slope, offset)
    unseen = expit(slope * logits + offset)
    return Trained(linear, draw_lines(ham_by_source(bench.corpus, unseen), recipe), bench, unseen)


def split(corpus: Corpus, most: int) -> list[NDArray[np.bool_]]:
    """At most `most` parts to hold out in turn: whole sources, small ones together; one source is cut by template."""
    sizes = np.bincount(corpus.sources, minlength=len(corpus.origins))
    present = np.flatnonzero(sizes)
    if len(present) == 1:
        parts = max(2, most)
        sides = (np.array([side(comment) for comment in corpus.comments]) * parts).astype(int)
        return [sides == part for part in range(parts) if (sides == part).any()]
    groups: list[list[int]] = [[] for _ in range(max(2, min(most, len(present))))]
    for source in sorted(present, key=lambda source: -sizes[source]):
        min(groups, key=lambda group: sum(sizes[group])).append(int(source))
    return [np.isin(corpus.sources, group) for group in groups]


def unseen_logits(
    bench: Workbench, folds: Sequence[NDArray[np.bool_]], models: Sequence[Linear]
) -> NDArray[np.float64]:
    """The logit of each comment by the model that had not seen its fold."""
    logits = np.zeros(len(bench.corpus.comments))
    for fold, model in zip(folds, models, strict=True):
        logits[fold] = model.logits(bench.plain.take(np.flatnonzero(fold)))
    return logits


def scaled(linear: Linear, slope: float, offset: float) -> Linear:
    """The same ranking, with calibrated logits."""
    weights = (linear.weights * slope).astype(np.float32)
    bias = linear.bias * slope + offset
    return Linear(weights, linear.signal_weights * slope, linear.centres, bias, linear.reach * slope)


def ham_by_source(corpus: Corpus, scores: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """The scores of each source's ham; sources without ham are left out."""
    return [
        scores[~corpus.spam & (corpus.sources == number)]
        for number in range(len(corpus.origins))
        if (~corpus.spam & (corpus.sources == number)).any()
    ]
