"""Training: from a corpus and a recipe to a calibrated model with thresholds.

The corpus is deduplicated and augmented. One model is fitted on everything, and one more for each fold that is held
out. Their out-of-fold predictions calibrate the model and set its thresholds. A site with enough labels is calibrated
on folds of its templates.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from moderation.domain.errors import InvalidCorpus
from moderation.domain.general_guarantee import GeneralGuarantees
from moderation.domain.thresholds import Thresholds
from moderation.features.extraction import FEATURES_VERSION
from moderation.features.signals import signal_codes
from moderation.scoring.trained_weights import TrainedWeights
from moderation.training.augmentation import copy_part, plan_copies
from moderation.training.calibration import (
    calibrate,
    calibrate_small_sample,
    choose_thresholds,
    count_sites,
    general_guarantees,
)
from moderation.training.corpus import Corpus
from moderation.training.design_matrix import DesignMatrix, build_matrix, extract
from moderation.training.evaluation import balanced_log_loss
from moderation.training.executors import ALL_PROCESSORS, Executor, report_tenths
from moderation.training.folds import deduplicate_groups, number_sites, site_folds, source_folds, text_keys
from moderation.training.linear import LinearModel
from moderation.training.parts import parts_of
from moderation.training.recipe import Recipe
from moderation.training.training_set import TrainingSet

_MIN_COMMENTS_PER_LABEL = 20
"""Minimum of spam and of ham, for a model and for the weights of a site."""
_MAX_SITE_LOG_LOSS_BITS = 0.5
"""Highest log loss (bits per label) at which a site keeps its own weights."""

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """A calibrated model with its thresholds, and the out-of-fold probabilities behind both.

    Attributes
    ----------
    linear : LinearModel
        The model that was fitted on everything, calibrated.
    thresholds : Thresholds
        The thresholds chosen on `out_of_fold`.
    general_guarantees : GeneralGuarantees, optional
        Their guarantees over sites, unless there are too few sites.
    site_count : int
        Number of sites, or pools of small ones, with enough ham to count for a guarantee.
    training_set : TrainingSet
        The comments that the model was fitted on.
    out_of_fold : ndarray of shape (n_comments,)
        Probabilities by the shared weights of models that had not seen the comment's fold.
    site_out_of_fold : ndarray of shape (n_comments,)
        Probabilities by site weights that had not seen the comment's template; NaN at sites without their own weights.
    """

    linear: LinearModel
    thresholds: Thresholds
    general_guarantees: GeneralGuarantees | None
    site_count: int
    training_set: TrainingSet
    out_of_fold: NDArray[np.float64]
    site_out_of_fold: NDArray[np.float64]

    def arrays(self) -> dict[str, Any]:
        """Return the content of `model.joblib`: arrays and plain values by name."""
        arrays = {
            "features_version": FEATURES_VERSION,
            "signals": list(signal_codes()),
            "weights": self.linear.weights.astype(np.float16),
            "signal_weights": self.linear.signal_weights,
            "means": self.linear.means,
            "bias": self.linear.bias,
            "passage_discount": self.linear.passage_discount,
            "contribution_limits": self.linear.contribution_limits,
        }
        urls = self.training_set.corpus.site_urls
        weights_by_site = [[urls[site], weights.to_list()] for site, weights in self.linear.weights_by_site.items()]
        return arrays | ({"weights_by_site": weights_by_site} if weights_by_site else {})


def build_training_set(
    corpus: Corpus, recipe: Recipe, report: Report, executor: Executor = ALL_PROCESSORS
) -> TrainingSet:
    """Deduplicate and augment a corpus and extract its features.

    Raises `InvalidCorpus` if fewer than 20 spam or 20 ham comments remain.
    """
    sources = np.array(corpus.source_names())
    corpus = corpus.where(~(corpus.spam & np.isin(sources, recipe.ham_only)))
    corpus, templates = _deduplicated(corpus, recipe, executor)
    for name, count in (("spam", corpus.spam.sum()), ("ham", (~corpus.spam).sum())):
        if count < _MIN_COMMENTS_PER_LABEL:
            raise InvalidCorpus(
                f"Only {count} different {name} comments; "
                f"a model needs at least {_MIN_COMMENTS_PER_LABEL} of each label."
            )
    report(f"Extracting features of {len(corpus.comments)} different comments ({corpus.spam.sum()} spam).")
    copies, donors = plan_copies(corpus, recipe, executor)
    plain = build_matrix(corpus.comments, executor, report_tenths(report, "Original comments"))
    augmented = executor.place(_extract_copies, copies, report_tenths(report, "Augmented copies"))
    return TrainingSet(corpus, templates, _sites_with_weights(corpus, recipe), plain, augmented, donors)


def train(
    training_set: TrainingSet, recipe: Recipe, report: Report, executor: Executor = ALL_PROCESSORS
) -> TrainingResult:
    """Fit, calibrate and choose thresholds, with one fit on everything and one for each held-out fold."""
    corpus, templates = training_set.corpus, training_set.templates
    nothing = np.zeros(len(corpus.comments), dtype=bool)
    folds = source_folds(corpus, recipe.folds, recipe.sites, templates)
    folds_of_sites = site_folds(corpus, training_set.sites, templates)
    report(f"Fitting one model on everything and {len(folds) + len(folds_of_sites)} with a fold held out.")
    final, *models = training_set.fit_folds(
        [nothing, *folds, *folds_of_sites], recipe, report_tenths(report, "Fitted"), executor
    )
    logits = out_of_fold_logits(training_set, folds, models[: len(folds)])
    site_logits = out_of_fold_logits(training_set, folds_of_sites, models[len(folds) :], training_set.sites)
    slope, offset = calibrate(logits, corpus.spam)
    rules = training_set.plain.rules
    out_of_fold = expit(slope * logits + offset + rules)
    ham = ham_by_site(corpus, out_of_fold, recipe)
    thresholds = choose_thresholds(ham, recipe)
    weights_by_site, site_out_of_fold = _calibrate_sites(corpus, final.weights_by_site, site_logits, out_of_fold, slope)
    for site in sorted(final.weights_by_site.keys() - weights_by_site.keys()):
        report(f"{corpus.site_urls[site]} uses the shared weights: its own weights were no better on its comments.")
    linear = replace(final.calibrated(slope, offset), weights_by_site=weights_by_site)
    guarantees = general_guarantees(ham, thresholds, recipe)
    if guarantees is None:
        report(f"The thresholds have no general guarantee: {count_sites(ham)} sites have enough ham, which is too few.")
    return TrainingResult(linear, thresholds, guarantees, count_sites(ham), training_set, out_of_fold, site_out_of_fold)


def out_of_fold_logits(
    training_set: TrainingSet,
    folds: Sequence[NDArray[np.bool_]],
    models: Sequence[LinearModel],
    sites: NDArray[np.int64] | None = None,
) -> NDArray[np.float64]:
    """Return the logit of each comment by the model that had not seen its fold, NaN outside of all folds.

    Parameters
    ----------
    training_set : TrainingSet
        The comments.
    folds : sequence of ndarray of shape (n_comments,)
        Masks of the held-out comments.
    models : sequence of LinearModel
        The model fitted without each fold.
    sites : ndarray of shape (n_comments,), optional
        Site numbers. With them, comments are scored by the weights of their site, otherwise by the shared weights.

    Returns
    -------
    logits : ndarray of shape (n_comments,)
    """
    groups = np.full(len(training_set.corpus.comments), -1) if sites is None else sites
    logits = np.full(len(groups), np.nan)
    for fold, model in zip(folds, models, strict=True):
        rows = np.flatnonzero(fold)
        logits[rows] = model.logits_for_sites(groups[rows], training_set.plain.take(rows))
    return logits


def ham_by_site(corpus: Corpus, scores: NDArray[np.float64], recipe: Recipe) -> list[NDArray[np.float64]]:
    """Return the scores of each site's ham, without sites that have none.

    Other registers are left out too, if any other ham remains: they are not exchangeable with comment sections.
    """
    ham = ~corpus.spam
    of_other_registers = np.isin(np.array(corpus.source_names()), recipe.other_registers)
    counted = ham & ~of_other_registers
    if not counted.any():
        counted = ham
    sites = number_sites(corpus, recipe.sites)
    return [scores[counted & (sites == site)] for site in np.unique(sites[counted])]


def _deduplicated(corpus: Corpus, recipe: Recipe, executor: Executor) -> tuple[Corpus, list[str]]:
    """Return the corpus without the copies in a source, and then in a site, and the template of each comment."""
    calls = parts_of(corpus.comments)
    keys = [key for part_keys in executor.stream(text_keys, calls) for key in part_keys]
    for groups in (attrgetter("sources"), attrgetter("sites")):
        kept = deduplicate_groups(keys, groups(corpus), corpus.spam, recipe.max_spam_per_template)
        corpus, keys = corpus.where(kept), list(compress(keys, kept.tolist()))
    return corpus, [key.template for key in keys]


def _extract_copies(*arguments: Any) -> DesignMatrix:
    """Return the features of the copies of a part; the arguments are those of `copy_part`."""
    return extract(copy_part(*arguments), with_passages=False)


def _sites_with_weights(corpus: Corpus, recipe: Recipe) -> NDArray[np.int64]:
    """Return the site number of each comment, -1 if the site has too few labels for its own weights."""
    sites = np.full(len(corpus.sites), -1)
    for site in range(len(corpus.site_urls)):
        mask = corpus.sites == site
        spam = int(corpus.spam[mask].sum())
        if recipe.site_C and min(spam, mask.sum() - spam) >= _MIN_COMMENTS_PER_LABEL:
            sites[mask] = site
    return sites


def _calibrate_sites(
    corpus: Corpus,
    weights_by_site: Mapping[int, TrainedWeights],
    logits: NDArray[np.float64],
    out_of_fold: NDArray[np.float64],
    shared_slope: float,
) -> tuple[dict[int, TrainedWeights], NDArray[np.float64]]:
    """Calibrate the weights of each site, and drop weights that are no better than the shared ones.

    Parameters
    ----------
    corpus : Corpus
        The comments.
    weights_by_site : mapping of int to TrainedWeights
        Uncalibrated weights by site number.
    logits : ndarray of shape (n_comments,)
        Out-of-fold logits by site weights.
    out_of_fold : ndarray of shape (n_comments,)
        Out-of-fold probabilities by the shared weights.
    shared_slope : float
        Slope of the calibration of the shared weights.

    Returns
    -------
    calibrated : dict of int to TrainedWeights
        The weights that are kept.
    probabilities : ndarray of shape (n_comments,)
        Out-of-fold probabilities by these weights, NaN at other sites.
    """
    calibrated, probabilities = {}, np.full(len(logits), np.nan)
    for site, site_weights in weights_by_site.items():
        mask = corpus.sites == site
        slope, offset = calibrate_small_sample(logits[mask], corpus.spam[mask])
        site_probabilities = expit(slope * logits[mask] + offset)
        if _beats_shared_weights(site_probabilities, out_of_fold[mask], corpus.spam[mask]):
            calibrated[site] = site_weights.scaled(slope, offset, shared_slope)
            probabilities[mask] = site_probabilities
    return calibrated, probabilities


def _beats_shared_weights(
    site_probabilities: NDArray[np.float64], shared_probabilities: NDArray[np.float64], spam: NDArray[np.bool_]
) -> bool:
    """Return whether site weights have a lower log loss than the shared weights and than the absolute limit.

    Contradictory labels give weights near zero. Without the absolute limit, these could let all spam of a site pass.
    """
    limit = min(balanced_log_loss(shared_probabilities, spam), _MAX_SITE_LOG_LOSS_BITS)
    return balanced_log_loss(site_probabilities, spam) < limit
