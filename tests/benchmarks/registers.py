"""Registers that blog comments do not teach: a model of their own, on the half of their comments it has not seen.

The gambling bots of id_judionline are split by video, the groups of telegram_tgspam by template, so that no video and
no template is on both sides. The model is what `moderation train` makes of one file by the recipe of a single site.
"""

from collections.abc import Callable
from hashlib import sha256

import numpy as np
from sklearn.metrics import roc_auc_score

from moderation.domain.comment import Comment
from moderation.learning.corpus import Corpus, read_corpus
from moderation.learning.evaluation import caught_at
from moderation.learning.matrix import build_matrix
from moderation.learning.templates import side
from moderation.learning.training import prepare
from tests.benchmarks import data
from tests.benchmarks.rows import Row, at_least
from tests.benchmarks.youtube import SITE_RECIPE


def measure() -> list[Row]:
    """What half of a register teaches about the other half."""
    folder = data.folder()
    if folder is None:
        return data.absent("spam of other registers caught by a model of their own")
    splits: dict[str, tuple[Callable[[Comment], float], float]] = {
        "id_judionline": (_side_of_page, 0.94),
        "telegram_tgspam": (side, 0.96),
    }
    return [
        row
        for name, (side_of, bar) in splits.items()
        for row in _rows(name, read_corpus([folder / f"{name}.csv.gz"], print), side_of, bar)
    ]


def _side_of_page(comment: Comment) -> float:
    """A number within 0 and 1 that stays with the page."""
    return int.from_bytes(sha256((comment.context or "").encode()).digest()[:6]) / 2**48


def _rows(name: str, corpus: Corpus, side_of: Callable[[Comment], float], bar: float) -> list[Row]:
    learnt = np.array([side_of(comment) < 0.5 for comment in corpus.comments])
    bench = prepare(corpus.where(learnt), SITE_RECIPE, print)
    model = bench.fit_without(np.zeros(len(bench.corpus.comments), dtype=bool), SITE_RECIPE)
    rest = corpus.where(~learnt)
    scores, spam = model.logits(build_matrix(rest.comments)), rest.spam
    question = f"{name}, half of it unseen ({int(spam.sum())} spam, {int((~spam).sum())} ham): "
    return [
        at_least(f"{question}caught at 1 % ham loss", caught_at(scores, spam, 0.01), bar, "share"),
        Row(f"{question}ROC AUC", round(float(roc_auc_score(spam, scores)), 6), "area"),
    ]
