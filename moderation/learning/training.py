"""From a corpus and a recipe to a model: disguise, fit, hold sources out in turn, calibrate, draw the lines.

A site that has labels enough is calibrated by itself: its comments are cut by template, and each part is judged by a
model that has learnt from the others.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
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
from moderation.learning.evaluation import log_loss_even
from moderation.learning.linear import Linear, fit, has_layer
from moderation.learning.lines import calibrate, calibrate_few, draw_lines
from moderation.learning.matrix import Matrix, build_matrix
from moderation.learning.progress import Progress, by_tenths, follow
from moderation.learning.recipe import Recipe
from moderation.learning.templates import distinct, side, template_key
from moderation.scoring.layer import Layer

Report = Callable[[str], None]

_FEWEST = 20
"""Comments of either label that a model needs, and a site for weights of its own."""
_HOME_PARTS = 5
_MOST_LOST = 0.5
"""Of the one bit that a label has, what weights of a site's own may leave unsaid."""


@dataclass(frozen=True, slots=True)
class Workbench:
    """A corpus made ready once for any number of fits.

    `plain` holds the comments as they are, `disguised` their copies for learning; `lenders` (comments, 2) are the
    numbers of the sources that lent a copy something, or -1. A comment of the corpus has a site only where that has
    comments enough for weights of its own.
    """

    corpus: Corpus
    plain: Matrix
    disguised: Matrix
    lenders: NDArray[np.int64]

    def fit_without(self, held_out: NDArray[np.bool_], recipe: Recipe) -> Linear:
        """A model of all comments but those held out and those that were lent something by a source held out whole."""
        rows = np.flatnonzero(~held_out & ~self._lent_by_absent(held_out))
        corpus = self.corpus
        return fit(self.disguised.take(rows), corpus.spam[rows], corpus.sources[rows], corpus.sites[rows], recipe)

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
    """A calibrated model, its lines, and the out-of-source probabilities (one a comment of the bench) behind both.

    `at_home` has the probability of each comment of a site with weights of its own, by such weights that had not seen
    its template; NaN for all others.
    """

    linear: Linear
    lines: Policy
    bench: Workbench
    unseen: NDArray[np.float64]
    at_home: NDArray[np.float64]

    def arrays(self) -> dict[str, Any]:
        """What goes into `model.joblib`."""
        urls = self.bench.corpus.site_urls
        layers = [[urls[site], layer.plain()] for site, layer in self.linear.layers.items()]
        return {
            "features": FEATURES_VERSION,
            "signals": list(signal_codes()),
            "weights": self.linear.weights.astype(np.float16),
            "signal_weights": self.linear.signal_weights,
            "centres": self.linear.centres,
            "bias": self.linear.bias,
            "reach": self.linear.reach,
        } | ({"layers": layers} if layers else {})


def prepare(corpus: Corpus, recipe: Recipe, report: Report, jobs: int = -1) -> Workbench:
    """Drops copies and unwanted spam, disguises, and builds the matrices.

    Raises `CorpusRefused` when fewer than 20 comments of either label are left.
    """
    names = np.array(corpus.source_names())
    corpus = corpus.where(~(corpus.spam & np.isin(names, recipe.ham_only)))
    corpus = _without_copies(corpus, corpus.sources, recipe)
    corpus = _without_copies(corpus, corpus.sites, recipe)
    corpus = replace(corpus, sites=_sites_apart(corpus, recipe))
    for name, count in (("spam", corpus.spam.sum()), ("ham", (~corpus.spam).sum())):
        if count < _FEWEST:
            raise CorpusRefused(
                f"Only {count} different {name} comments; a model needs at least {_FEWEST} of each label."
            )
    report(f"Reading {len(corpus.comments)} different comments ({corpus.spam.sum()} spam) as they are and in disguise.")
    copies, lenders = disguise(corpus, recipe)
    plain = build_matrix(corpus.comments, jobs, by_tenths(report, "As they are"))
    return Workbench(corpus, plain, build_matrix(copies, jobs, by_tenths(report, "In disguise")), lenders)


def _without_copies(corpus: Corpus, places: NDArray[np.int64], recipe: Recipe) -> Corpus:
    """Of each place but -1, one of each comment, and no more spam of a template than the recipe allows."""
    wanted = np.ones(len(places), dtype=bool)
    for place in np.unique(places[places >= 0]):
        at = np.flatnonzero(places == place).tolist()
        here = [corpus.comments[i] for i in at]
        keys = [template_key(comment) for comment in here]
        wanted[at] = distinct(here, keys, corpus.spam[at], recipe.template_cap)
    return corpus.where(wanted)


def _sites_apart(corpus: Corpus, recipe: Recipe) -> NDArray[np.int64]:
    """The site of each comment, -1 where the site has too few comments of either label for weights of its own."""
    sites = np.full(len(corpus.sites), -1)
    for site in range(len(corpus.site_urls)):
        here = corpus.sites == site
        spam = int(corpus.spam[here].sum())
        if recipe.site_strength and min(spam, here.sum() - spam) >= _FEWEST:
            sites[here] = site
    return sites


def train(bench: Workbench, recipe: Recipe, report: Report, jobs: int = -1) -> Trained:
    """Fits the model, and one more for each fold to calibrate and to draw the lines on comments it had not seen."""
    everything = np.zeros(len(bench.corpus.comments), dtype=bool)
    folds = split(bench.corpus, recipe.folds)
    homes = split_homes(bench.corpus)
    of_what = "the sources or of the sites" if homes else "the sources"
    report(f"Fitting on everything, and {len(folds) + len(homes)} times without a part of {of_what}.")
    models = bench.fit_each([everything, *folds, *homes], recipe, by_tenths(report, "Fitted"), jobs)
    logits = unseen_logits(bench, folds, models[1 : len(folds) + 1])
    slope, offset = calibrate(logits, bench.corpus.spam)
    linear = scaled(models[0], slope, offset)
    unseen = expit(slope * logits + offset)
    lines = draw_lines(ham_by_source(bench.corpus, unseen), recipe)
    at_home = unseen_logits(bench, homes, models[len(folds) + 1 :], bench.corpus.sites)
    layers, at_home = _calibrate_homes(bench.corpus, models[0].layers, at_home, unseen, slope)
    for site in sorted(models[0].layers.keys() - layers.keys()):
        report(f"{bench.corpus.site_urls[site]} has the weights of all: its own did no better on its comments.")
    return Trained(replace(linear, layers=layers), lines, bench, unseen, at_home)


def _calibrate_homes(
    corpus: Corpus,
    layers: Mapping[int, Layer],
    logits: NDArray[np.float64],
    unseen: NDArray[np.float64],
    shared_slope: float,
) -> tuple[dict[int, Layer], NDArray[np.float64]]:
    """The layers that are worth having, by their logits at home, and the probabilities there; NaN for all others."""
    kept, probabilities = {}, np.full(len(logits), np.nan)
    for site, layer in layers.items():
        here = corpus.sites == site
        slope, offset = calibrate_few(logits[here], corpus.spam[here])
        found = expit(slope * logits[here] + offset)
        if _is_worth_having(found, unseen[here], corpus.spam[here]):
            kept[site] = layer.scaled(slope, offset, shared_slope)
            probabilities[here] = found
    return kept, probabilities


def _is_worth_having(at_home: NDArray[np.float64], unseen: NDArray[np.float64], spam: NDArray[np.bool_]) -> bool:
    """Whether a site's own weights say more of its comments than those of all do, and what a model has to say at least.

    Labels that contradict each other teach nothing, and weights that say nothing would let everything pass.
    """
    return log_loss_even(at_home, spam) < min(log_loss_even(unseen, spam), _MOST_LOST)


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


def split_homes(corpus: Corpus) -> list[NDArray[np.bool_]]:
    """Parts of the sites with weights of their own, cut by template, to hold out in turn; none without such a site."""
    at = np.flatnonzero(has_layer(corpus.sites))
    parts = np.full(len(corpus.sites), -1)
    parts[at] = [int(side(corpus.comments[i]) * _HOME_PARTS) for i in at.tolist()]
    return [parts == part for part in range(_HOME_PARTS) if (parts == part).any()]


def unseen_logits(
    bench: Workbench,
    folds: Sequence[NDArray[np.bool_]],
    models: Sequence[Linear],
    sites: NDArray[np.int64] | None = None,
) -> NDArray[np.float64]:
    """The logit of each comment by the model that had not seen its fold, NaN where it is in none.

    With `sites`, one entry a comment, by the weights of its site; without, by those that all share.
    """
    places = np.full(len(bench.corpus.comments), -1) if sites is None else sites
    logits = np.full(len(places), np.nan)
    for fold, model in zip(folds, models, strict=True):
        rows = np.flatnonzero(fold)
        logits[rows] = model.logits_at(places[rows], bench.plain.take(rows))
    return logits


def scaled(linear: Linear, slope: float, offset: float) -> Linear:
    """The same ranking, with calibrated logits; without layers."""
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
