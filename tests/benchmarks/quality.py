"""What a model makes of blogs that it has not seen: each source is held out in turn.

Nothing of a tested source is in the model that judges it, nor in its calibration or its lines. For the two blogs
with spam the whole training runs without them. For the others one model each is fitted without the source, and the
calibration and the lines come from the scores of the other sources, each by the model that had not seen that one.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from moderation.domain.comment import Comment
from moderation.domain.policy import Policy
from moderation.domain.prior import shifted, spam_share
from moderation.learning.corpus import read_corpus
from moderation.learning.evaluation import Rates, calibration_error, caught_at, metrics, rates
from moderation.learning.lines import calibrate, draw_lines
from moderation.learning.matrix import build_matrix
from moderation.learning.recipe import Recipe
from moderation.learning.training import Trained, Workbench, ham_by_source, prepare, train, unseen_logits
from tests.benchmarks import data
from tests.benchmarks.rows import BUILD, Row, at_least, at_most
from tests.benchmarks.youtube import VIDEOS, Collection, mean_correlation, read_collection, write_labels

SPAM_BLOGS = ("blog_dylanmtaylor", "blog_tulloss")


TEXT_ONLY = "without fields"


@dataclass(frozen=True, slots=True)
class Unseen:
    """One source, judged by a model, a calibration and lines that had not seen it."""

    source: str
    found: Rates
    probabilities: NDArray[np.float64]
    spam: NDArray[np.bool_]
    lines: Policy


def measure() -> list[Row]:
    """The rows of the benchmark; the whole table goes to `build/bench/quality.csv`."""
    folder = data.folder()
    if folder is None:
        return data.absent("spam caught and ham lost on sources held out in turn")
    recipe = Recipe.from_file(data.RECIPE)
    bench = prepare(data.read_all(folder), recipe, print)
    blogs = [one for blog in SPAM_BLOGS for one in _blog_held_out(bench, blog, recipe)]
    hams, logits = _each_held_out(bench, recipe)
    _write_table([*blogs, *(one for one in hams if one.source not in SPAM_BLOGS)])
    return [
        *(row for one in blogs for row in _blog_rows(one)),
        *_ham_rows([*(one for one in blogs if one.source in SPAM_BLOGS), *hams]),
        *_calibration_rows(bench, logits),
        *_as_used(folder, recipe),
    ]


def _blog_held_out(bench: Workbench, blog: str, recipe: Recipe) -> list[Unseen]:
    """The blog as it is, and with every field but the text dropped."""
    number = _number(bench, blog)
    trained = train(bench.without_source(number), recipe, print)
    at = np.flatnonzero(bench.corpus.sources == number)
    bare = build_matrix([Comment(bench.corpus.comments[i].text) for i in at.tolist()])
    spam = bench.corpus.spam[at]
    return [
        _judged(blog, expit(trained.linear.logits(bench.plain.take(at))), spam, trained.lines),
        _judged(f"{blog} {TEXT_ONLY}", expit(trained.linear.logits(bare)), spam, trained.lines),
    ]


def _judged(name: str, scores: NDArray[np.float64], spam: NDArray[np.bool_], lines: Policy) -> Unseen:
    return Unseen(name, rates(scores, spam, lines), scores, spam, lines)


def _each_held_out(bench: Workbench, recipe: Recipe) -> tuple[list[Unseen], NDArray[np.float64]]:
    """The sources of ham, and the logit of each comment by the model that had not seen its source."""
    numbers = [number for number in range(len(bench.corpus.origins)) if (bench.corpus.sources == number).any()]
    folds = [bench.corpus.sources == number for number in numbers]
    logits = unseen_logits(bench, folds, bench.fit_each(folds, recipe))
    return [_ham_held_out(bench, number, logits, recipe) for number in numbers if _is_ham_source(bench, number)], logits


def _is_ham_source(bench: Workbench, number: int) -> bool:
    name = bench.corpus.origins[number].source
    return name.startswith(("ham_", "blog_")) and name not in SPAM_BLOGS


def _ham_held_out(bench: Workbench, number: int, logits: NDArray[np.float64], recipe: Recipe) -> Unseen:
    others = bench.corpus.sources != number
    corpus = bench.corpus.where(others)
    slope, offset = calibrate(logits[others], corpus.spam)
    scores = expit(slope * logits + offset)
    lines = draw_lines(ham_by_source(corpus, scores[others]), recipe)
    return _judged(bench.corpus.origins[number].source, scores[~others], bench.corpus.spam[~others], lines)


def _number(bench: Workbench, source: str) -> int:
    return [origin.source for origin in bench.corpus.origins].index(source)


def _blog_rows(one: Unseen) -> list[Row]:
    figures = metrics(one.probabilities, one.spam, one.lines)
    share = spam_share(one.probabilities.tolist()) or 0.5
    here = np.array([shifted(probability, share) for probability in one.probabilities.tolist()])
    alike = np.ones(len(here))
    name = f"{one.source} left out: "
    caught = 0.92 if one.source.endswith(TEXT_ONLY) else 0.95
    return [
        at_least(f"{name}spam caught", one.found.caught, caught, "share"),
        Row(f"{name}spam blocked", round(one.found.blocked, 6), "share"),
        at_most(f"{name}its ham lost", one.found.lost, 0.005, "share"),
        at_most(f"{name}its ham held", one.found.held, 0.03, "share"),
        Row(f"{name}ROC AUC", figures["roc_auc"], "area"),
        Row(f"{name}caught at 3 % ham loss", round(caught_at(one.probabilities, one.spam, 0.03), 6), "share"),
        Row(f"{name}caught at 1 % ham loss", round(caught_at(one.probabilities, one.spam, 0.01), 6), "share"),
        Row(f"{name}caught at 0.5 % ham loss", round(caught_at(one.probabilities, one.spam, 0.005), 6), "share"),
        Row(f"{name}calibration error", figures["calibration_error_even"], "probability"),
        Row(f"{name}Brier score", figures["brier_even"], "probability squared"),
        Row(
            f"{name}calibration error, comments as they come",
            round(calibration_error(one.probabilities, one.spam, alike), 6),
            "probability",
        ),
        Row(
            f"{name}the same, shifted to the share of spam found ({share:.3f}; really {one.spam.mean():.3f})",
            round(calibration_error(here, one.spam, alike), 6),
            "probability",
        ),
    ]


def _ham_rows(sources: Sequence[Unseen]) -> list[Row]:
    rows = []
    for one in sources:
        lost, held = (0.01, 0.04) if _is_blog(one) else (0.003, 0.03)
        if one.source not in SPAM_BLOGS:
            rows.append(at_most(f"{one.source} left out: ham lost", one.found.lost, lost, "share"))
            rows.append(at_most(f"{one.source} left out: ham held", one.found.held, held, "share"))
    blogs = [one.found for one in sources if one.source.startswith("blog_")]
    lost, held = (float(np.mean([getattr(found, name) for found in blogs])) for name in ("lost", "held"))
    return [
        *rows,
        at_most("the thirteen blogs: ham lost, mean", lost, 0.003, "share"),
        at_most("the thirteen blogs: ham held, mean", held, 0.02, "share"),
    ]


def _is_blog(one: Unseen) -> bool:
    return one.source.startswith("blog_") or one.source == "ham_haacked"


def _calibration_rows(bench: Workbench, logits: NDArray[np.float64]) -> list[Row]:
    """Over all sources, each scored by a model that had not seen it; both classes count alike."""
    corpus = bench.corpus
    slope, offset = calibrate(logits, corpus.spam)
    scores = expit(slope * logits + offset)
    figures = metrics(scores, corpus.spam, Policy(0.5, 0.5, 0.5))
    return [
        at_most(
            "all sources, each left out: calibration error", figures["calibration_error_even"], 0.03, "probability"
        ),
        Row("all sources, each left out: Brier score", figures["brier_even"], "probability squared"),
        Row("all sources, each left out: ROC AUC", figures["roc_auc"], "area"),
    ]


def _as_used(folder: Path, recipe: Recipe) -> list[Row]:
    """The training parts of the five videos as the labels of one site, beside what is learnt from otherwise."""
    path, site_url = folder / "youtube_uci.csv.gz", "https://www.youtube.com"
    collection = read_collection(path).shared()
    beside = {
        "the default corpora": [one for one in data.corpora(folder) if one != path],
        "the starter corpus": [data.STARTER],
    }
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        labels = Path(scratch) / "labels.csv"
        write_labels(path, labels, site_url)
        for others, files in beside.items():
            corpus = read_corpus([*files, labels], print)
            trained = train(prepare(corpus, recipe, print), recipe, print)
            name = f"youtube_uci, authors' split, {others} and the training parts as a site's labels"
            rows += _at_home(name, collection, trained, corpus.site_urls.index(site_url))
    return rows


def _at_home(name: str, collection: Collection, trained: Trained, site: int) -> list[Row]:
    """What the weights of the site, and those that all share, make of the test parts."""
    here, asked = trained.linear.at(site), ~collection.learnt
    found = rates(expit(collection.logits(here, asked)), collection.spam[asked], trained.lines)
    even = dict.fromkeys(range(len(VIDEOS)), 0.0)
    alike = mean_correlation(collection, trained.linear, even)
    return [
        Row(f"{name}: mean MCC", round(mean_correlation(collection, here, even), 6), "MCC"),
        Row(f"{name}, by the weights that all share: mean MCC", round(alike, 6), "MCC"),
        Row(f"{name}: spam caught at the model's lines", round(found.caught, 6), "share"),
        Row(f"{name}: ham lost at the model's lines", round(found.lost, 6), "share"),
        Row(f"{name}: ham held at the model's lines", round(found.held, 6), "share"),
    ]


def _write_table(sources: Sequence[Unseen]) -> None:
    BUILD.mkdir(parents=True, exist_ok=True)
    frame = pd.DataFrame(
        [{"source": one.source} | {name: getattr(one.found, name) for name in Rates.__slots__} for one in sources]
    )
    frame.to_csv(BUILD / "quality.csv", index=False)
    print(frame.to_string(index=False))
