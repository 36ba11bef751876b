"""Builds the card of a trained model from its corpus, recipe and out-of-fold predictions."""

import hashlib
import platform
from collections.abc import Iterable
from importlib.metadata import version
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from moderation.domain.budget import Guarantee, guarantee_at
from moderation.domain.thresholds import Thresholds
from moderation.features.extraction import FEATURES_VERSION
from moderation.registry.model_card import CorpusEntry, ModelCard, SiteEntry
from moderation.training.calibration import MIN_SITE_HAM
from moderation.training.corpus import Corpus
from moderation.training.evaluation import metrics, rates_by_source
from moderation.training.fitting import TrainingResult
from moderation.training.recipe import Recipe
from moderation.training.relabelling import Relabelling

_LIBRARIES = ("moderation", "numpy", "scipy", "scikit-learn", "joblib")
_CONFIDENCE = 0.95
_EXCHANGEABILITY_CAVEAT = (
    "The guarantees count the ham of sources that were held out, the same ham that the thresholds were chosen on. "
    "Sources are not exchangeable: a blog unlike all of them may lose more, and only its own ham proves its thresholds."
)


def build_card(
    model_id: str, corpus: Corpus, trained: TrainingResult, recipe: Recipe, relabelling: Relabelling
) -> ModelCard:
    """Return the card of a model that was trained on `corpus`, with an empty digest."""
    return ModelCard(
        id=model_id,
        corpora=_corpus_entries(corpus, recipe),
        recipe=recipe.training_values(),
        thresholds=trained.thresholds,
        metrics=out_of_fold_metrics(trained.training_set.corpus, trained.out_of_fold, trained.thresholds),
        versions=library_versions(_LIBRARIES),
        features_version=FEATURES_VERSION,
        digest="",
        caveats=(*recipe.caveats, _EXCHANGEABILITY_CAVEAT),
        guarantees=bounds(corpus, trained.training_set.corpus.spam, trained.out_of_fold, trained.thresholds),
        general_guarantees=trained.general_guarantees,
        site_count=trained.site_count,
        sites=_site_entries(trained),
        relabelling=relabelling.digest,
    )


def library_versions(names: Iterable[str]) -> dict[str, str]:
    """Return the version of Python and of each library."""
    return {"python": platform.python_version()} | {name: version(name) for name in names}


def _corpus_entries(corpus: Corpus, recipe: Recipe) -> tuple[CorpusEntry, ...]:
    return tuple(
        CorpusEntry(file.source, file.digest, recipe.licences.get(file.source, "not stated"), file.spam, file.ham)
        for file in corpus.source_files
    )


def out_of_fold_metrics(corpus: Corpus, probabilities: NDArray[np.float64], thresholds: Thresholds) -> dict[str, float]:
    """Return metrics over all held-out sources, and the false-positive rates of the worst source.

    A source with less ham than a site that counts by itself is among the worst only if all have less.
    """
    frame = rates_by_source(corpus, probabilities, thresholds)
    if (large := frame["ham"] >= MIN_SITE_HAM).any():
        frame = frame[large]
    worst = {f"{name}_worst_source": round(float(frame[name].max()), 6) for name in ("lost", "held")}
    return metrics(probabilities, corpus.spam, thresholds) | worst


def bounds(
    corpus: Corpus, spam: NDArray[np.bool_], probabilities: NDArray[np.float64], thresholds: Thresholds
) -> dict[str, Guarantee]:
    """Return the bounds that the ham of held-out sources gives for the review and the spam threshold.

    `spam` and `probabilities` are those of the comments that are left after the files of the corpus were deduplicated.
    """
    ham = probabilities[~spam].tolist()
    digest = hashlib.sha256("\n".join(file.digest for file in corpus.source_files).encode()).hexdigest()
    names = {"review": thresholds.review, "spam": thresholds.spam}
    return {name: guarantee_at(threshold, ham, _CONFIDENCE, digest) for name, threshold in names.items()}


def _site_entries(trained: TrainingResult) -> tuple[SiteEntry, ...]:
    """Return the sites with their own weights, ordered by URL."""
    corpus = trained.training_set.corpus
    entries = []
    for site in trained.linear.weights_by_site:
        mask = corpus.sites == site
        spam = corpus.spam[mask]
        site_metrics = metrics(trained.site_out_of_fold[mask], spam, trained.thresholds)
        entries.append(SiteEntry(corpus.site_urls[site], int(spam.sum()), int((~spam).sum()), site_metrics))
    return tuple(sorted(entries, key=attrgetter("url")))
