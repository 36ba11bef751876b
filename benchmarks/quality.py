"""Quality on unseen sites: the sources of each site of the data folder are held out in turn.

The model of a source was fitted without its site. Its calibration and its thresholds come from the other sites alone,
each scored by a model fitted without that site. Comments with a corrected label train, but do not count in a source's
figures: a correction must not flatter the source it was read in.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from benchmarks import data
from benchmarks.rows import BUILD, Row, at_least, at_most, figure
from benchmarks.shared_templates import shared_rates
from benchmarks.youtube import AUTHORS_SPLIT, VIDEOS, Collection, mean_mcc, read_collection, write_labels
from moderation.domain.comment import Comment
from moderation.domain.thresholds import Thresholds
from moderation.training.calibration import calibrate, choose_thresholds
from moderation.training.corpus import Corpus, read_corpus
from moderation.training.design_matrix import build_matrix
from moderation.training.evaluation import Rates, caught_at, metrics, rates
from moderation.training.fitting import (
    TrainingResult,
    TrainingSet,
    build_training_set,
    ham_by_site,
    out_of_fold_logits,
    train,
)
from moderation.training.folds import number_sites, source_folds
from moderation.training.recipe import Recipe
from moderation.training.relabelling import Relabelling

MIN_SPAM = 40
"""Spam comments from which on a source has a rate of spam worth stating."""
MAX_SHARED = 0.1
"""Proportion of spam that shares templates with other sites, from which on a source is reported apart."""

_MIN_HAM = 300
"""Ham comments from which on a source counts among the worst."""
OLD_BLOGS = ("blog_dylanmtaylor", "blog_tulloss")
_HARDEST_SITE = "ham_haacked"
_NEW_LANGUAGES = (
    "ham_de_germeval", "ham_es_offendes", "ham_ko_news", "ham_pt_offcombr", "ham_th_wisesight", "ham_zh_cold",
)  # fmt: skip

Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class HeldOutSource:
    """The scores of one source by a model without its site, and the thresholds chosen without its site.

    `text_only` has the scores of the same comments without any other field. `site` is the name of its site.
    """

    name: str
    site: str
    probabilities: Scores
    text_only: Scores
    spam: NDArray[np.bool_]
    thresholds: Thresholds
    dated: bool

    @property
    def rates(self) -> Rates:
        """Rates at the thresholds."""
        return rates(self.probabilities, self.spam, self.thresholds)

    @property
    def text_only_rates(self) -> Rates:
        """Rates at the thresholds of comments without any other field."""
        return rates(self.text_only, self.spam, self.thresholds)

    @property
    def cautious_rates(self) -> Rates:
        """Rates on the first day with `site rollout --cautious`: only what the model would discard is blocked."""
        cautious = Thresholds(self.thresholds.review, self.thresholds.discard, 1.0)
        return rates(self.probabilities, self.spam, cautious)


def measure() -> list[Row]:
    """Return the figures of all sources, and write the rates of each source to `build/bench/quality.csv`."""
    folder = data.folder()
    if folder is None:
        return data.no_folder("spam caught and ham lost on sources held out in turn")
    recipe = Recipe.from_file(data.RECIPE)
    training_set = build_training_set(data.read_all(folder), recipe, print)
    sources, logits = _hold_out_each(training_set, recipe)
    shared = shared_rates(training_set.corpus, number_sites(training_set.corpus, recipe.sites))
    _write_table(sources, shared)
    spammed = [source for source in sources if is_blog(source.name) and source.rates.spam >= MIN_SPAM]
    return [
        *_spam_rows(spammed, shared),
        *_ham_rows(sources),
        *_first_day_rows([source for source in spammed if source.dated]),
        *_calibration_rows(training_set, logits),
        *_site_label_rows(folder, recipe),
    ]


def _hold_out_each(training_set: TrainingSet, recipe: Recipe) -> tuple[list[HeldOutSource], Scores]:
    """Return the sources, and the logit of every comment by the model without its site."""
    corpus = training_set.corpus
    folds = source_folds(corpus, recipe.folds, recipe.sites)
    models = training_set.fit_folds(folds, recipe)
    logits = out_of_fold_logits(training_set, folds, models)
    texts = build_matrix([Comment(comment.text) for comment in corpus.comments])
    text_only = np.empty_like(logits)
    for fold, model in zip(folds, models, strict=True):
        text_only[fold] = model.logits(texts.take(np.flatnonzero(fold)))
    sites = number_sites(corpus, recipe.sites)
    return [
        source
        for site in np.unique(sites)
        for source in _hold_out(training_set, sites == site, logits, text_only, recipe)
    ], logits


def _hold_out(
    training_set: TrainingSet, site: NDArray[np.bool_], logits: Scores, text_only: Scores, recipe: Recipe
) -> Iterator[HeldOutSource]:
    """Yield the sources of a site, with calibration and thresholds from the other sites."""
    corpus = training_set.corpus
    rest = corpus.where(~site)
    relabelled = is_relabelled(corpus)
    slope, offset = calibrate(logits[~site], rest.spam)
    rules = training_set.plain.rules
    probabilities = expit(slope * logits + offset + rules)
    thresholds = choose_thresholds(ham_by_site(rest, probabilities[~site], recipe), recipe)
    for number in np.unique(corpus.sources[site]).tolist():
        rows = np.flatnonzero((corpus.sources == number) & ~relabelled)
        name = corpus.source_files[number].source
        yield HeldOutSource(
            name,
            recipe.sites.get(name, name),
            probabilities[rows],
            expit(slope * text_only[rows] + offset + rules[rows]),
            corpus.spam[rows],
            thresholds,
            dated=any(corpus.comments[row].date for row in rows.tolist()),
        )


def is_relabelled(corpus: Corpus) -> NDArray[np.bool_]:
    """Return a mask of the comments whose label was corrected."""
    labels = Relabelling.from_file(data.RELABELLED).labels
    names = corpus.source_names()
    return np.array(
        [comment_id in labels.get(name, {}) for name, comment_id in zip(names, corpus.ids, strict=True)], dtype=bool
    )


def is_blog(name: str) -> bool:
    """Return whether a source is a blog's comment section."""
    return name.startswith(("blog_", "sm_")) or name == _HARDEST_SITE


def _spam_rows(sources: Sequence[HeldOutSource], shared: Mapping[str, float]) -> list[Row]:
    rows = [row for source in sources for row in _source_rows(source)]
    alone = [source for source in sources if shared[source.name] < MAX_SHARED]
    together = [source for source in sources if shared[source.name] >= MAX_SHARED]
    for name, group, min_caught, min_blocked in (
        (f"{len(sources)} sources of blogs", sources, 0.93, 0.78),
        (f"{len(alone)} of them that share few templates", alone, 0.9, 0.7),
        (f"{len(together)} that share templates", together, 0.0, 0.0),
    ):
        if group:
            caught, blocked = fmean(s.rates.caught for s in group), fmean(s.rates.blocked for s in group)
            rows.append(at_least(f"{name}: spam caught, mean", caught, min_caught, "proportion"))
            rows.append(at_least(f"{name}: spam blocked, mean", blocked, min_blocked, "proportion"))
    text_only = fmean(source.text_only_rates.caught for source in sources)
    rows.append(at_least(f"{len(sources)} sources of blogs, text alone: caught, mean", text_only, 0.85, "proportion"))
    return rows


def _source_rows(source: HeldOutSource) -> list[Row]:
    min_caught, min_blocked = (0.96, 0.86) if source.name in OLD_BLOGS else (0.75, 0.45)
    if source.site == _HARDEST_SITE:
        min_caught, min_blocked = 0.65, 0.4
    name = f"{source.name} left out: "
    rows = [
        at_least(f"{name}spam caught", source.rates.caught, min_caught, "proportion"),
        at_least(f"{name}spam blocked", source.rates.blocked, min_blocked, "proportion"),
        figure(f"{name}spam caught by text alone", source.text_only_rates.caught, "proportion"),
    ]
    if source.rates.ham >= MIN_SPAM:
        figures = metrics(source.probabilities, source.spam, source.thresholds)
        caught = caught_at(source.probabilities, source.spam, 0.01)
        rows.append(figure(f"{name}ROC AUC", figures["roc_auc"], "area"))
        rows.append(figure(f"{name}caught at 1 % ham loss", caught, "proportion"))
    return rows


def _ham_rows(sources: Sequence[HeldOutSource]) -> list[Row]:
    rows = []
    for source in sources:
        if not source.rates.ham:
            continue
        large_blog = is_blog(source.name) and source.rates.ham >= _MIN_HAM
        max_lost, max_held = (0.008, 0.04) if large_blog else (None, None)
        if source.name in _NEW_LANGUAGES:
            max_lost, max_held = 0.001, 0.005
        for verb, rate, bar in (("lost", source.rates.lost, max_lost), ("held", source.rates.held, max_held)):
            name = f"{source.name} left out: ham {verb}"
            rows.append(figure(name, rate, "proportion") if bar is None else at_most(name, rate, bar, "proportion"))
    blogs = [source.rates for source in sources if is_blog(source.name) and source.rates.ham]
    lost, held = fmean(blog.lost for blog in blogs), fmean(blog.held for blog in blogs)
    return [
        *rows,
        at_most(f"{len(blogs)} sources of blogs: ham lost, mean", lost, 0.002, "proportion"),
        at_most(f"{len(blogs)} sources of blogs: ham held, mean", held, 0.012, "proportion"),
    ]


def _first_day_rows(sources: Sequence[HeldOutSource]) -> list[Row]:
    """Return what happens to the comments of a site on its first day, without any label."""
    rows = []
    for source in sources:
        for rollout, day in (("default", source.rates), ("cautious", source.cautious_rates)):
            name = f"{source.name} as a fresh site, {rollout}: "
            rows.append(figure(f"{name}spam blocked", day.blocked, "proportion"))
            rows.append(figure(f"{name}spam held", day.caught - day.blocked, "proportion"))
            if day.ham:
                rows.append(figure(f"{name}ham blocked", day.lost, "proportion"))
                rows.append(figure(f"{name}ham held", day.held, "proportion"))
    return rows


def _calibration_rows(training_set: TrainingSet, logits: Scores) -> list[Row]:
    """Return figures over all sources, each scored by the model without it, with both labels balanced."""
    spam = training_set.corpus.spam
    slope, offset = calibrate(logits, spam)
    figures = metrics(expit(slope * logits + offset), spam, Thresholds(0.5, 0.5, 0.5))
    name = "all sources, each left out"
    return [
        at_most(f"{name}: calibration error", figures["balanced_calibration_error"], 0.015, "probability"),
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


def _write_table(sources: Sequence[HeldOutSource], shared: Mapping[str, float]) -> None:
    BUILD.mkdir(parents=True, exist_ok=True)
    columns = Rates.__slots__
    frame = pd.DataFrame(
        [
            {"source": source.name, "shared": shared[source.name]}
            | {name: getattr(source.rates, name) for name in columns}
            | {"text_only_caught": source.text_only_rates.caught}
            for source in sources
        ]
    )
    frame.to_csv(BUILD / "quality.csv", index=False)
    print(frame.round(4).to_string(index=False))
