"""Our model and a scikit-learn pipeline of the same content, side by side: one comment, many, and training."""

import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer

from moderation.domain.comment import Comment
from moderation.features import lexicon, links, reading
from moderation.features.evidence import page_of
from moderation.features.ngrams import Page
from moderation.features.reading import Reading
from moderation.features.signals import measure as measure_one
from moderation.features.signals import measure_all
from moderation.learning.corpus import read_corpus
from moderation.learning.linear import fit
from moderation.learning.matrix import build_matrix
from moderation.learning.recipe import Recipe
from moderation.registry.shelf import Shelf
from moderation.scoring.model import Model, probabilities, score
from tests.benchmarks import data
from tests.benchmarks.rows import ROOT, Row, at_most
from tests.shipped import SHIPPED

_COMMENTS = 200
_SIZE = range(200, 400)
"""Code points of those that are timed one by one."""
_MANY = 1_000
_LEARNT = 2_000
_ROUNDS = 3
_PEER = "scikit-learn pipeline: TF-IDF words 1-2, characters 2-5, the signals, logistic regression"
_FASTTEXT = 12.0
"""Microseconds that fastText's `predict` takes for such a comment, measured when the bar was set."""


def measure() -> list[Row]:
    """Real comments where the data folder is there, else the starter corpus."""
    comments, spam = _comments()
    shelf = Shelf(ROOT / "models")
    model = shelf.load(shelf.current_id() or SHIPPED)
    pipeline = _pipeline().fit(comments, spam)
    usual = [comment for comment in comments if len(comment.text) in _SIZE][:_COMMENTS]
    others = [comment for comment in comments if comment not in usual]
    return [
        *_single(model, pipeline, usual, others),
        *_many(model, pipeline, comments[:_MANY]),
        *_training(comments, spam),
    ]


def _single(model: Model, pipeline: Pipeline, comments: Sequence[Comment], others: Sequence[Comment]) -> list[Row]:
    """Median microseconds a comment that the model has not met; it remembers the words of the others."""
    ours, theirs = _alternate(
        lambda: _used(model, others), [score, lambda _, comment: pipeline.predict_proba([comment])], comments
    )
    pages = [page_of(Reading(comment)) for comment in comments]
    (sums,) = _alternate(lambda: _used(model, others), [_sum], pages)
    return [
        Row("one comment with reasons", round(ours, 1), "microseconds"),
        Row("the same content through scikit-learn", round(theirs, 1), "microseconds"),
        _share("one comment, share of scikit-learn's time", ours, theirs, 0.2),
        at_most("its hashing and summing alone", sums, 5 * _FASTTEXT, "microseconds"),
    ]


def _used(model: Model, comments: Sequence[Comment]) -> Model:
    """The model as it is after those comments, with nothing remembered of any before."""
    _forget()
    used = replace(model)
    for comment in comments:
        score(used, comment)
    return used


def _forget() -> None:
    """Empties what the features remember of words, hosts and titles."""
    lexicon._found.clear()
    for remembered in (links._remembered_domain, reading._title_words):
        remembered.cache_clear()


def _sum(model: Model, page: Page) -> float:
    """The words' part of the logit."""
    return sum(sum(model.wordbook.shares(segment).values()) for segment in page)


def _many(model: Model, pipeline: Pipeline, comments: Sequence[Comment]) -> list[Row]:
    """Seconds for the whole batch, on one processor, by a model that has met no comment yet."""
    ours, theirs = _best(
        [lambda: list(probabilities(_used(model, []), comments)), lambda: pipeline.predict_proba(comments)]
    )
    return [_share(f"a batch of {len(comments)} comments, share of scikit-learn's time", ours, theirs, 1 / 3)]


def _training(comments: Sequence[Comment], spam: Sequence[bool]) -> list[Row]:
    """Reading and fitting the same rows, on one processor; memory is what Python and NumPy take at most."""
    truth, sources = np.array(spam), np.zeros(len(spam), dtype=np.int64)
    nowhere = np.full(len(spam), -1)
    ways: list[Callable[[], object]] = [
        lambda: fit(build_matrix(comments, jobs=1), truth, sources, nowhere, Recipe()),
        lambda: _pipeline().fit(comments, spam),
    ]
    _forget()
    our_time, their_time = _best(ways, rounds=1)
    our_peak, their_peak = map(_peak, ways)
    return [
        _share(f"training on {len(comments)} comments, share of scikit-learn's time", our_time, their_time, 1.0),
        _share(f"training on {len(comments)} comments, share of scikit-learn's memory", our_peak, their_peak, 0.5),
    ]


def _share(name: str, ours: float, theirs: float, bar: float) -> Row:
    ratio = ours / theirs
    return replace(at_most(name, ratio, round(bar, 3), "ratio"), against=_PEER, ratio=round(ratio, 4))


def _best(ways: Sequence[Callable[[], object]], rounds: int = _ROUNDS) -> list[float]:
    """The least seconds of some rounds, the ways taking turns."""
    return [min(times) for times in zip(*([_seconds(way) for way in ways] for _ in range(rounds)), strict=True)]


def _seconds(way: Callable[[], object]) -> float:
    started = perf_counter()
    way()
    return perf_counter() - started


def _peak(way: Callable[[], object]) -> float:
    """Bytes."""
    tracemalloc.start()
    way()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return float(peak)


def _comments() -> tuple[list[Comment], list[bool]]:
    folder = data.folder()
    files = (
        [folder / "blog_tulloss.csv.gz", folder / "ham_haacked.csv.gz", folder / "blog_lemire.csv.gz"] if folder else []
    )
    corpus = read_corpus(files or [data.STARTER], print)
    chance = np.random.default_rng(1)
    chosen = chance.choice(len(corpus.comments), min(_LEARNT, len(corpus.comments)), replace=False).tolist()
    return [corpus.comments[i] for i in chosen], corpus.spam[chosen].tolist()


def _pipeline() -> Pipeline:
    texts = {"words": ("word", (1, 2)), "characters": ("char_wb", (2, 5))}
    blocks = [
        (
            name,
            Pipeline(
                [("text", FunctionTransformer(_texts)), ("tfidf", TfidfVectorizer(analyzer=kind, ngram_range=span))]
            ),
        )
        for name, (kind, span) in texts.items()
    ]
    signals = ("signals", FunctionTransformer(_signals))
    return Pipeline([("features", FeatureUnion([*blocks, signals])), ("model", LogisticRegression(max_iter=200))])


def _texts(comments: Sequence[Comment]) -> list[str]:
    return [" ".join(filter(None, (comment.text, comment.author, comment.url))) for comment in comments]


def _signals(comments: Sequence[Comment]) -> sparse.csr_array:
    """As fast as ours, for one comment as for many."""
    readings = list(map(Reading, comments))
    return sparse.csr_array(np.nan_to_num(measure_all(readings) if len(readings) > 1 else [measure_one(readings[0])]))


def _alternate(
    prepare: Callable[[], Model], ways: Sequence[Callable[[Model, Any], object]], things: Sequence[Any]
) -> list[float]:
    """The median over things of the best of some rounds, in microseconds, the ways taking turns on each thing."""
    rounds = []
    for _ in range(_ROUNDS):
        model = prepare()
        rounds.append([[_seconds(partial(way, model, thing)) for way in ways] for thing in things])
    return [median(times) * 1e6 for times in np.min(rounds, axis=0).T.tolist()]
