"""Quality on unseen sources: each source of the data folder is held out in turn.

The model, the calibration and the thresholds of a source come from the other sources alone. For the two blogs with
spam the whole training runs without them. For each other source one model is fitted without it. Its calibration and
thresholds come from the other sources' scores, each by the model fitted without that source.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from benchmarks import data
from benchmarks.rows import BUILD, Row, at_least, at_most, figure
from benchmarks.youtube import AUTHORS_SPLIT, VIDEOS, Collection, mean_mcc, read_collection, write_labels
from moderation.domain.comment import Comment
from moderation.domain.thresholds import Thresholds
from moderation.training.calibration import calibrate, choose_thresholds
from moderation.training.corpus import read_corpus
from moderation.training.design_matrix import build_matrix
from moderation.training.evaluation import Rates, calibration_error, caught_at, metrics, rates
from moderation.training.fitting import (
    TrainingResult,
    TrainingSet,
    build_training_set,
    ham_by_site,
    out_of_fold_logits,
    train,
)
from moderation.training.recipe import Recipe

SPAM_BLOGS = ("blog_dylanmtaylor", "blog_tulloss")
TEXT_ONLY = "without fields"

Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class HeldOutSource:
    """The scores of one source, and the thresholds chosen without it."""

    name: str
    probabilities: Scores
    spam: NDArray[np.bool_]
    thresholds: Thresholds

    @property
    def rates(self) -> Rates:
        """Rates at the thresholds."""
        return rates(self.probabilities, self.spam, self.thresholds)


def measure() -> list[Row]:
    """Return the figures of all sources, and write the rates of each source to `build/bench/quality.csv`."""
    folder = data.folder()
    if folder is None:
        return data.no_folder("spam caught and ham lost on sources held out in turn")
    recipe = Recipe.from_file(data.RECIPE)
    training_set = build_training_set(data.read_all(folder), recipe, print)
    blogs = [source for blog in SPAM_BLOGS for source in _hold_out_blog(training_set, blog, recipe)]
    ham_sources, logits = _hold_out_each(training_set, recipe)
    _write_table([*blogs, *ham_sources])
    return [
        *(row for source in blogs for row in _blog_rows(source)),
        *_ham_rows([*(source for source in blogs if source.name in SPAM_BLOGS), *ham_sources]),
        *_calibration_rows(training_set, logits),
        *_site_label_rows(folder, recipe),
    ]


def _hold_out_blog(training_set: TrainingSet, blog: str, recipe: Recipe) -> list[HeldOutSource]:
    """Score a blog as sent, and with every field but the text dropped."""
    number = [file.source for file in training_set.corpus.source_files].index(blog)
    trained = train(training_set.without_source(number), recipe, print)
    at = np.flatnonzero(training_set.corpus.sources == number)
    text_only = build_matrix([Comment(training_set.corpus.comments[i].text) for i in at.tolist()])
    matrices = {blog: training_set.plain.take(at), f"{blog} {TEXT_ONLY}": text_only}
    return [
        HeldOutSource(name, expit(trained.linear.logits(matrix)), training_set.corpus.spam[at], trained.thresholds)
        for name, matrix in matrices.items()
    ]


def _hold_out_each(training_set: TrainingSet, recipe: Recipe) -> tuple[list[HeldOutSource], Scores]:
    """Return the sources of ham, and the logit of every comment by the model without its source."""
    corpus = training_set.corpus
    numbers = np.unique(corpus.sources).tolist()
    folds = [corpus.sources == number for number in numbers]
    logits = out_of_fold_logits(training_set, folds, training_set.fit_folds(folds, recipe))
    ham_sources = [number for number in numbers if _is_ham_source(corpus.source_files[number].source)]
    return [_hold_out_ham(training_set, number, logits, recipe) for number in ham_sources], logits


def _is_ham_source(name: str) -> bool:
    return name.startswith(("ham_", "blog_")) and name not in SPAM_BLOGS


def _hold_out_ham(training_set: TrainingSet, number: int, logits: Scores, recipe: Recipe) -> HeldOutSource:
    corpus = training_set.corpus
    others = corpus.sources != number
    rest = corpus.where(others)
    slope, offset = calibrate(logits[others], rest.spam)
    scores = expit(slope * logits + offset)
    thresholds = choose_thresholds(ham_by_site(rest, scores[others], recipe), recipe)
    return HeldOutSource(corpus.source_files[number].source, scores[~others], corpus.spam[~others], thresholds)


def _blog_rows(source: HeldOutSource) -> list[Row]:
    scores, spam = source.probabilities, source.spam
    figures = metrics(scores, spam, source.thresholds)
    name = f"{source.name} left out: "
    min_caught = 0.92 if source.name.endswith(TEXT_ONLY) else 0.95
    return [
        at_least(f"{name}spam caught", source.rates.caught, min_caught, "proportion"),
        figure(f"{name}spam blocked", source.rates.blocked, "proportion"),
        at_most(f"{name}its ham lost", source.rates.lost, 0.005, "proportion"),
        at_most(f"{name}its ham held", source.rates.held, 0.03, "proportion"),
        figure(f"{name}ROC AUC", figures["roc_auc"], "area"),
        figure(f"{name}caught at 3 % ham loss", caught_at(scores, spam, 0.03), "proportion"),
        figure(f"{name}caught at 1 % ham loss", caught_at(scores, spam, 0.01), "proportion"),
        figure(f"{name}caught at 0.5 % ham loss", caught_at(scores, spam, 0.005), "proportion"),
        figure(f"{name}calibration error, labels balanced", figures["balanced_calibration_error"], "probability"),
        figure(f"{name}Brier score, labels balanced", figures["balanced_brier"], "probability squared"),
        figure(f"{name}calibration error", calibration_error(scores, spam, np.ones(len(spam))), "probability"),
    ]


def _ham_rows(sources: Sequence[HeldOutSource]) -> list[Row]:
    rows = []
    for source in sources:
        if source.name not in SPAM_BLOGS:
            max_lost, max_held = (0.01, 0.04) if _is_blog(source) else (0.003, 0.03)
            rows.append(at_most(f"{source.name} left out: ham lost", source.rates.lost, max_lost, "proportion"))
            rows.append(at_most(f"{source.name} left out: ham held", source.rates.held, max_held, "proportion"))
    blogs = [source.rates for source in sources if source.name.startswith("blog_")]
    lost, held = float(np.mean([blog.lost for blog in blogs])), float(np.mean([blog.held for blog in blogs]))
    return [
        *rows,
        at_most(f"{len(blogs)} blogs: ham lost, mean", lost, 0.003, "proportion"),
        at_most(f"{len(blogs)} blogs: ham held, mean", held, 0.02, "proportion"),
    ]


def _is_blog(source: HeldOutSource) -> bool:
    return source.name.startswith("blog_") or source.name == "ham_haacked"


def _calibration_rows(training_set: TrainingSet, logits: Scores) -> list[Row]:
    """Return figures over all sources, each scored by the model without it, with both labels balanced."""
    spam = training_set.corpus.spam
    slope, offset = calibrate(logits, spam)
    figures = metrics(expit(slope * logits + offset), spam, Thresholds(0.5, 0.5, 0.5))
    name = "all sources, each left out"
    return [
        at_most(f"{name}: calibration error", figures["balanced_calibration_error"], 0.03, "probability"),
        figure(f"{name}: Brier score", figures["balanced_brier"], "probability squared"),
        figure(f"{name}: ROC AUC", figures["roc_auc"], "area"),
    ]


def _site_label_rows(folder: Path, recipe: Recipe) -> list[Row]:
    """Train with the training parts of the five videos as one site's labels, beside other corpora."""
    path, site_url = folder / "youtube_uci.csv.gz", "https://www.youtube.com"
    collection = read_collection(path).without_site_weights()
    corpora = {
        "the default corpora": [other for other in data.corpora(folder) if other != path],
        "the starter corpus": [data.STARTER],
    }
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        labels = Path(scratch) / "labels.csv"
        write_labels(path, labels, site_url)
        for others, files in corpora.items():
            corpus = read_corpus([*files, labels], print)
            trained = train(build_training_set(corpus, recipe, print), recipe, print)
            name = f"{AUTHORS_SPLIT}, {others} and the training parts as a site's labels"
            rows += _site_rows(name, collection, trained, corpus.site_urls.index(site_url))
    return rows


def _site_rows(name: str, collection: Collection, trained: TrainingResult, site: int) -> list[Row]:
    """Return the figures on the test parts, with the site's weights and with the shared weights."""
    linear, test_mask = trained.linear.for_site(site), ~collection.in_training
    cutoffs = dict.fromkeys(range(len(VIDEOS)), 0.0)
    test = rates(expit(collection.logits(linear, test_mask)), collection.spam[test_mask], trained.thresholds)
    return [
        figure(f"{name}: mean MCC", mean_mcc(collection, linear, cutoffs), "MCC"),
        figure(f"{name}, with the shared weights: mean MCC", mean_mcc(collection, trained.linear, cutoffs), "MCC"),
        figure(f"{name}: spam caught at the model's thresholds", test.caught, "proportion"),
        figure(f"{name}: ham lost at the model's thresholds", test.lost, "proportion"),
        figure(f"{name}: ham held at the model's thresholds", test.held, "proportion"),
    ]


def _write_table(sources: Sequence[HeldOutSource]) -> None:
    BUILD.mkdir(parents=True, exist_ok=True)
    frame = pd.DataFrame(
        [
            {"source": source.name} | {name: getattr(source.rates, name) for name in Rates.__slots__}
            for source in sources
        ]
    )
    frame.to_csv(BUILD / "quality.csv", index=False)
    print(frame.to_string(index=False))
