"""The YouTube Spam Collection (Alberto, Lochter and Almeida 2015) on its authors' own split."""

import numpy as np
from sklearn.metrics import matthews_corrcoef

from moderation.domain.comment import Comment
from moderation.learning.corpus import read_rows
from moderation.learning.linear import fit
from moderation.learning.matrix import build_matrix
from moderation.learning.recipe import Recipe
from tests.benchmarks import data
from tests.benchmarks.rows import Row, at_least

VIDEOS = {
    "yt01": "9bZkp7q19f0",
    "yt02": "CevxZvSJLk8",
    "yt03": "KQ6zr6kCPj8",
    "yt04": "uelHwf8o7_U",
    "yt05": "pRpeEdMmmQ0",
}
"""The page that each part of the collection was gathered from."""

SITE_RECIPE = Recipe(strength=30.0, signal_scale=0.5)
"""For the labels of a single site: chosen by cross-validation over templates within the training parts."""


def measure() -> list[Row]:
    """Mean MCC over the videos of one model trained on the five training parts, cut at even odds."""
    folder = data.folder()
    if folder is None:
        return data.absent("mean MCC over the videos of youtube_uci")
    rows = [row for _, row in read_rows(folder / "youtube_uci.csv.gz", print)]
    video = np.array([row["id"][:4] for row in rows])
    spam = np.array([row["label"] == "spam" for row in rows])
    learnt = np.array([row["split"] == "train" for row in rows])
    matrix = build_matrix([_comment(row) for row in rows])
    model = fit(
        matrix.take(np.flatnonzero(learnt)), spam[learnt], np.zeros(int(learnt.sum()), dtype=np.int64), SITE_RECIPE
    )
    called = model.logits(matrix) >= 0
    scores = [
        matthews_corrcoef(spam[here], called[here]) for name in VIDEOS if (here := ~learnt & (video == name)).any()
    ]
    return [at_least("youtube_uci, one model on five training parts: mean MCC", float(np.mean(scores)), 0.94, "MCC")]


def _comment(row: dict[str, str]) -> Comment:
    page = f"https://www.youtube.com/watch?v={VIDEOS[row['id'][:4]]}"
    return Comment(row["text"].strip("\ufeff"), author=row["author"], context=row["context"], permalink=page)
