"""Find labels that are likely wrong: contradictions among near-duplicates, and labels that the other labels contradict.

A label of a person is never changed here: the list is for a second look.
"""

import warnings
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import logit
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from moderation.domain.comment import Comment
from moderation.domain.errors import InvalidInput
from moderation.scoring.batches import probabilities
from moderation.scoring.model import Model
from moderation.training.design_matrix import build_matrix
from moderation.training.executors import ONE_PROCESSOR
from moderation.training.folds import template_key

MIN_WORDS = 8
"""Words from which two texts of one template are near-duplicates; shorter ones are often alike by chance."""
MIN_LABELS_OF_EACH_VALUE = 20
"""Labels of each value without which no model can tell a wrong label from a right one."""

_FOLDS = 5
_MAX_DENSE = 4.0
_MIN_DEVIATION = 1e-6
_DENSE_SCALE = 0.1
"""Scale of standardized signals and of a logit beside hashed values, so that the penalty bounds all alike."""
_REGULARIZATION = 1.0


@dataclass(frozen=True, slots=True)
class DoubtfulLabel:
    """A label that may be wrong, by its place among the labels.

    `probability` of the label's being right is that of a model which has not seen the comment or its near-duplicates;
    `None` where there are too few labels for one. `contradicts` are the places of near-duplicates with another label.
    """

    place: int
    probability: float | None
    contradicts: tuple[int, ...] = ()

    @property
    def places(self) -> tuple[int, ...]:
        """The place of the label, then the places of the labels that it contradicts."""
        return (self.place, *self.contradicts)


def audit_labels(model: Model | None, comments: Sequence[Comment], spam: NDArray[np.bool_]) -> list[DoubtfulLabel]:
    """Return the doubtful labels: contradictions first, then the likely wrong ones, the most doubtful first.

    Parameters
    ----------
    model : Model, optional
        The live model, whose logit helps where labels are few. It hides errors of labels that it was trained on.
    comments : sequence of Comment
        The labelled comments of one site.
    spam : ndarray of shape (n_comments,)
        Their labels.

    cleanlab finds the likely wrong labels from out-of-fold probabilities (Northcutt, Jiang and Chuang, "Confident
    Learning", JAIR 2021). Near-duplicates are in one fold.
    Raises `InvalidInput` if cleanlab is not installed.
    """
    keys = [template_key(comment) for comment in comments]
    right = _out_of_fold(model, comments, keys, spam)
    contradictions = _contradictions(comments, keys, spam)
    certain = np.full(len(comments), np.nan) if right is None else right
    found = {place: DoubtfulLabel(place, _or_none(certain[place]), others) for place, others in contradictions.items()}
    if right is not None:
        for place in _likely_wrong(right, spam):
            found.setdefault(place, DoubtfulLabel(place, float(right[place])))
    return sorted(found.values(), key=lambda label: (not label.contradicts, _or_half(label.probability), label.place))


def _out_of_fold(
    model: Model | None, comments: Sequence[Comment], keys: Sequence[str], spam: NDArray[np.bool_]
) -> NDArray[np.float64] | None:
    """Return the probability that each label is right, by a model of the other folds; `None` with too few labels."""
    if min(np.sum(spam), np.sum(~spam)) < MIN_LABELS_OF_EACH_VALUE or len(set(keys)) < 2 * _FOLDS:
        return None
    features = _features(model, comments)
    predicted = np.full(len(comments), 0.5)
    for fitted, held_out in StratifiedGroupKFold(_FOLDS).split(features, spam, keys):
        if len(set(spam[fitted])) < 2:
            continue
        regression = LogisticRegression(C=_REGULARIZATION, class_weight="balanced", solver="liblinear", max_iter=1_000)
        regression.fit(features[fitted], spam[fitted])
        predicted[held_out] = regression.predict_proba(features[held_out])[:, 1]
    return np.where(spam, predicted, 1 - predicted)


def _features(model: Model | None, comments: Sequence[Comment]) -> sparse.csr_matrix:
    """Return hashed n-grams, standardized signals and the model's logit of each comment, on like scales."""
    matrix = build_matrix(comments, ONE_PROCESSOR, with_passages=False)
    with warnings.catch_warnings():
        # A signal that no comment has is without a mean.
        warnings.simplefilter("ignore", RuntimeWarning)
        mean, deviation = np.nanmean(matrix.signals, 0), np.nanstd(matrix.signals, 0)
    columns = [(matrix.signals - mean) / (deviation + _MIN_DEVIATION)]
    if model is not None:
        columns.append(logit(np.array(list(probabilities(model, comments))))[:, None])
    dense = _DENSE_SCALE * np.clip(np.nan_to_num(np.hstack(columns)), -_MAX_DENSE, _MAX_DENSE)
    # The columns that no comment has would make each step of a fit a hundred times longer.
    hashed = matrix.hashed[:, np.unique(matrix.hashed.indices)]
    features = sparse.csr_matrix(sparse.hstack([hashed, sparse.csr_array(dense)]))
    # liblinear takes no other indices.
    features.indices, features.indptr = features.indices.astype(np.int32), features.indptr.astype(np.int32)
    return features


def _likely_wrong(right: NDArray[np.float64], spam: NDArray[np.bool_]) -> list[int]:
    try:
        from cleanlab.filter import find_label_issues
    except ImportError:
        raise InvalidInput("The audit needs cleanlab: install moderation with the extra `audit`.") from None
    predicted = np.where(spam[:, None], np.c_[1 - right, right], np.c_[right, 1 - right])
    ranked = find_label_issues(spam.astype(int), predicted, return_indices_ranked_by="self_confidence", n_jobs=1)
    return [int(place) for place in ranked]


def _contradictions(
    comments: Sequence[Comment], keys: Sequence[str], spam: NDArray[np.bool_]
) -> dict[int, tuple[int, ...]]:
    """Return for each comment the near-duplicates with another label, if there are any."""
    by_key: dict[str, list[int]] = defaultdict(list)
    for place, (comment, key) in enumerate(zip(comments, keys, strict=True)):
        if len(comment.text.split()) >= MIN_WORDS:
            by_key[key].append(place)
    found = {}
    for places in by_key.values():
        for place in places:
            others = tuple(other for other in places if spam[other] != spam[place])
            if others:
                found[place] = others
    return found


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _or_half(value: float | None) -> float:
    return 0.5 if value is None else value
