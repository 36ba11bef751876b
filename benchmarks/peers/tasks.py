"""The tasks of the comparison: the comments to train and test on, and the figures of our model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.metrics import brier_score_loss, matthews_corrcoef, roc_auc_score

from benchmarks import youtube
from moderation.domain.comment import Comment
from moderation.training.corpus import Corpus
from moderation.training.evaluation import balanced_weights, calibration_error, caught_at
from moderation.training.executors import ONE_PROCESSOR
from moderation.training.fitting import build_training_set, train
from moderation.training.folds import split_hash
from moderation.training.recipe import Recipe

# For a blog left out. Whole templates are chosen by their hash; the ham of the blog itself is never thinned.
MAX_TRAIN_COMMENTS_PER_LABEL = 8_000
MAX_TEST_SPAM = 3_000

ROC_AUC, CAUGHT_AT_1_PERCENT, CAUGHT_AT_HALF_PERCENT = "ROC AUC", "caught at 1 % ham loss", "caught at 0.5 % ham loss"
BRIER, CALIBRATION_ERROR, MEAN_MCC = "Brier score", "calibration error", "mean MCC"
LOWER_IS_BETTER = (BRIER, CALIBRATION_ERROR)
RANKING_METRICS = (ROC_AUC, CAUGHT_AT_HALF_PERCENT, CAUGHT_AT_1_PERCENT, BRIER, CALIBRATION_ERROR)


@dataclass(frozen=True, slots=True)
class LabelledComments:
    """Comments with a mask of the spam among them."""

    comments: Sequence[Comment]
    spam: NDArray[np.bool_]

    def where(self, mask: NDArray[np.bool_]) -> "LabelledComments":
        """Return the masked comments."""
        at = np.flatnonzero(mask).tolist()
        return LabelledComments([self.comments[i] for i in at], self.spam[at])


@dataclass(frozen=True, slots=True)
class TrainTestSplit:
    """Comments to train on and comments to test on."""

    train_set: LabelledComments
    test_set: LabelledComments


@dataclass(frozen=True, slots=True)
class Task:
    """One measurement: its train-test splits and the figures of our model.

    A `ranking` task is measured by probabilities, others by labels. With `balanced` both labels weigh the same in
    the Brier score and the calibration error. The parameters of a peer are tuned on the comments `tuning`, or on
    each split's training set if there are none.
    """

    name: str
    splits: Sequence[TrainTestSplit]
    ranking: bool
    ours: Mapping[str, float]
    tuning: LabelledComments | None = None
    balanced: bool = False

    def metrics(self, scores: Sequence[NDArray[np.float64]], cutoffs: Sequence[float]) -> dict[str, float]:
        """Return the metrics of scores, one array for each split.

        A ranking task pools the splits. A labels task applies each split's cutoff and averages.
        """
        labels = [split.test_set.spam for split in self.splits]
        if not self.ranking:
            mccs = [
                matthews_corrcoef(spam, part >= cutoff)
                for spam, part, cutoff in zip(labels, scores, cutoffs, strict=True)
            ]
            return {MEAN_MCC: float(np.mean(mccs))}
        metrics = ranking_metrics(np.concatenate(scores), np.concatenate(labels), self.balanced)
        return {name: metrics[name] for name in self.ours}


def ranking_metrics(scores: NDArray[np.float64], spam: NDArray[np.bool_], balanced: bool = False) -> dict[str, float]:
    """Return the `RANKING_METRICS` of probabilities. Ties count against the classifier."""
    weights = balanced_weights(spam) if balanced else np.ones(len(spam))
    return {
        ROC_AUC: float(roc_auc_score(spam, scores)),
        CAUGHT_AT_HALF_PERCENT: caught_at(scores, spam, 0.005),
        CAUGHT_AT_1_PERCENT: caught_at(scores, spam, 0.01),
        BRIER: float(brier_score_loss(spam, scores, sample_weight=weights)),
        CALIBRATION_ERROR: calibration_error(scores, spam, weights),
    }


def video_tasks(path: Path) -> list[Task]:
    """Return the tasks of the YouTube Spam Collection; our figures are those of `make bench-youtube`.

    They are its authors' split with a model per video and with one model, and leave-one-video-out.
    """
    rows = youtube.read_file(path)
    collection = LabelledComments(
        [youtube.comment_from_row(row) for row in rows], np.array([row["label"] == "spam" for row in rows])
    )
    video_of_row = np.array([youtube.video_index(row) for row in rows])
    videos = [video_of_row == number for number in range(len(youtube.VIDEOS))]
    in_training = np.array([row["split"] == "train" for row in rows])
    training = collection.where(in_training)
    ours = {row.name: row.value for row in youtube.measure() if row.value is not None}
    return [
        Task(
            youtube.MODEL_PER_VIDEO,
            [
                TrainTestSplit(collection.where(in_training & video), collection.where(~in_training & video))
                for video in videos
            ],
            ranking=False,
            ours={MEAN_MCC: ours[f"{youtube.MODEL_PER_VIDEO}: {MEAN_MCC}"]},
            tuning=training,
        ),
        Task(
            youtube.SHARED_MODEL,
            [TrainTestSplit(training, collection.where(~in_training & video)) for video in videos],
            ranking=False,
            ours={MEAN_MCC: ours[f"{youtube.SHARED_MODEL}: {MEAN_MCC}"]},
            tuning=training,
        ),
        Task(
            youtube.LEFT_OUT,
            [TrainTestSplit(collection.where(~video), collection.where(video)) for video in videos],
            ranking=True,
            ours={name: ours[f"{youtube.LEFT_OUT}: {name}"] for name in RANKING_METRICS},
        ),
    ]


def blog_task(corpus: Corpus, split_hashes: NDArray[np.float64], blog: str, recipe: Recipe) -> Task:
    """Return the task of one blog left out.

    All filters train on the same rows of all other sources: the rows that our training keeps. `split_hashes` are the
    values of `folds.split_hash`. Our model is trained and calibrated on these rows as in `make bench-quality`.
    """
    number = [source_file.source for source_file in corpus.source_files].index(blog)
    mask = select_rows(corpus, split_hashes, number, recipe.ham_only)
    training_set = build_training_set(corpus.where(mask), recipe, print, ONE_PROCESSOR)
    others = training_set.without_source(number)
    model = train(others, recipe, print, ONE_PROCESSOR).linear
    at = np.flatnonzero(training_set.corpus.sources == number)
    test_set = LabelledComments([training_set.corpus.comments[i] for i in at.tolist()], training_set.corpus.spam[at])
    return Task(
        f"{blog} left out",
        [TrainTestSplit(LabelledComments(others.corpus.comments, others.corpus.spam), test_set)],
        ranking=True,
        ours=ranking_metrics(expit(model.logits(training_set.plain.take(at))), test_set.spam, balanced=True),
        balanced=True,
    )


def select_rows(
    corpus: Corpus, split_hashes: NDArray[np.float64], number: int, ham_only: Sequence[str]
) -> NDArray[np.bool_]:
    """Return a mask of the rows to use if a source is left out: whole templates, so that copies stay together."""
    source = corpus.sources == number
    ham = ~source & ~corpus.spam
    spam = ~source & corpus.spam & ~np.isin(np.array(corpus.source_names()), ham_only)
    mask = source & ~corpus.spam
    for group, limit in (
        (ham, MAX_TRAIN_COMMENTS_PER_LABEL),
        (spam, MAX_TRAIN_COMMENTS_PER_LABEL),
        (source & corpus.spam, MAX_TEST_SPAM),
    ):
        mask |= group & (split_hashes < _hash_cutoff(split_hashes[group], limit))
    return np.asarray(mask)


def all_split_hashes(corpus: Corpus) -> NDArray[np.float64]:
    """Return `folds.split_hash` of each comment."""
    return np.array([split_hash(comment) for comment in corpus.comments])


def _hash_cutoff(split_hashes: NDArray[np.float64], limit: int) -> float:
    """Return a value with at most `limit` hashes below it."""
    return 2.0 if len(split_hashes) <= limit else float(np.sort(split_hashes)[limit])
