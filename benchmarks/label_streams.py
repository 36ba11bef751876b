"""Streams of labelled comments, as a new site would receive them, and models that have not seen their sources."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import joblib
import numpy as np
from numpy.typing import NDArray

from benchmarks import data, youtube
from benchmarks.rows import BUILD, ROOT
from moderation.domain.comment import Comment
from moderation.domain.thresholds import Thresholds
from moderation.features.extraction import FEATURES_VERSION
from moderation.features.signals import signal_codes
from moderation.scoring.model import Model
from moderation.training.calibration import calibrate, choose_thresholds
from moderation.training.corpus import Corpus, read_corpus
from moderation.training.fitting import TrainingSet, build_training_set, ham_by_site, out_of_fold_logits
from moderation.training.folds import source_folds
from moderation.training.linear import LinearModel
from moderation.training.recipe import Recipe
from moderation.training.relabelling import Relabelling

MAX_ROWS = {True: 1_200, False: 1_500}
"""Spam and ham of a source that the models are trained on, so that the benchmark takes minutes."""
MAX_STREAM = 2_400
"""Comments of a blog, before the ham of another is interleaved."""
HELD_OUT: dict[str, tuple[str, ...]] = {
    "platforms": (
        "youtube_uci",
        "telegram_tgspam",
        "id_judionline",
        "id_instagram",
        "sm_yasoob",
        "sm_archivefever",
    ),
    "tulloss": ("blog_tulloss", "blog_lemire"),
    "dylanmtaylor": ("blog_dylanmtaylor", "blog_lemire"),
}
"""Sources that a model has not seen. The ham that is interleaved is held out with a blog."""
_OTHER_HAM = "blog_lemire"
_JUDI_VIDEOS = 3
_MIN_PER_LABEL = 100
_SEED = 5


@dataclass(frozen=True, slots=True)
class Stream:
    """Comments of one place in time order, with a mask of the spam among them, and the model that scores them."""

    name: str
    comments: Sequence[Comment]
    spam: NDArray[np.bool_]
    model: Model


def find_models(folder: Path) -> dict[str, Model]:
    """Return a model without each group of `HELD_OUT`; from `build/` if data and code are those of the last call."""
    path = BUILD / f"learning-{_digest(folder)}.joblib"
    if not path.exists():
        BUILD.mkdir(parents=True, exist_ok=True)
        joblib.dump(_train_models(folder), path)
    return {name: served(name, *trained) for name, trained in joblib.load(path).items()}


def _digest(folder: Path) -> str:
    """Return a digest of all that the models depend on."""
    code = [path for part in ("features", "training") for path in sorted((ROOT / "moderation" / part).rglob("*.py"))]
    digest = sha256()
    for path in [*data.corpora(folder), data.RECIPE, data.RELABELLED, *code, Path(__file__)]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _train_models(folder: Path) -> dict[str, tuple[LinearModel, Thresholds]]:
    """Train the models, with calibration and thresholds from the sources that each has seen, held out in turn."""
    recipe = Recipe.from_file(data.RECIPE)
    corpus = _thin(data.read_all(folder))
    training_set = build_training_set(corpus, recipe, print)
    sources = np.array(training_set.corpus.source_names())
    folds = source_folds(training_set.corpus, recipe.folds, recipe.sites)
    left_out = [np.isin(sources, names) for names in HELD_OUT.values()]
    models = training_set.fit_folds([*left_out, *folds], recipe)
    logits = out_of_fold_logits(training_set, folds, models[len(left_out) :])
    trained = zip(HELD_OUT, left_out, models, strict=False)
    return {name: _calibrated(training_set, logits, mask, model, recipe) for name, mask, model in trained}


def _calibrated(
    training_set: TrainingSet,
    logits: NDArray[np.float64],
    left_out: NDArray[np.bool_],
    model: LinearModel,
    recipe: Recipe,
) -> tuple[LinearModel, Thresholds]:
    """Return a model, calibrated on the sources that it has seen, with its thresholds."""
    rows = np.flatnonzero(~left_out)
    corpus = training_set.corpus.where(~left_out)
    slope, offset = calibrate(logits[rows], corpus.spam)
    probabilities = 1.0 / (1.0 + np.exp(-(slope * logits[rows] + offset)))
    thresholds = choose_thresholds(ham_by_site(corpus, probabilities, recipe), recipe)
    return model.calibrated(slope, offset), thresholds


def served(name: str, linear: LinearModel, thresholds: Thresholds) -> Model:
    """Return a trained model as it is served."""
    arrays = {
        "features_version": FEATURES_VERSION,
        "signals": list(signal_codes()),
        "weights": linear.weights.astype(np.float16),
        "signal_weights": linear.signal_weights,
        "means": linear.means,
        "bias": linear.bias,
        "passage_discount": linear.passage_discount,
        "contribution_limits": linear.contribution_limits,
    }
    return Model.from_arrays(name, arrays, thresholds)


def streams(folder: Path, models: dict[str, Model]) -> Iterator[Stream]:
    """Yield the streams: each video by itself, and blogs with the ham of another blog among their own."""
    platforms = models["platforms"]
    rows = youtube.read_file(folder / "youtube_uci.csv.gz")
    for number in range(len(youtube.VIDEOS)):
        of_video = [row for row in rows if youtube.video_index(row) == number]
        spam = np.array([row["label"] == "spam" for row in of_video])
        yield Stream(f"youtube {number + 1}", list(map(youtube.comment_from_row, of_video)), spam, platforms)
    for source, name in (("telegram_tgspam", "telegram"), ("id_instagram", "instagram")):
        yield _shuffled(name, _read(folder, source), platforms)
    yield from _by_video(_read(folder, "id_judionline"), platforms)
    for source in ("sm_archivefever", "sm_yasoob"):
        yield _in_time(source.removeprefix("sm_"), _read(folder, source), platforms)
    other = _read(folder, _OTHER_HAM)
    for name in ("tulloss", "dylanmtaylor"):
        yield _interleaved(name, _read(folder, f"blog_{name}"), other, models[name])


def _thin(corpus: Corpus) -> Corpus:
    kept = np.zeros(len(corpus.comments), dtype=bool)
    draw = np.random.default_rng(_SEED)
    for source in range(len(corpus.source_files)):
        for label, limit in MAX_ROWS.items():
            rows = np.flatnonzero((corpus.sources == source) & (corpus.spam == label))
            kept[draw.permutation(rows)[:limit]] = True
    return corpus.where(kept)


def _read(folder: Path, source: str) -> Corpus:
    relabelling = Relabelling.from_file(data.RELABELLED)
    return read_corpus([folder / f"{source}.csv.gz"], lambda _: None, relabelling=relabelling)


def _ordered(name: str, corpus: Corpus, order: NDArray[np.int64], model: Model) -> Stream:
    return Stream(name, [corpus.comments[row] for row in order.tolist()], corpus.spam[order], model)


def _in_time(name: str, corpus: Corpus, model: Model) -> Stream:
    return _ordered(name, corpus, np.argsort([comment.date or "" for comment in corpus.comments], kind="stable"), model)


def _shuffled(name: str, corpus: Corpus, model: Model) -> Stream:
    """Interleave the labels of a file that has them in blocks. Each label keeps its order."""
    drawn = np.random.default_rng(_SEED).permutation(corpus.spam)
    order = np.empty(len(drawn), dtype=np.int64)
    for label in (True, False):
        order[drawn == label] = np.flatnonzero(corpus.spam == label)
    return _ordered(name, corpus, order, model)


def _by_video(corpus: Corpus, model: Model) -> Iterator[Stream]:
    """Yield the videos with most comments that have enough of both labels."""
    videos = np.array([comment.context or "" for comment in corpus.comments])
    names, counts = np.unique(videos, return_counts=True)
    number = 0
    for name in names[np.argsort(-counts, kind="stable")].tolist():
        rows = np.flatnonzero(videos == name)
        spam = int(corpus.spam[rows].sum())
        if min(spam, len(rows) - spam) >= _MIN_PER_LABEL and number < _JUDI_VIDEOS:
            number += 1
            yield _ordered(f"judionline {number}", corpus, rows, model)


def _interleaved(name: str, corpus: Corpus, other: Corpus, model: Model) -> Stream:
    """Spread the ham of another blog evenly over the first comments of a blog, as much as these have spam."""
    own = _in_time(name, corpus, model)
    comments, spam = own.comments[:MAX_STREAM], own.spam[:MAX_STREAM]
    ham = np.flatnonzero(~other.spam)[: int(spam.sum())]
    places = np.concatenate([np.linspace(0.0, 1.0, len(spam)), np.linspace(0.0, 1.0, len(ham))])
    mixed = [*comments, *[other.comments[row] for row in ham.tolist()]]
    order = np.argsort(places, kind="stable")
    is_spam = np.concatenate([spam, np.zeros(len(ham), dtype=bool)])[order]
    return Stream(name, [mixed[row] for row in order.tolist()], is_spam, model)
