"""One comment through our model and through a scikit-learn pipeline of the same content, in one alternating run."""

from collections.abc import Callable, Sequence
from statistics import median
from time import perf_counter

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer

from moderation.domain.comment import Comment
from moderation.features.reading import Reading
from moderation.features.signals import measure as measure_signals
from moderation.learning.corpus import read_corpus
from moderation.registry.shelf import Shelf
from moderation.scoring.model import score
from tests.benchmarks import data
from tests.benchmarks.rows import ROOT, Row

_COMMENTS = 300
_ROUNDS = 5


def measure() -> list[Row]:
    """Median microseconds a comment: real comments where the data folder is there, else the starter corpus."""
    comments, spam = _comments()
    shelf = Shelf(ROOT / "models")
    model = shelf.load(shelf.current_id() or "default")
    pipeline = _pipeline().fit(comments, spam)
    ours, theirs = _alternate(
        [lambda comment: score(model, comment), lambda comment: pipeline.predict_proba([comment])], comments[:_COMMENTS]
    )
    ratio = ours / theirs
    return [
        Row("one comment with reasons", round(ours, 1), "microseconds"),
        Row("the same content through scikit-learn", round(theirs, 1), "microseconds"),
        Row(
            "one comment, share of scikit-learn's time",
            round(ratio, 4),
            "ratio",
            "at most 0.333",
            ratio <= 1 / 3,
            "scikit-learn pipeline: TF-IDF words 1-2, characters 2-5, the signals, logistic regression",
            round(ratio, 4),
        ),
    ]


def _comments() -> tuple[list[Comment], list[bool]]:
    folder = data.folder()
    files = (
        [folder / "blog_tulloss.csv.gz", folder / "ham_haacked.csv.gz", folder / "blog_lemire.csv.gz"] if folder else []
    )
    corpus = read_corpus(files or [data.STARTER], print)
    chance = np.random.default_rng(1)
    chosen = chance.choice(len(corpus.comments), min(4000, len(corpus.comments)), replace=False).tolist()
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
    return sparse.csr_array(np.nan_to_num([measure_signals(Reading(comment)) for comment in comments]))


def _alternate(ways: Sequence[Callable[[Comment], object]], comments: Sequence[Comment]) -> list[float]:
    """The median over comments of the best of some rounds, in microseconds, the ways taking turns on each comment."""
    best = np.full((len(ways), len(comments)), np.inf)
    for _ in range(_ROUNDS):
        for number, comment in enumerate(comments):
            for way, call in enumerate(ways):
                started = perf_counter()
                call(comment)
                best[way, number] = min(best[way, number], perf_counter() - started)
    return [median(times) * 1e6 for times in best.tolist()]
