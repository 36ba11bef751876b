"""The YouTube Spam Collection (Alberto, Lochter and Almeida 2015): its authors' own split, and each video left out.

Within the authors' split a model is calibrated for each video, as a site's own lines are drawn, on what it makes of
parts of its training, cut by template, that it has not seen; and cut at even odds.

Left out, a video meets a model, a calibration and a line that come from the other four alone: those four are held out
in turn among themselves, and the scores that this gives are calibrated and have the line drawn on them.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.metrics import accuracy_score, brier_score_loss, matthews_corrcoef, roc_auc_score

from moderation.actions.teach import EXPORT_COLUMNS
from moderation.domain.comment import COMMENT_FIELDS, Comment
from moderation.learning.corpus import read_rows
from moderation.learning.evaluation import calibration_error, caught_at
from moderation.learning.linear import Linear, fit
from moderation.learning.lines import calibrate
from moderation.learning.matrix import Matrix, build_matrix
from moderation.learning.recipe import Recipe
from moderation.learning.templates import side
from tests.benchmarks import data
from tests.benchmarks.rows import Row, at_least, at_most

VIDEOS = {
    "yt01": "9bZkp7q19f0",
    "yt02": "CevxZvSJLk8",
    "yt03": "KQ6zr6kCPj8",
    "yt04": "uelHwf8o7_U",
    "yt05": "pRpeEdMmmQ0",
}
"""The page that each part of the collection was gathered from."""

SITE_RECIPE = Recipe.from_file(data.STARTER.parent / "site-recipe.toml")
"""For the labels of a single site: chosen by cross-validation over templates within the training parts."""

LOSS = 0.01
"""The share of good comments that the line set in advance is meant to lose."""


@dataclass(frozen=True, slots=True)
class Collection:
    """One entry a comment: `spam`, the number of its `video`, its `side`, and whether the authors `learnt` from it.

    `site` is the video where each has weights of its own beside those that all share, else -1. `matrix` has the
    comments as they are, `lessons` as the recipe shows them to training, without their authors.
    """

    matrix: Matrix
    lessons: Matrix
    spam: NDArray[np.bool_]
    video: NDArray[np.int64]
    side: NDArray[np.float64]
    learnt: NDArray[np.bool_]
    site: NDArray[np.int64]

    def shared(self) -> "Collection":
        """The same comments for models without weights of a video's own."""
        return replace(self, site=np.full(len(self.site), -1))

    def fit(self, rows: NDArray[np.bool_]) -> Linear:
        """A model of those comments alone."""
        at = np.flatnonzero(rows)
        alike = np.zeros(len(at), dtype=np.int64)
        return fit(self.lessons.take(at), self.spam[at], alike, self.site[at], SITE_RECIPE)

    def unseen_logits(self, rows: NDArray[np.bool_]) -> NDArray[np.float64]:
        """What models of those comments but a part of their templates make of that part; zero for all others."""
        parts = (self.side * SITE_RECIPE.folds).astype(int)
        unseen = np.zeros(len(rows))
        for part in np.unique(parts[rows]):
            here = rows & (parts == part)
            unseen[here] = self.logits(self.fit(rows & ~here), here)
        return unseen

    def logits(self, model: Linear, rows: NDArray[np.bool_]) -> NDArray[np.float64]:
        """What the model makes of those comments, each at its site."""
        at = np.flatnonzero(rows)
        return model.logits_at(self.site[at], self.matrix.take(at))


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A video as four others see it: the probability and truth of each comment, and the line drawn without it."""

    probabilities: NDArray[np.float64]
    spam: NDArray[np.bool_]
    line: float

    @property
    def lost(self) -> float:
        """The share of the video's good comments at or above the line."""
        return float((self.probabilities[~self.spam] >= self.line).mean())

    @property
    def caught(self) -> float:
        """The share of the video's spam at or above the line."""
        return float((self.probabilities[self.spam] >= self.line).mean())


def measure() -> list[Row]:
    """The figures of both questions."""
    folder = data.folder()
    if folder is None:
        return data.absent("mean MCC over the videos of youtube_uci, and each video left out")
    collection = read_collection(folder / "youtube_uci.csv.gz")
    return [*_authors_split(collection), *_left_out_rows([left_out(collection, video) for video in range(len(VIDEOS))])]


def read_file(path: Path) -> list[dict[str, str]]:
    """The rows of the collection; `split` says on which side of the authors' split each is."""
    used = ("id", "label", "split", *COMMENT_FIELDS)
    return [row for _, row in read_rows(path, print, used=used)]


def read_collection(path: Path) -> Collection:
    """The file as the product would meet it: with the page and its title, without dates and trailing marks."""
    rows = read_file(path)
    names = list(VIDEOS)
    comments = [_comment(row) for row in rows]
    video = np.array([names.index(row["id"][:4]) for row in rows])
    return Collection(
        build_matrix(comments),
        build_matrix([replace(comment, author=None) for comment in comments]),
        np.array([row["label"] == "spam" for row in rows]),
        video,
        np.array([side(comment) for comment in comments]),
        np.array([row["split"] == "train" for row in rows]),
        video,
    )


def write_labels(path: Path, out: Path, site_url: str) -> None:
    """The authors' training parts as the labels of one site, with the columns of an export."""
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, EXPORT_COLUMNS)
        writer.writeheader()
        for row in read_file(path):
            if row["split"] == "train":
                told = {name: value or "" for name, value in asdict(_comment(row)).items()}
                writer.writerow({"id": row["id"], "site": site_url, "label": row["label"], **told})


def _comment(row: dict[str, str]) -> Comment:
    page = f"https://www.youtube.com/watch?v={VIDEOS[row['id'][:4]]}"
    return Comment(row["text"].strip("\ufeff"), author=row["author"], context=row["context"], permalink=page)


def _authors_split(collection: Collection) -> list[Row]:
    """Mean Matthews correlation over the videos' test parts, cut at even odds."""
    parts = [collection.learnt & (collection.video == video) for video in range(len(VIDEOS))]
    each = _mean([_correlation(collection, part, [part]) for part in parts])
    name = "youtube_uci, authors' split, one model on five training parts"
    return [
        at_least(f"{name}: mean MCC", _correlation(collection.shared(), collection.learnt, parts), 0.955, "MCC"),
        Row(
            f"{name}, each video with weights of its own: mean MCC",
            round(_correlation(collection, collection.learnt, parts), 6),
            "MCC",
        ),
        at_least("youtube_uci, authors' split, a model per video: mean MCC", each, 0.94, "MCC"),
    ]


def _correlation(collection: Collection, learnt: NDArray[np.bool_], parts: Sequence[NDArray[np.bool_]]) -> float:
    """The mean over videos, by their training `parts`, of what a model of the `learnt` makes of their test parts."""
    unseen = collection.unseen_logits(learnt)
    calibrated = [calibrate(unseen[part], collection.spam[part]) for part in parts]
    cuts = [-offset / slope for slope, offset in calibrated]
    videos = [int(collection.video[part][0]) for part in parts]
    return mean_correlation(collection, collection.fit(learnt), dict(zip(videos, cuts, strict=True)))


def mean_correlation(collection: Collection, model: Linear, cuts: Mapping[int, float]) -> float:
    """How one model does on the test parts of some videos, where logits from the cut of a video on are spam."""
    asked = {video: ~collection.learnt & (collection.video == video) for video in cuts}
    return _mean(
        [
            matthews_corrcoef(collection.spam[rows], collection.logits(model, rows) >= cuts[video])
            for video, rows in asked.items()
        ]
    )


def left_out(collection: Collection, video: int) -> LeftOut:
    """One video, by what the others alone teach."""
    others = collection.video != video
    inner = np.zeros(len(others))
    for other in np.unique(collection.video[others]):
        here = collection.video == other
        inner[here] = collection.logits(collection.fit(others & ~here), here)
    known = collection.spam[others]
    slope, offset = calibrate(inner[others], known)
    logits = collection.logits(collection.fit(others), ~others)
    return LeftOut(
        expit(slope * logits + offset),
        collection.spam[~others],
        line_for(expit(slope * inner[others] + offset)[~known], LOSS),
    )


def line_for(ham: NDArray[np.float64], loss: float) -> float:
    """The lowest line with at most `floor(loss * ham)` of these good comments at or above it."""
    ranked = np.sort(ham)
    return float(np.nextafter(ranked[len(ranked) - int(loss * len(ranked)) - 1], 2.0))


def _left_out_rows(videos: Sequence[LeftOut]) -> list[Row]:
    scores = np.concatenate([video.probabilities for video in videos])
    spam = np.concatenate([video.spam for video in videos])
    lost = np.concatenate([video.probabilities[~video.spam] >= video.line for video in videos])
    caught = np.concatenate([video.probabilities[video.spam] >= video.line for video in videos])
    name = "youtube_uci, one video left out: "
    return [
        Row(f"{name}accuracy", round(float(accuracy_score(spam, scores >= 0.5)), 6), "share"),
        at_least(f"{name}ROC AUC", float(roc_auc_score(spam, scores)), 0.992, "area"),
        at_least(f"{name}caught at 0.5 % ham loss", caught_at(scores, spam, 0.005), 0.89, "share"),
        at_least(f"{name}caught at 1 % ham loss", caught_at(scores, spam, 0.01), 0.925, "share"),
        Row(f"{name}caught at 2 % ham loss", round(caught_at(scores, spam, 0.02), 6), "share"),
        Row(f"{name}Brier score", round(float(brier_score_loss(spam, scores)), 6), "probability squared"),
        at_most(f"{name}calibration error", calibration_error(scores, spam, np.ones(len(spam))), 0.015, "probability"),
        at_most(f"{name}really lost at the line set for 1 %", float(lost.mean()), 0.015, "share"),
        Row(f"{name}really lost at that line, worst video", round(max(video.lost for video in videos), 6), "share"),
        Row(f"{name}really caught at that line", round(float(caught.mean()), 6), "share"),
    ]


def _mean(scores: Sequence[float]) -> float:
    return float(np.mean(scores))
