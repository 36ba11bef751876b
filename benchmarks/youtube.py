"""The YouTube Spam Collection (Alberto, Lochter and Almeida 2015): its authors' split, and leave-one-video-out.

In the authors' split each video has its own calibration, and spam is a probability of at least one half. The
calibration comes from out-of-fold logits of the training part, in folds split by template.

In leave-one-video-out the model, calibration and threshold of a video come from the other four alone. Those four are
held out in turn among themselves; the resulting scores are calibrated and give the threshold.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.metrics import accuracy_score, brier_score_loss, matthews_corrcoef, roc_auc_score

from benchmarks import data
from benchmarks.rows import Row, at_least, at_most, figure
from moderation.domain.comment import Comment
from moderation.domain.csv_cells import EXPORT_COLUMNS
from moderation.training.calibration import calibrate
from moderation.training.design_matrix import DesignMatrix, build_matrix
from moderation.training.evaluation import calibration_error, caught_at
from moderation.training.folds import split_hash
from moderation.training.linear import LinearModel, fit
from moderation.training.recipe import Recipe
from moderation.training.sample_weights import sample_weights
from moderation.training.table_files import TableFile

# By the first four letters of a comment's id: the video that the comment was written for.
VIDEOS = {
    "yt01": "9bZkp7q19f0",
    "yt02": "CevxZvSJLk8",
    "yt03": "KQ6zr6kCPj8",
    "yt04": "uelHwf8o7_U",
    "yt05": "pRpeEdMmmQ0",
}
# Chosen by cross-validation over templates within the training parts.
SITE_RECIPE = Recipe.from_file(data.STARTER.parent / "site-recipe.toml")
MAX_LOST_RATE = 0.01

AUTHORS_SPLIT = "youtube_uci, authors' split"
SHARED_MODEL = f"{AUTHORS_SPLIT}, one model on five training parts"
MODEL_PER_VIDEO = f"{AUTHORS_SPLIT}, a model per video"
LEFT_OUT = "youtube_uci, one video left out"


@dataclass(frozen=True, slots=True)
class Collection:
    """The comments of the collection. Every array has one entry for each comment.

    `matrix` has the comments as they are, `augmented` without their authors, as the models are fitted. `video` is the
    index of the video. `in_training` is the side of the authors' split. `site` is the index of the site weights, or -1
    for a comment without them.
    """

    matrix: DesignMatrix
    augmented: DesignMatrix
    spam: NDArray[np.bool_]
    video: NDArray[np.int64]
    split_hash: NDArray[np.float64]
    in_training: NDArray[np.bool_]
    site: NDArray[np.int64]

    def without_site_weights(self) -> "Collection":
        """Return the same comments, for models that have no weights for single videos."""
        return replace(self, site=np.full(len(self.site), -1))

    def fit(self, mask: NDArray[np.bool_]) -> LinearModel:
        """Fit a model to the masked comments."""
        at = np.flatnonzero(mask)
        weights = sample_weights(self.spam[at], np.zeros(len(at), dtype=np.int64), SITE_RECIPE.ham_weight)
        return fit(self.augmented.take(at), self.spam[at], weights, self.site[at], SITE_RECIPE)

    def out_of_fold_logits(self, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the logit of each masked comment by a model without its fold; zero for all others."""
        folds = (self.split_hash * SITE_RECIPE.folds).astype(int)
        logits = np.zeros(len(mask))
        for fold in np.unique(folds[mask]):
            held_out = mask & (folds == fold)
            logits[held_out] = self.logits(self.fit(mask & ~held_out), held_out)
        return logits

    def logits(self, model: LinearModel, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the logit of each masked comment with the weights of its site."""
        at = np.flatnonzero(mask)
        return model.logits_for_sites(self.site[at], self.matrix.take(at))


@dataclass(frozen=True, slots=True)
class HeldOutVideo:
    """The probabilities and labels of one video, and a threshold chosen without it."""

    probabilities: NDArray[np.float64]
    spam: NDArray[np.bool_]
    threshold: float

    @property
    def flagged(self) -> NDArray[np.bool_]:
        """Mask of the comments at or above the threshold."""
        return self.probabilities >= self.threshold

    @property
    def lost(self) -> float:
        """False-positive rate at the threshold."""
        return float(self.flagged[~self.spam].mean())


def measure() -> list[Row]:
    """Return the figures of the authors' split and of leave-one-video-out."""
    folder = data.folder()
    if folder is None:
        return data.no_folder("mean MCC over the videos of youtube_uci, and each video left out")
    collection = read_collection(folder / "youtube_uci.csv.gz")
    return [
        *_authors_split(collection),
        *_held_out_rows([hold_out_video(collection, video) for video in range(len(VIDEOS))]),
    ]


def read_file(path: Path) -> list[dict[str, str]]:
    """Return the rows of the collection; their column `split` names the side of the authors' split."""
    with TableFile.open(path, ("text",)) as table:
        return [dict(row.values) for row in table.rows()]


def read_collection(path: Path) -> Collection:
    """Read the file as a site would send it: with the page and its title, without dates and byte-order marks."""
    rows = read_file(path)
    comments = [comment_from_row(row) for row in rows]
    video = np.array([video_index(row) for row in rows])
    return Collection(
        build_matrix(comments),
        build_matrix([replace(comment, author=None) for comment in comments]),
        np.array([row["label"] == "spam" for row in rows]),
        video,
        np.array([split_hash(comment) for comment in comments]),
        np.array([row["split"] == "train" for row in rows]),
        video,
    )


def video_index(row: Mapping[str, str]) -> int:
    """Return the index of a row's video in `VIDEOS`."""
    return list(VIDEOS).index(row["id"][:4])


def comment_from_row(row: Mapping[str, str]) -> Comment:
    """Convert a row of the collection."""
    page = f"https://www.youtube.com/watch?v={VIDEOS[row['id'][:4]]}"
    return Comment(row["text"].strip("\ufeff"), author=row["author"], context=row["context"], permalink=page)


def write_labels(path: Path, out: Path, site_url: str) -> None:
    """Write the authors' training parts as exported labels of one site."""
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, EXPORT_COLUMNS)
        writer.writeheader()
        for row in read_file(path):
            if row["split"] == "train":
                fields = {name: value or "" for name, value in asdict(comment_from_row(row)).items()}
                writer.writerow({"id": row["id"], "site": site_url, "label": row["label"], **fields})


def mean_mcc(collection: Collection, model: LinearModel, cutoffs: Mapping[int, float]) -> float:
    """Return the mean Matthews correlation over the test parts of some videos.

    `cutoffs` maps a video to its cutoff, the lowest logit of spam.
    """
    masks = {video: ~collection.in_training & (collection.video == video) for video in cutoffs}
    return _mean(
        [
            matthews_corrcoef(collection.spam[mask], collection.logits(model, mask) >= cutoffs[video])
            for video, mask in masks.items()
        ]
    )


def hold_out_video(collection: Collection, video: int) -> HeldOutVideo:
    """Score one video by a model, calibration and threshold from the other videos."""
    others = collection.video != video
    logits = np.zeros(len(others))
    for other in np.unique(collection.video[others]):
        held_out = collection.video == other
        logits[held_out] = collection.logits(collection.fit(others & ~held_out), held_out)
    spam = collection.spam[others]
    slope, offset = calibrate(logits[others], spam)
    return HeldOutVideo(
        expit(slope * collection.logits(collection.fit(others), ~others) + offset),
        collection.spam[~others],
        threshold_for(expit(slope * logits[others] + offset)[~spam], MAX_LOST_RATE),
    )


def threshold_for(ham: NDArray[np.float64], max_lost: float) -> float:
    """Return the lowest threshold that at most `floor(max_lost * len(ham))` of these ham probabilities reach."""
    ascending = np.sort(ham)
    return float(np.nextafter(ascending[len(ascending) - int(max_lost * len(ascending)) - 1], 2.0))


def _authors_split(collection: Collection) -> list[Row]:
    parts = [collection.in_training & (collection.video == video) for video in range(len(VIDEOS))]
    shared = _calibrated_mcc(collection.without_site_weights(), collection.in_training, parts)
    with_site_weights = _calibrated_mcc(collection, collection.in_training, parts)
    per_video = _mean([_calibrated_mcc(collection, part, [part]) for part in parts])
    return [
        at_least(f"{SHARED_MODEL}: mean MCC", shared, 0.955, "MCC"),
        figure(f"{SHARED_MODEL}, site weights for each video: mean MCC", with_site_weights, "MCC"),
        at_least(f"{MODEL_PER_VIDEO}: mean MCC", per_video, 0.94, "MCC"),
    ]


def _calibrated_mcc(collection: Collection, mask: NDArray[np.bool_], parts: Sequence[NDArray[np.bool_]]) -> float:
    """Return `mean_mcc` of a model of the masked comments; the cutoff of each video is a probability of one half.

    `parts` are the training parts of the videos to test. Each gives the calibration of its video.
    """
    logits = collection.out_of_fold_logits(mask)
    cutoffs = {}
    for part in parts:
        slope, offset = calibrate(logits[part], collection.spam[part])
        cutoffs[int(collection.video[part][0])] = -offset / slope
    return mean_mcc(collection, collection.fit(mask), cutoffs)


def _held_out_rows(videos: Sequence[HeldOutVideo]) -> list[Row]:
    scores = np.concatenate([video.probabilities for video in videos])
    spam = np.concatenate([video.spam for video in videos])
    flagged = np.concatenate([video.flagged for video in videos])
    name, weights = f"{LEFT_OUT}: ", np.ones(len(spam))
    return [
        figure(f"{name}accuracy", float(accuracy_score(spam, scores >= 0.5)), "proportion"),
        at_least(f"{name}ROC AUC", float(roc_auc_score(spam, scores)), 0.992, "area"),
        at_least(f"{name}caught at 0.5 % ham loss", caught_at(scores, spam, 0.005), 0.89, "proportion"),
        at_least(f"{name}caught at 1 % ham loss", caught_at(scores, spam, 0.01), 0.925, "proportion"),
        figure(f"{name}caught at 2 % ham loss", caught_at(scores, spam, 0.02), "proportion"),
        figure(f"{name}Brier score", float(brier_score_loss(spam, scores)), "probability squared"),
        at_most(f"{name}calibration error", calibration_error(scores, spam, weights), 0.015, "probability"),
        at_most(f"{name}lost at the threshold for 1 %", float(flagged[~spam].mean()), 0.015, "proportion"),
        figure(f"{name}lost at that threshold, worst video", max(video.lost for video in videos), "proportion"),
        figure(f"{name}caught at that threshold", float(flagged[spam].mean()), "proportion"),
    ]


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))
