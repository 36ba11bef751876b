"""`make bench-peers`: bogofilter, SpamAssassin, rspamd and scikit-learn pipelines on the same tasks as our model.

The mail filters read each comment as mail: author and e-mail in From, the author's URL at the end of the text. The
pipelines read the text; the blend also reads author and URL. Parameters are tuned on a quarter of the training set,
split by template. The cutoff of pipelines is one half. The scores of a mail filter are not centred there, so its
cutoff is tuned too where a task asks for labels.
"""

import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import matthews_corrcoef, roc_auc_score

from benchmarks import data
from benchmarks.peers import bogofilter, installation, pipelines, rspamd, spamassassin
from benchmarks.peers.daemons import PeerFailed, work_folder
from benchmarks.peers.table import TaskResult, comparison_rows, render_section
from benchmarks.peers.tasks import LabelledComments, Task, TrainTestSplit, all_split_hashes, blog_task, video_tasks
from benchmarks.quality import OLD_BLOGS
from benchmarks.rows import BUILD, Row, unmeasured
from moderation.domain.comment import Comment
from moderation.training.folds import split_hash
from moderation.training.recipe import Recipe

Params = Mapping[str, float]
FitPredict = Callable[[Sequence[Comment], NDArray[np.bool_], Sequence[Comment], Params], NDArray[np.float64]]

# The held-back quarter included.
MAX_TUNING_COMMENTS = 4_000

_TUNING_FRACTION = 0.25
_DEFAULT_CUTOFF = 0.5


@dataclass(frozen=True, slots=True)
class Peer:
    """Another filter: a function that trains and scores, and the parameters to choose from.

    Without `cutoff_is_half` the cutoff of its labels is tuned too.
    """

    name: str
    fit_predict: FitPredict
    param_grid: Sequence[Params] = ({},)
    cutoff_is_half: bool = True


def measure() -> list[Row]:
    """Return a row for each figure and peer, and write the section of docs/quality.md to `build/bench/peers.md`."""
    folder = data.folder()
    if folder is None:
        return data.no_folder("other filters on the same tasks")
    installation.install()
    tasks = read_tasks(folder)
    missing: list[Row] = []
    with running_peers(missing) as peers:
        results = [run_task(peers, task, missing) for task in tasks]
    BUILD.mkdir(parents=True, exist_ok=True)
    section = render_section(results, time.strftime("%d %B %Y").removeprefix("0"))
    (BUILD / "peers.md").write_text(section, "utf-8")
    print(section)
    return [*(row for result in results for row in comparison_rows(result)), *missing]


def read_tasks(folder: Path) -> list[Task]:
    """Return the tasks on the videos and on each blog with spam."""
    corpus, recipe = data.read_all(folder), Recipe.from_file(data.RECIPE)
    split_hashes = all_split_hashes(corpus)
    return [
        *video_tasks(folder / "youtube_uci.csv.gz"),
        *(blog_task(corpus, split_hashes, blog, recipe) for blog in OLD_BLOGS),
    ]


@contextmanager
def running_peers(missing: list[Row]) -> Iterator[list[Peer]]:
    """Start the peers until the block ends. Adds a row to `missing` for each that cannot be started."""
    with ExitStack() as stack:
        # SIGTERM would end Python without stopping the servers; as an exit it unwinds every block.
        stack.callback(signal.signal, signal.SIGTERM, signal.signal(signal.SIGTERM, lambda *_: sys.exit(143)))
        folder = stack.enter_context(work_folder())
        peers = list(BASELINES)
        for name, start in MAIL_FILTERS.items():
            reason = installation.missing_reason(name)
            try:
                if reason is None:
                    peers.append(start(folder, stack))
            except PeerFailed as error:
                reason = str(error)
            if reason is not None:
                missing.append(unmeasured(f"{name} on every task", reason))
        yield peers


def _bogofilter(folder: Path, _: ExitStack) -> Peer:
    return Peer("bogofilter", partial(bogofilter.fit_predict, folder), bogofilter.PARAM_GRID, cutoff_is_half=False)


def _spamassassin(folder: Path, _: ExitStack) -> Peer:
    return Peer("SpamAssassin", partial(spamassassin.fit_predict, folder), cutoff_is_half=False)


def _rspamd(folder: Path, stack: ExitStack) -> Peer:
    return Peer(
        "rspamd", stack.enter_context(rspamd.running(folder)).fit_predict, rspamd.PARAM_GRID, cutoff_is_half=False
    )


MAIL_FILTERS = {"bogofilter": _bogofilter, "SpamAssassin": _spamassassin, "rspamd": _rspamd}

BASELINES = (
    Peer("words, NB", partial(pipelines.fit_predict, pipelines.words_bayes), pipelines.ALPHAS),
    Peer("words, LR", partial(pipelines.fit_predict, pipelines.words_logistic), pipelines.C_VALUES),
    Peer("words, SVM", partial(pipelines.fit_predict, pipelines.words_svm), pipelines.SVM_C_VALUES),
    Peer("characters, LR", partial(pipelines.fit_predict, pipelines.characters_logistic), pipelines.C_VALUES),
    Peer("blend, LR", partial(pipelines.fit_predict, pipelines.blend), pipelines.C_VALUES),
)


def run_task(peers: Sequence[Peer], task: Task, missing: list[Row]) -> TaskResult:
    """Return the metrics of every peer. Adds a row to `missing` for each peer that fails."""
    metrics = {}
    for peer in peers:
        try:
            metrics[peer.name] = evaluate(peer, task)
        except (PeerFailed, OSError, HTTPException) as error:
            missing.append(unmeasured(f"{task.name}: {peer.name}", str(error)))
    return TaskResult(task, metrics)


def evaluate(peer: Peer, task: Task) -> dict[str, float]:
    """Return a peer's metrics for one task. Raises the errors of its `fit_predict`."""
    start = time.monotonic()
    tuned = tune(peer, task.tuning, task.ranking) if task.tuning else None
    predictions = [
        _predict(peer, split, tuned or tune(peer, split.train_set, task.ranking)) for split in _merge_splits(task)
    ]
    metrics = task.metrics(*_split_scores(task, predictions))
    text = ", ".join(f"{name} {value:.4f}" for name, value in metrics.items())
    print(f"{task.name}: {peer.name}: {text} ({time.monotonic() - start:.0f} s)", flush=True)
    return metrics


def _predict(peer: Peer, split: TrainTestSplit, tuned: tuple[Params, float]) -> tuple[NDArray[np.float64], float]:
    params, cutoff = tuned
    return peer.fit_predict(split.train_set.comments, split.train_set.spam, split.test_set.comments, params), cutoff


def _merge_splits(task: Task) -> list[TrainTestSplit]:
    """Return the task's splits, merged to one if all have the same training set, to train on it only once."""
    train_set = task.splits[0].train_set
    if len(task.splits) == 1 or any(split.train_set is not train_set for split in task.splits):
        return list(task.splits)
    comments = [comment for split in task.splits for comment in split.test_set.comments]
    spam = np.concatenate([split.test_set.spam for split in task.splits])
    return [TrainTestSplit(train_set, LabelledComments(comments, spam))]


def _split_scores(
    task: Task, predictions: Sequence[tuple[NDArray[np.float64], float]]
) -> tuple[list[NDArray[np.float64]], list[float]]:
    """Return scores and cutoff of each of the task's splits, from the predictions for the merged ones."""
    if len(predictions) == len(task.splits):
        return [scores for scores, _ in predictions], [cutoff for _, cutoff in predictions]
    ends = np.cumsum([len(split.test_set.comments) for split in task.splits])
    scores, cutoff = predictions[0]
    return np.split(scores, ends[:-1]), [cutoff] * len(task.splits)


def tune(peer: Peer, training: LabelledComments, ranking: bool) -> tuple[Params, float]:
    """Choose the parameters with the largest ROC AUC on a held-back quarter, and the cutoff with the best MCC there.

    A peer with one set of parameters is run only if a cutoff is needed.
    """
    needs_cutoff = not peer.cutoff_is_half and not ranking
    if len(peer.param_grid) == 1 and not needs_cutoff:
        return peer.param_grid[0], _DEFAULT_CUTOFF
    ranks = label_ranks(np.array([split_hash(comment) for comment in training.comments]), training.spam)
    sampled = min(1.0, MAX_TUNING_COMMENTS / len(ranks))
    held_out = ranks < _TUNING_FRACTION * sampled
    train_set, test_set = training.where(~held_out & (ranks < sampled)), training.where(held_out)
    trials = [
        peer.fit_predict(train_set.comments, train_set.spam, test_set.comments, params) for params in peer.param_grid
    ]
    best = int(np.argmax([roc_auc_score(test_set.spam, scores) for scores in trials]))
    return peer.param_grid[best], best_cutoff(trials[best], test_set.spam) if needs_cutoff else _DEFAULT_CUTOFF


def label_ranks(split_hashes: NDArray[np.float64], spam: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return for each comment the proportion of comments with its label that have a smaller hash.

    The ranks are uniform from 0 to 1. The hashes themselves may not be, because training sets are sampled by them.
    Equal hashes have equal ranks, so a template stays together.
    """
    ranks = np.zeros(len(split_hashes))
    for mask in (spam, ~spam):
        ranks[mask] = np.searchsorted(np.sort(split_hashes[mask]), split_hashes[mask]) / max(1, int(mask.sum()))
    return ranks


def best_cutoff(scores: NDArray[np.float64], spam: NDArray[np.bool_]) -> float:
    """Return the cutoff with the largest Matthews correlation, midway between two scores; the lowest of equals."""
    unique = np.unique(scores)
    cutoffs = np.append((unique[1:] + unique[:-1]) / 2, _DEFAULT_CUTOFF)
    return float(cutoffs[int(np.argmax([matthews_corrcoef(spam, scores >= cutoff) for cutoff in cutoffs]))])
