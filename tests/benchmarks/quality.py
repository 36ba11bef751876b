"""What a model makes of blogs that it has not seen: each source is held out in turn.

Nothing of a tested source is in the model that judges it, nor in its calibration or its lines. For the two blogs
with spam the whole training runs without them. For the others one model each is fitted without the source, and the
calibration and the lines come from the scores of the other sources, each by the model that had not seen that one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import NDArray

from moderation.domain.policy import Policy
from moderation.learning.evaluation import Rates, caught_at, metrics, rates
from moderation.learning.linear import Linear
from moderation.learning.lines import calibrate, draw_lines
from moderation.learning.recipe import Recipe
from moderation.learning.training import Workbench, ham_by_source, prepare, train, unseen_logits
from tests.benchmarks import data
from tests.benchmarks.rows import BUILD, Row, at_least, at_most

SPAM_BLOGS = ("blog_dylanmtaylor", "blog_tulloss")


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
    blogs = [_blog_held_out(bench, blog, recipe) for blog in SPAM_BLOGS]
    hams = _each_held_out(bench, recipe)
    _write_table([*blogs, *(one for one in hams if one.source not in SPAM_BLOGS)])
    return [row for one in blogs for row in _blog_rows(one)] + _ham_rows([*blogs, *hams])


def _blog_held_out(bench: Workbench, blog: str, recipe: Recipe) -> Unseen:
    number = _number(bench, blog)
    trained = train(bench.without_source(number), recipe, print)
    at = np.flatnonzero(bench.corpus.sources == number)
    scores = 1.0 / (1.0 + np.exp(-trained.linear.logits(bench.plain.take(at))))
    spam = bench.corpus.spam[at]
    return Unseen(blog, rates(scores, spam, trained.lines), scores, spam, trained.lines)


def _each_held_out(bench: Workbench, recipe: Recipe) -> list[Unseen]:
    numbers = [number for number in range(len(bench.corpus.origins)) if (bench.corpus.sources == number).any()]
    folds = [bench.corpus.sources == number for number in numbers]
    models: Sequence[Linear] = Parallel(n_jobs=-1, prefer="threads")(
        delayed(bench.fit_without)(fold, recipe) for fold in folds
    )
    logits = unseen_logits(bench, folds, models)
    return [_ham_held_out(bench, number, logits, recipe) for number in numbers if _is_ham_source(bench, number)]


def _is_ham_source(bench: Workbench, number: int) -> bool:
    name = bench.corpus.origins[number].source
    return name.startswith(("ham_", "blog_")) and name not in SPAM_BLOGS


def _ham_held_out(bench: Workbench, number: int, logits: NDArray[np.float64], recipe: Recipe) -> Unseen:
    others = bench.corpus.sources != number
    corpus = bench.corpus.where(others)
    slope, offset = calibrate(logits[others], corpus.spam, corpus.sources)
    scores = 1.0 / (1.0 + np.exp(-(slope * logits + offset)))
    lines = draw_lines(ham_by_source(corpus, scores[others]), recipe)
    spam = bench.corpus.spam[~others]
    return Unseen(
        bench.corpus.origins[number].source, rates(scores[~others], spam, lines), scores[~others], spam, lines
    )


def _number(bench: Workbench, source: str) -> int:
    return [origin.source for origin in bench.corpus.origins].index(source)


def _blog_rows(one: Unseen) -> list[Row]:
    figures = metrics(one.probabilities, one.spam, one.lines)
    return [
        at_least(f"{one.source} left out: spam caught", one.found.caught, 0.90, "share"),
        Row(f"{one.source} left out: spam blocked", round(one.found.blocked, 6), "share"),
        at_most(f"{one.source} left out: its ham lost", one.found.lost, 0.01, "share"),
        at_most(f"{one.source} left out: its ham held", one.found.held, 0.04, "share"),
        Row(f"{one.source} left out: ROC AUC", figures["roc_auc"], "area"),
        Row(
            f"{one.source} left out: caught at 1 % ham loss",
            round(caught_at(one.probabilities, one.spam, 0.01), 6),
            "share",
        ),
        Row(f"{one.source} left out: calibration error", figures["calibration_error_even"], "probability"),
    ]


def _ham_rows(sources: Sequence[Unseen]) -> list[Row]:
    rows = []
    for one in sources:
        lost, held = (0.005, 0.04) if one.source.startswith("ham_") else (0.015, 0.08)
        if one.source not in SPAM_BLOGS:
            rows.append(at_most(f"{one.source} left out: ham lost", one.found.lost, lost, "share"))
            rows.append(at_most(f"{one.source} left out: ham held", one.found.held, held, "share"))
    blogs = [one.found for one in sources if one.source.startswith("blog_")]
    rows.append(Row("all blogs: ham lost, mean", round(float(np.mean([found.lost for found in blogs])), 6), "share"))
    rows.append(Row("all blogs: ham held, mean", round(float(np.mean([found.held for found in blogs])), 6), "share"))
    return rows


def _write_table(sources: Sequence[Unseen]) -> None:
    BUILD.mkdir(parents=True, exist_ok=True)
    frame = pd.DataFrame(
        [{"source": one.source} | {name: getattr(one.found, name) for name in Rates.__slots__} for one in sources]
    )
    frame.to_csv(BUILD / "quality.csv", index=False)
    print(frame.to_string(index=False))
