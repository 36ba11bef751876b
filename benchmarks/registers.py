"""Recall in registers that the default model does not know: a model trained on half of a corpus, tested on the rest.

The comments of id_judionline are split by video, those of telegram_tgspam by template. No video and no template is
on both sides. The model is fitted as `moderation train` does for one file with a site's recipe.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256
from statistics import fmean

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from benchmarks import data
from benchmarks.rows import Row, at_least, figure
from benchmarks.youtube import SITE_RECIPE
from moderation.domain.comment import Comment
from moderation.training.corpus import Corpus, read_corpus
from moderation.training.design_matrix import build_matrix
from moderation.training.evaluation import caught_at
from moderation.training.fitting import build_training_set
from moderation.training.folds import split_hash

SplitHash = Callable[[Comment], float]

# In a small corpus a few comments decide, so the mean over other halves is measured too.
_REDRAW_BELOW_COMMENTS = 1_000
_DRAWS = 12


def measure() -> list[Row]:
    """Return recall and ROC AUC on the test half of each register."""
    folder = data.folder()
    if folder is None:
        return data.no_folder("recall in other registers")
    splits: dict[str, tuple[SplitHash, float]] = {
        "id_judionline": (_page_hash, 0.94),
        "telegram_tgspam": (split_hash, 0.96),
    }
    return [
        row
        for name, (hash_of, bar) in splits.items()
        for row in _rows(name, read_corpus([folder / f"{name}.csv.gz"], print), hash_of, bar)
    ]


def _page_hash(comment: Comment) -> float:
    """Return a number from 0 to 1 that all comments of a page share."""
    return _unit_hash(comment.context or "")


def _unit_hash(key: str) -> float:
    """Map a key to a number from 0 to 1."""
    return int.from_bytes(sha256(key.encode()).digest()[:6]) / 2**48


def _rows(name: str, corpus: Corpus, hash_of: SplitHash, bar: float) -> list[Row]:
    split_hashes = [hash_of(comment) for comment in corpus.comments]
    scores, spam = _score_rest(corpus, np.array(split_hashes) < 0.5, print)
    prefix = f"{name}, test half ({int(spam.sum())} spam, {int((~spam).sum())} ham): "
    return [
        at_least(f"{prefix}caught at 1 % ham loss", caught_at(scores, spam, 0.01), bar, "proportion"),
        figure(f"{prefix}ROC AUC", float(roc_auc_score(spam, scores)), "area"),
        *(_mean_over_redraws(name, corpus, split_hashes) if len(split_hashes) < _REDRAW_BELOW_COMMENTS else []),
    ]


def _mean_over_redraws(name: str, corpus: Corpus, split_hashes: Sequence[float]) -> list[Row]:
    """Return means over other random halves."""
    halves = [
        np.array([_unit_hash(f"{draw} {split_hash}") < 0.5 for split_hash in split_hashes]) for draw in range(_DRAWS)
    ]
    tests = [_score_rest(corpus, train_mask, lambda _: None) for half in halves for train_mask in (half, ~half)]
    prefix = f"{name}, mean of {len(tests)} other halves: "
    return [
        figure(f"{prefix}caught at 1 % ham loss", fmean(caught_at(*test, 0.01) for test in tests), "proportion"),
        figure(f"{prefix}caught at 2 % ham loss", fmean(caught_at(*test, 0.02) for test in tests), "proportion"),
        figure(f"{prefix}ROC AUC", fmean(float(roc_auc_score(spam, scores)) for scores, spam in tests), "area"),
    ]


def _score_rest(
    corpus: Corpus, train_mask: NDArray[np.bool_], report: Callable[[str], None]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Train on the masked comments. Returns the logits and labels of the others."""
    training_set = build_training_set(corpus.where(train_mask), SITE_RECIPE, report)
    model = training_set.fit_without(np.zeros(len(training_set.corpus.comments), dtype=bool), SITE_RECIPE)
    rest = corpus.where(~train_mask)
    return model.logits(build_matrix(rest.comments)), rest.spam
