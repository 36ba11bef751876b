"""Train, evaluate, promote, roll back: the operator's verbs."""

import hashlib
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from moderation.domain.budget import Certificate, certify
from moderation.domain.errors import PromotionRefused
from moderation.domain.policy import Policy
from moderation.features.evidence import FEATURES_VERSION
from moderation.learning import evaluation, gate
from moderation.learning.corpus import Corpus, read_corpus
from moderation.learning.recipe import Recipe
from moderation.learning.report import render
from moderation.learning.training import Trained, prepare
from moderation.learning.training import train as train_model
from moderation.learning.verdicts import Judged
from moderation.registry.card import Card, CorpusEntry, SiteEntry
from moderation.registry.shelf import Shelf
from moderation.scoring.model import Model, probabilities

_LIBRARIES = ("moderation", "numpy", "scipy", "scikit-learn", "joblib")

_CONFIDENCE = 0.95
_EXCHANGEABLE = (
    "The certificates of the lines count the good comments of sources that were held out, the same that the lines were "
    "drawn from. Sources are not exchangeable: a blog unlike all of them may lose more, and only its own good comments "
    "certify its lines."
)

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How one model does on a corpus: the figures over all of it, the rates of each source, and what they are of."""

    model: str
    metrics: dict[str, float]
    sources: pd.DataFrame
    corpus: Corpus
    judged: Judged

    def rows(self) -> list[dict[str, Any]]:
        """The rates of each source as plain values; a share of nothing is `None`."""
        rows = self.sources.reset_index().to_dict("records")
        return [{str(name): None if value != value else value for name, value in row.items()} for row in rows]

    def table(self) -> str:
        """The same as text for a terminal."""
        return evaluation.table(self.sources)


def read_recipe(path: Path | None) -> Recipe:
    """The recipe of a TOML file, without one the usual recipe. Raises `InputRefused` naming what is wrong with it."""
    return Recipe() if path is None else Recipe.from_file(path)


def train(
    shelf: Shelf, files: Sequence[Path], recipe: Recipe, *, model_id: str | None, report: Report, now: datetime
) -> Card:
    """Trains on files of labelled comments and puts the model on the shelf; it does not go live.

    Raises `CorpusRefused` for files that cannot be learnt from and `Conflict` when the name is taken.
    """
    name = model_id or f"{now:%Y%m%d-%H%M%S}"
    # Before the long work, not after it.
    shelf.check_free(name)
    corpus = read_corpus(files, report)
    trained = train_model(prepare(corpus, recipe, report), recipe, report)
    return shelf.add(trained.arrays(), _card(name, corpus, trained, recipe))


def evaluate(shelf: Shelf, files: Sequence[Path], model_ids: Sequence[str], report: Report) -> list[Evaluation]:
    """Scores all comments of the files by each model, at the model's own lines.

    A model does well on what it learnt from; give it comments that it has not seen.
    """
    corpus = read_corpus(files, report)
    return [_evaluate(shelf.load(model_id), corpus) for model_id in model_ids]


def report_page(found: Sequence[Evaluation], champion: str | None) -> str:
    """The evaluations of one corpus as an HTML page by itself; the other models are compared with the `champion`.

    If that is not among them, the first is taken. The page quotes comments, so it is for the operator alone.
    """
    return render(found[0].corpus, [one.judged for one in found], champion)


def promote(shelf: Shelf, model_id: str, files: Sequence[Path] = (), *, force: bool = False, report: Report) -> None:
    """Makes a model the live one. With files, it is first compared with the live one on them.

    The comparison is as honest as the files: neither model should have learnt from them.
    Raises `PromotionRefused` with every objection, unless `force`.
    """
    champion = shelf.current_id()
    if files and champion and champion != model_id and not force:
        corpus = read_corpus(files, report)
        candidate, live = (_evaluate(shelf.load(name), corpus).metrics for name in (model_id, champion))
        found = gate.objections(candidate, live)
        if found:
            raise PromotionRefused(
                f"{model_id} was not promoted: {'; '.join(found)}. --force promotes it all the same."
            )
    shelf.promote(model_id)


def _evaluate(model: Model, corpus: Corpus) -> Evaluation:
    scores = _probabilities(model, corpus)
    lines: Policy = model.lines
    return Evaluation(
        model.id,
        evaluation.metrics(scores, corpus.spam, lines),
        evaluation.by_source(corpus, scores, lines),
        corpus,
        Judged(model, scores),
    )


def _probabilities(model: Model, corpus: Corpus) -> NDArray[np.float64]:
    """The chance of spam of each comment, with the weights of its site."""
    scores = np.empty(len(corpus.comments))
    for site in np.unique(corpus.sites):
        rows = np.flatnonzero(corpus.sites == site).tolist()
        scores[rows] = list(probabilities(model.at(corpus.site_url(rows[0])), [corpus.comments[i] for i in rows]))
    return scores


def _card(name: str, corpus: Corpus, trained: Trained, recipe: Recipe) -> Card:
    return Card(
        id=name,
        corpora=tuple(
            CorpusEntry(
                origin.source, origin.digest, recipe.licences.get(origin.source, "not stated"), origin.spam, origin.ham
            )
            for origin in corpus.origins
        ),
        recipe={key: value for key, value in recipe.values().items() if key != "licences"},
        lines=trained.lines,
        metrics=_metrics(trained),
        versions={"python": platform.python_version()} | {library: version(library) for library in _LIBRARIES},
        features=FEATURES_VERSION,
        digest="",
        caveats=(*recipe.caveats, _EXCHANGEABLE),
        certificates=_certificates(corpus, trained),
        sites=_sites(trained),
    )


def _sites(trained: Trained) -> tuple[SiteEntry, ...]:
    """The sites with weights of their own, by address."""
    corpus = trained.bench.corpus
    entries = []
    for site in trained.linear.layers:
        here = corpus.sites == site
        found = evaluation.metrics(trained.at_home[here], corpus.spam[here], trained.lines)
        spam = int(corpus.spam[here].sum())
        entries.append(SiteEntry(corpus.site_urls[site], spam, int(here.sum()) - spam, found))
    return tuple(sorted(entries, key=attrgetter("url")))


def _certificates(corpus: Corpus, trained: Trained) -> dict[str, Certificate]:
    """What the ham of sources held out proves about the review and the spam line."""
    ham = trained.unseen[~trained.bench.corpus.spam].tolist()
    digest = hashlib.sha256("\n".join(origin.digest for origin in corpus.origins).encode()).hexdigest()
    lines = {"review": trained.lines.review, "spam": trained.lines.spam}
    return {name: certify(line, ham, _CONFIDENCE, digest) for name, line in lines.items()}


def _metrics(trained: Trained) -> dict[str, float]:
    """The figures on sources held out, all together and the worst source of each rate."""
    corpus = trained.bench.corpus
    frame = evaluation.by_source(corpus, trained.unseen, trained.lines)
    worst = {f"{name}_worst_source": round(evaluation.worst(list(frame[name])), 6) for name in ("lost", "held")}
    return evaluation.metrics(trained.unseen, corpus.spam, trained.lines) | worst
