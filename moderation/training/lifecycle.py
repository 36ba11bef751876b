"""Train, evaluate and promote: an operator's commands on models."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from moderation.domain.comment import Comment
from moderation.domain.errors import ModerationError, PromotionRefused
from moderation.domain.invisible import show_invisible
from moderation.registry.model_card import ModelCard
from moderation.registry.model_registry import ModelRegistry
from moderation.registry.promotion_log import Promotion, PromotionWay
from moderation.registry.stored_model import StoredModel
from moderation.training import evaluation, fitting, gate
from moderation.training.corpus import SPAM_AND_HAM, Corpus, LabelWords, read_corpus
from moderation.training.evaluation import ScoredCorpus
from moderation.training.executors import ALL_PROCESSORS, ONE_PROCESSOR, Executor
from moderation.training.model_cards import build_card
from moderation.training.parts import parts_of, row_slices
from moderation.training.recipe import Recipe
from moderation.training.relabelling import NOTHING_RELABELLED, Relabelling
from moderation.training.report import render

Report = Callable[[str], None]
Publish = Callable[[str], None]


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
    executor: Executor = ALL_PROCESSORS,
) -> ModelCard:
    """Train on files of labelled comments and add the model to the registry, without promoting it.

    Without a `model_id`, the model is named after the time.
    Raises `InvalidCorpus` for files without enough comments, `Conflict` if the id is taken, and `InvalidInput` if it is
    malformed or the registry is not writable.
    """
    name = model_id or f"{now:%Y%m%d-%H%M%S}"
    # Without this check, minutes of fitting are lost when the model cannot be stored in the end.
    registry.check_can_add(name)
    corpus = executor.read_corpus(files, report, words, relabelling)
    unread = sorted(relabelling.labels.keys() - {file.source for file in corpus.source_files})
    if unread:
        report(f"Corrections of sources that were not read: {show_invisible(', '.join(unread))}.")
    training_set = fitting.build_training_set(corpus, recipe, report, executor)
    trained = fitting.train(training_set, recipe, report, executor)
    return registry.add(trained.arrays(), build_card(name, corpus, trained, recipe, relabelling))


def evaluate(
    registry: ModelRegistry,
    files: Sequence[Path],
    model_ids: Sequence[str],
    report: Report,
    words: LabelWords = SPAM_AND_HAM,
    executor: Executor = ONE_PROCESSOR,
) -> list[Evaluation]:
    """Evaluate each model on all comments of the files, at the model's thresholds.

    The metrics are valid only if the model was not trained on these comments.
    """
    models = [StoredModel.load(registry, model_id) for model_id in model_ids]
    corpus = executor.read_corpus(files, report, words, NOTHING_RELABELLED)
    return [_evaluate_model(model, corpus, executor) for model in models]


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
    now: datetime,
    words: LabelWords = SPAM_AND_HAM,
    publish: Publish | None = None,
) -> None:
    """Make a model the live one if the gate has no objections. The log of promotions keeps the overruled ones.

    The files are labelled comments that neither the model nor the live one was trained on. Raises `PromotionRefused`
    with every objection, unless `force` is set or no model is live, and `Conflict` if another model went live during
    the comparison. `publish` is called with the id before the model goes live.
    """
    champion = registry.current_id()
    if champion in (None, model_id):
        registry.promote(model_id, record=Promotion(now, model_id, None, PromotionWay.FIRST), publish=publish)
        return
    if files:
        found = compare(registry, model_id, champion, read_corpus(files, report, words), report)
    else:
        found = [f"nothing shows that it is better than {champion}; compare them with --against"]
    if found and not force:
        raise PromotionRefused(f"{model_id} was not promoted: {'; '.join(found)}. Use --force to promote it anyway.")
    way = PromotionWay.FORCED if found else PromotionWay.GATE
    record = Promotion(now, model_id, champion, way, tuple(found))
    registry.promote(model_id, compared_with=champion if files else None, record=record, publish=publish)


def compare(registry: ModelRegistry, model_id: str, champion: str, holdout: Corpus, report: Report) -> list[str]:
    """Return the objections of the gate to a model, compared with another one on labelled comments."""
    candidate, live = ((registry.load(name).patient(), registry.card(name)) for name in (model_id, champion))
    return gate.objections(candidate, live, holdout, report)


def list_models(registry: ModelRegistry) -> list[RegistryEntry]:
    """Return all models of the registry, ordered by id, those with an unreadable card included."""
    live = registry.current_id()
    return [_registry_entry(registry, model_id, model_id == live) for model_id in registry.ids()]


def _registry_entry(registry: ModelRegistry, model_id: str, live: bool) -> RegistryEntry:
    try:
        return RegistryEntry(model_id, live, registry.card(model_id), None)
    except ModerationError as error:
        return RegistryEntry(model_id, live, None, str(error))


def _evaluate_model(stored: StoredModel, corpus: Corpus, executor: Executor) -> Evaluation:
    model, scores = stored.model, _score_corpus(stored, corpus, executor)
    return Evaluation(
        model.id,
        evaluation.metrics(scores, corpus.spam, model.thresholds),
        evaluation.rates_by_source(corpus, scores, model.thresholds),
        corpus,
        ScoredCorpus(model, scores),
    )


def _score_corpus(stored: StoredModel, corpus: Corpus, executor: Executor) -> NDArray[np.float64]:
    """Return the spam probability of each comment by the weights of its site, shape (n_comments,)."""
    parts = parts_of(corpus.comments)
    calls = [
        (*part, [corpus.site_url(index) for index in range(rows.start, rows.stop)], stored)
        for part, rows in zip(parts, row_slices(parts), strict=True)
    ]
    return np.concatenate([np.zeros(0), *executor.stream(_score_part, calls)])


def _score_part(
    comments: Sequence[Comment], rows: NDArray[np.int64], site_urls: Sequence[str], stored: StoredModel
) -> NDArray[np.float64]:
    return gate.score_comments(stored.model, [comments[row] for row in rows.tolist()], site_urls)
