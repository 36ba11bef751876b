"""The time and memory of our model and of a scikit-learn pipeline with the same features.

Both score one comment, score a batch, and train on the same rows, taking turns.
"""

import pkgutil
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from importlib import import_module
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer

from benchmarks import data
from benchmarks.rows import ROOT, Row, at_most, at_most_ratio, figure
from moderation import features
from moderation.domain.comment import Comment
from moderation.features.extraction import document_of
from moderation.features.ngrams import Document
from moderation.features.parsed_comment import ParsedComment
from moderation.features.signals import measure as measure_one
from moderation.features.signals import measure_all
from moderation.features.word_cache import WordCache
from moderation.registry.model_registry import ModelRegistry
from moderation.scoring.batches import probabilities
from moderation.scoring.model import Model, score
from moderation.training.corpus import read_corpus
from moderation.training.design_matrix import build_matrix
from moderation.training.executors import ONE_PROCESSOR
from moderation.training.linear import fit
from moderation.training.recipe import Recipe
from moderation.training.sample_weights import sample_weights
from tests.shipped import SHIPPED_MODEL_ID

MAX_SINGLE_RATIO = 0.15
MAX_BATCH_RATIO = 0.3
MAX_TRAINING_TIME_RATIO = 1.0
MAX_TRAINING_MEMORY_RATIO = 0.5
# Five times fastText's `predict`, which takes 12 microseconds for such a comment.
MAX_HASHING_MICROSECONDS = 60.0

_SOURCES = ("blog_tulloss", "ham_haacked", "blog_lemire")
_SINGLE_COMMENTS = 200
_SINGLE_COMMENT_LENGTHS = range(200, 400)
_BATCH_COMMENTS = 1_000
_TRAINING_COMMENTS = 2_000
_REPETITIONS = 3
_BATCH_REPETITIONS = 7
_BASELINE = "scikit-learn pipeline (TF-IDF of words 1-2 and characters 2-5, the signals, logistic regression)"


def measure() -> list[Row]:
    """Measure on real comments if there is a data folder, else on the starter corpus."""
    comments, spam = _comments()
    registry = ModelRegistry(ROOT / "models")
    live = registry.load(registry.current_id() or SHIPPED_MODEL_ID)
    # The time of the second reader is measured by `reader_cost`.
    model = live.alone or live
    pipeline = _pipeline().fit(comments, spam)
    single = [comment for comment in comments if len(comment.text) in _SINGLE_COMMENT_LENGTHS][:_SINGLE_COMMENTS]
    others = [comment for comment in comments if comment not in single]
    return [
        *_single(model, pipeline, single, others),
        _batch(model, pipeline, comments[:_BATCH_COMMENTS]),
        *_training(comments, spam),
    ]


def _single(model: Model, pipeline: Pipeline, comments: Sequence[Comment], others: Sequence[Comment]) -> list[Row]:
    """Measure the median time of one new comment, in microseconds, with the words of `others` in the caches."""
    warmed = partial(_warmed, model, others)
    baseline = partial(_predict, pipeline)
    # Two runs, each with the pipeline: a call of ours just before would leave the comment's words in the caches.
    ours, theirs = _alternate(warmed, [_score, baseline], comments)
    with_spans, _ = _alternate(warmed, [partial(_score, spans=True), baseline], comments)
    (hashing,) = _alternate(warmed, [_sum_words], [document_of(ParsedComment(comment)) for comment in comments])
    return [
        at_most_ratio(
            "one comment with reasons",
            ours,
            "microseconds",
            baseline=_BASELINE,
            baseline_value=theirs,
            max_ratio=MAX_SINGLE_RATIO,
        ),
        figure("one comment with reasons and their spans", with_spans, "microseconds"),
        at_most("hashing and summing of one comment", hashing, MAX_HASHING_MICROSECONDS, "microseconds"),
    ]


def _score(model: Model, comment: Comment, spans: bool = False) -> object:
    return score(model, ParsedComment(comment), spans=spans)


def _predict(pipeline: Pipeline, _model: Model, comment: Comment) -> object:
    return pipeline.predict_proba([comment])


def _warmed(model: Model, comments: Sequence[Comment]) -> Model:
    """Return a copy of the model that has scored only these comments, all caches having been emptied before."""
    _clear_caches()
    warmed = replace(model)
    for comment in comments:
        _score(warmed, comment)
    return warmed


def _clear_caches() -> None:
    """Empty the caches of the feature modules."""
    for function in cached_functions():
        function.cache_clear()
    for words in word_caches():
        words.clear()


def cached_functions() -> Sequence[Any]:
    """Return the functions of the feature modules that have a `functools.lru_cache` of limited size.

    A cache without a limit holds constants, such as a word list, that a process loads once.
    """
    cached = [attribute for attribute in _attributes() if hasattr(attribute, "cache_clear")]
    return [function for function in cached if function.cache_parameters()["maxsize"] is not None]


def word_caches() -> Sequence[WordCache[Any]]:
    """Return the word caches of the feature modules."""
    return [attribute for attribute in _attributes() if isinstance(attribute, WordCache)]


@cache
def _attributes() -> Sequence[object]:
    """Return the attributes of all feature modules."""
    modules = [import_module(info.name) for info in pkgutil.walk_packages(features.__path__, f"{features.__name__}.")]
    return [attribute for module in modules for attribute in vars(module).values()]


def _sum_words(model: Model, document: Document) -> float:
    """Return the words' part of the logit."""
    words = model.word_weights
    return sum(sum(words.contributions(words.look_up(field)).values()) for field in document)


def _batch(model: Model, pipeline: Pipeline, comments: Sequence[Comment]) -> Row:
    """Measure the whole batch in seconds, on one processor and with empty caches."""
    ours, theirs = _best_seconds(
        [lambda: list(probabilities(_warmed(model, []), comments)), lambda: pipeline.predict_proba(comments)],
        _BATCH_REPETITIONS,
    )
    return at_most_ratio(
        f"a batch of {len(comments)} comments",
        ours,
        "seconds",
        baseline=_BASELINE,
        baseline_value=theirs,
        max_ratio=MAX_BATCH_RATIO,
    )


def _training(comments: Sequence[Comment], spam: Sequence[bool]) -> list[Row]:
    """Measure feature extraction and fitting on one processor: seconds, and the peak of Python's and NumPy's memory."""
    truth = np.array(spam)
    weights = sample_weights(truth, np.zeros(len(spam), dtype=np.int64))
    no_sites = np.full(len(spam), -1)
    ways: list[Callable[[], object]] = [
        lambda: fit(build_matrix(comments, ONE_PROCESSOR), truth, weights, no_sites, Recipe()),
        lambda: _pipeline().fit(comments, spam),
    ]
    _clear_caches()
    our_seconds, their_seconds = _best_seconds(ways, repetitions=1)
    our_peak, their_peak = map(_peak_megabytes, ways)
    name = f"training on {len(comments)} comments"
    return [
        at_most_ratio(
            f"{name}: time",
            our_seconds,
            "seconds",
            baseline=_BASELINE,
            baseline_value=their_seconds,
            max_ratio=MAX_TRAINING_TIME_RATIO,
        ),
        at_most_ratio(
            f"{name}: memory",
            our_peak,
            "MB",
            baseline=_BASELINE,
            baseline_value=their_peak,
            max_ratio=MAX_TRAINING_MEMORY_RATIO,
        ),
    ]


def _alternate(
    prepare: Callable[[], Model], ways: Sequence[Callable[[Model, Any], object]], inputs: Sequence[Any]
) -> list[float]:
    """Return for each way the median over the inputs, in microseconds, of the best repetition.

    The ways take turns on each input, so that both meet the same load of the machine.
    """
    repetitions = []
    for _ in range(_REPETITIONS):
        model = prepare()
        repetitions.append([[_seconds(partial(way, model, value)) for way in ways] for value in inputs])
    return [median(times) * 1e6 for times in np.min(repetitions, axis=0).T.tolist()]


def _best_seconds(ways: Sequence[Callable[[], object]], repetitions: int) -> list[float]:
    """Return for each way the seconds of its best repetition; the ways take turns."""
    return [min(times) for times in zip(*([_seconds(way) for way in ways] for _ in range(repetitions)), strict=True)]


def _seconds(way: Callable[[], object]) -> float:
    start = perf_counter()
    way()
    return perf_counter() - start


def _peak_megabytes(way: Callable[[], object]) -> float:
    tracemalloc.start()
    way()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / 1e6


def _comments() -> tuple[list[Comment], list[bool]]:
    folder = data.folder()
    corpus = read_corpus([folder / f"{name}.csv.gz" for name in _SOURCES] if folder else [data.STARTER], print)
    count = min(_TRAINING_COMMENTS, len(corpus.comments))
    sample = np.random.default_rng(1).choice(len(corpus.comments), count, replace=False)
    return [corpus.comments[i] for i in sample.tolist()], corpus.spam[sample].tolist()


def _pipeline() -> Pipeline:
    words, characters = ("word", (1, 2)), ("char_wb", (2, 5))
    parts = [
        (
            kind,
            Pipeline(
                [("text", FunctionTransformer(_texts)), ("tfidf", TfidfVectorizer(analyzer=kind, ngram_range=sizes))]
            ),
        )
        for kind, sizes in (words, characters)
    ]
    signals = ("signals", FunctionTransformer(_signals))
    return Pipeline([("features", FeatureUnion([*parts, signals])), ("model", LogisticRegression(max_iter=200))])


def _texts(comments: Sequence[Comment]) -> list[str]:
    return [" ".join(filter(None, (comment.text, comment.author, comment.url))) for comment in comments]


def _signals(comments: Sequence[Comment]) -> sparse.csr_array:
    """Measure the signals the faster way for one comment or for many, as our model does."""
    if len(comments) > 1:
        return sparse.csr_array(np.nan_to_num(measure_all(ParsedComment.parse_batch(comments))))
    return sparse.csr_array(np.nan_to_num([measure_one(ParsedComment(comments[0]))]))
