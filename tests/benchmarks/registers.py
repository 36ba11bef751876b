"""Registers that blog comments do not teach: a model of their own, on the half of their comments it has not seen.

The gambling bots of id_judionline are split by video, the groups of telegram_tgspam by template, so that no video and
no template is on both sides. The model is what `moderation train` makes of one file by the recipe of a single site.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256
from statistics import fmean

import numpy as np
from numpy.typing import NDArray
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

_FEW = 1_000
_DRAWS = 12


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
    return _number(comment.context or "")


def _number(key: str) -> float:
    """A number within 0 and 1 that stays with the key."""
    return int.from_bytes(sha256(key.encode()).digest()[:6]) / 2**48


def _rows(name: str, corpus: Corpus, side_of: Callable[[Comment], float], bar: float) -> list[Row]:
    sides = [side_of(comment) for comment in corpus.comments]
    scores, spam = _met(corpus, np.array(sides) < 0.5, print)
    question = f"{name}, half of it unseen ({int(spam.sum())} spam, {int((~spam).sum())} ham): "
    return [
        at_least(f"{question}caught at 1 % ham loss", caught_at(scores, spam, 0.01), bar, "share"),
        Row(f"{question}ROC AUC", round(float(roc_auc_score(spam, scores)), 6), "area"),
        *(_redrawn(name, corpus, sides) if len(sides) < _FEW else []),
    ]


def _redrawn(name: str, corpus: Corpus, sides: Sequence[float]) -> list[Row]:
    """Means over other halves, where a few comments decide."""
    draws = [np.array([_number(f"{draw} {side}") < 0.5 for side in sides]) for draw in range(_DRAWS)]
    met = [_met(corpus, learnt, lambda _: None) for drawn in draws for learnt in (drawn, ~drawn)]
    question = f"{name}, mean of {len(met)} other halves: "
    return [
        Row(f"{question}caught at 1 % ham loss", round(fmean(caught_at(*one, 0.01) for one in met), 6), "share"),
        Row(f"{question}caught at 2 % ham loss", round(fmean(caught_at(*one, 0.02) for one in met), 6), "share"),
        Row(f"{question}ROC AUC", round(fmean(float(roc_auc_score(spam, scores)) for scores, spam in met), 6), "area"),
    ]


def _met(
    corpus: Corpus, learnt: NDArray[np.bool_], report: Callable[[str], None]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The logits and labels of the comments that were not learnt from."""
    bench = prepare(corpus.where(learnt), SITE_RECIPE, report)
    model = bench.fit_without(np.zeros(len(bench.corpus.comments), dtype=bool), SITE_RECIPE)
    rest = corpus.where(~learnt)
    return model.logits(build_matrix(rest.comments)), rest.spam
