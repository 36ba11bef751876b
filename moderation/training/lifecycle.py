"""Train, evaluate and promote: an operator's commands on models."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from moderation.domain.errors import ModerationError, PromotionRefused
from moderation.domain.invisible import show_invisible
from moderation.registry.model_card import ModelCard
from moderation.registry.model_registry import ModelRegistry
from moderation.scoring.model import Model, probabilities
from moderation.training import evaluation, fitting
from moderation.training.corpus import SPAM_AND_HAM, Corpus, LabelWords, read_corpus
from moderation.training.evaluation import ScoredCorpus
from moderation.training.model_cards import build_card
from moderation.training.recipe import Recipe
from moderation.training.relabelling import NOTHING_RELABELLED, Relabelling
from moderation.training.report import render

_MAX_LOST_INCREASE = 0.002
_MAX_HELD_INCREASE = 0.01
_MAX_CAUGHT_DECREASE = 0.02

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The metrics of a model on a corpus, and its rates by source."""

    model: str
    metrics: dict[str, float]
    sources: pd.DataFrame
    corpus: Corpus
    scored: ScoredCorpus

    def rows(self) -> list[dict[str, Any]]:
        """Return the rates of each source as plain values, `None` for a rate of no comments."""
        rows = self.sources.reset_index().to_dict("records")
        return [{str(name): None if value != value else value for name, value in row.items()} for row in rows]

    def format_table(self) -> str:
        """Format the rates of each source for a terminal."""
        return evaluation.format_table(self.sources)


@dataclass(frozen=True, slots=True)
class RegistryEntry:
    """A model in the registry. An unreadable card is `None`, and `load_error` gives the cause."""

    id: str
    live: bool
    card: ModelCard | None
    load_error: str | None


def read_recipe(path: Path | None) -> Recipe:
    """Read a recipe from a TOML file; without a path, return the default recipe. Raises `InvalidInput`."""
    return Recipe() if path is None else Recipe.from_file(path)


def train(
    registry: ModelRegistry,
    files: Sequence[Path],
    recipe: Recipe,
    *,
    model_id: str | None,
    report: Report,
    now: datetime,
    words: LabelWords = SPAM_AND_HAM,
    relabelling: Relabelling = NOTHING_RELABELLED,
) -> ModelCard:
    """Train on files of labelled comments and add the model to the registry, without promoting it.

    Without a `model_id`, the model is named after the time. Raises `InvalidCorpus` for files without enough comments.
    Raises `Conflict` if the id is taken, and `InvalidInput` if it is malformed or the registry is not writable.
    """
    name = model_id or f"{now:%Y%m%d-%H%M%S}"
    # Without this check, minutes of fitting are lost when the model cannot be stored in the end.
    registry.check_can_add(name)
    corpus = read_corpus(files, report, words, relabelling)
    unread = sorted(relabelling.labels.keys() - {file.source for file in corpus.source_files})
    if unread:
        report(f"Corrections of sources that were not read: {show_invisible(', '.join(unread))}.")
    trained = fitting.train(fitting.build_training_set(corpus, recipe, report), recipe, report)
    return registry.add(trained.arrays(), build_card(name, corpus, trained, recipe, relabelling))


def evaluate(
    registry: ModelRegistry,
    files: Sequence[Path],
    model_ids: Sequence[str],
    report: Report,
    words: LabelWords = SPAM_AND_HAM,
) -> list[Evaluation]:
    """Evaluate each model on all comments of the files, at the model's thresholds.

    The metrics are valid only if the model was not trained on these comments.
    """
    corpus = read_corpus(files, report, words)
    return [_evaluate_model(registry.load(model_id), corpus) for model_id in model_ids]


def render_report(evaluations: Sequence[Evaluation], champion: str | None) -> str:
    """Render evaluations of one corpus as an HTML page that compares the other models with the `champion`.

    If the champion is missing, the first model takes its place. The page quotes comments: it is for the operator alone.
    """
    return render(evaluations[0].corpus, [entry.scored for entry in evaluations], champion)


def promote(
    registry: ModelRegistry,
    model_id: str,
    files: Sequence[Path] = (),
    *,
    force: bool = False,
    report: Report,
    words: LabelWords = SPAM_AND_HAM,
) -> None:
    """Make a model the live one. With files, compare it with the live model on them first.

    The comparison is valid only if neither model was trained on the files.
    Raises `PromotionRefused` that names every regression, unless `force` is set, and `Conflict` if another model went
    live during the comparison.
    """
    champion = registry.current_id()
    if files and champion and champion != model_id and not force:
        corpus = read_corpus(files, report, words)
        candidate, live = (_evaluate_model(registry.load(name), corpus).metrics for name in (model_id, champion))
        objections = regressions(candidate, live)
        if objections:
            raise PromotionRefused(
                f"{model_id} was not promoted: {'; '.join(objections)}. Use --force to promote it anyway."
            )
        registry.promote(model_id, compared_with=champion)
    else:
        registry.promote(model_id)


def regressions(candidate: Mapping[str, float], champion: Mapping[str, float]) -> list[str]:
    """Return a sentence for each metric that is worse than the champion's by more than its tolerance.

    Both must be measured on the same comments. The tolerances are 0.2 points of ham lost, 1 point of ham held and
    2 points of spam caught. This is about the sampling error of a holdout of a few thousand comments.
    """
    checks = (
        ("lost", "ham lost", _MAX_LOST_INCREASE, 1),
        ("held", "ham held", _MAX_HELD_INCREASE, 1),
        ("caught", "spam caught", _MAX_CAUGHT_DECREASE, -1),
    )
    return [
        f"{name} goes from {champion[key]:.2%} to {candidate[key]:.2%}, more than {max_change:.1%} worse"
        for key, name, max_change, sign in checks
        if key in candidate and key in champion and sign * (candidate[key] - champion[key]) > max_change
    ]


def list_models(registry: ModelRegistry) -> list[RegistryEntry]:
    """Return all models of the registry, ordered by id, those with an unreadable card included."""
    live = registry.current_id()
    return [_registry_entry(registry, model_id, model_id == live) for model_id in registry.ids()]


def _registry_entry(registry: ModelRegistry, model_id: str, live: bool) -> RegistryEntry:
    try:
        return RegistryEntry(model_id, live, registry.card(model_id), None)
    except ModerationError as error:
        return RegistryEntry(model_id, live, None, str(error))


def _evaluate_model(model: Model, corpus: Corpus) -> Evaluation:
    scores = _probabilities(model, corpus)
    return Evaluation(
        model.id,
        evaluation.metrics(scores, corpus.spam, model.thresholds),
        evaluation.rates_by_source(corpus, scores, model.thresholds),
        corpus,
        ScoredCorpus(model, scores),
    )


def _probabilities(model: Model, corpus: Corpus) -> NDArray[np.float64]:
    """Return the spam probability of each comment by the weights of its site, shape (n_comments,)."""
    scores = np.empty(len(corpus.comments))
    for site in np.unique(corpus.sites):
        rows = np.flatnonzero(corpus.sites == site).tolist()
        site_model = model.for_site(corpus.site_url(rows[0]))
        scores[rows] = list(probabilities(site_model, [corpus.comments[i] for i in rows]))
    return scores
