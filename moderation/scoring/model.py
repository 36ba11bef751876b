"""A trained model, and what it makes of a comment."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from moderation.domain.comment import UNSEEN, Comment, Visit
from moderation.domain.errors import ModelRefused
from moderation.domain.judgement import Score
from moderation.domain.policy import Policy
from moderation.features.evidence import FEATURES_VERSION, gather_evidence, read_rows
from moderation.features.ngrams import COLUMNS, Grams
from moderation.features.signals import signal_codes
from moderation.scoring.reasons import explain


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """Weights in logits. Hashed columns count as `weights[column] * value`, signals as `weight * (value - centre)`.

    `weights` has shape (COLUMNS,), float16; `signal_weights` and `centres` have one entry a signal; an absent signal
    counts as nothing. `lines` is where the model itself suggests to draw the lines.
    """

    id: str
    weights: NDArray[np.float16]
    signal_weights: NDArray[np.float64]
    centres: NDArray[np.float64]
    bias: float
    lines: Policy

    @classmethod
    def from_arrays(cls, model_id: str, arrays: Mapping[str, Any], lines: Policy) -> Self:
        """Checks what a model file holds; raises `ModelRefused` where it does not fit this version of the features."""
        if arrays.get("features") != FEATURES_VERSION or list(arrays.get("signals", ())) != list(signal_codes()):
            raise ModelRefused(
                f"The model {model_id} was trained on other features than this version reads; train it again."
            )
        shapes = {"weights": (COLUMNS,), "signal_weights": (len(signal_codes()),), "centres": (len(signal_codes()),)}
        for name, shape in shapes.items():
            array = arrays.get(name)
            if not isinstance(array, np.ndarray) or array.shape != shape or not np.isfinite(array).all():
                raise ModelRefused(f"The model {model_id} has no usable {name}; train it again.")
        bias = arrays.get("bias")
        if not isinstance(bias, float) or not np.isfinite(bias):
            raise ModelRefused(f"The model {model_id} has no usable bias; train it again.")
        return cls(model_id, arrays["weights"], arrays["signal_weights"], arrays["centres"], bias, lines)


def score(model: Model, comment: Comment, visit: Visit = UNSEEN) -> Score:
    """The chance of spam and every reason for it; the weights and the bias add up to the logit."""
    evidence = gather_evidence(comment, visit)
    shares, signal_shares = _shares(model, evidence.grams, evidence.signals)
    logit = model.bias + float(shares.sum()) + float(signal_shares.sum()) + float(evidence.given.sum())
    reasons = explain(evidence, shares, signal_shares)
    return Score(logistic(logit), logit, model.bias, reasons, model.id)


def probabilities(model: Model, comments: Iterable[Comment]) -> Iterator[float]:
    """The chance of spam of each comment, in their order, without reasons: faster than `score`."""
    for rows in read_rows(comments):
        shares, signal_shares = _shares(model, rows.grams, rows.signals)
        owners = np.repeat(np.arange(len(rows.given)), np.diff(rows.grams.bounds))
        hashed = np.bincount(owners, weights=shares, minlength=len(rows.given))
        yield from map(logistic, (model.bias + hashed + signal_shares.sum(axis=1) + rows.given).tolist())


def logistic(logit: float) -> float:
    """`1 / (1 + exp(-logit))`, without overflow."""
    return float(1.0 / (1.0 + np.exp(-logit))) if logit >= 0 else float(1.0 - 1.0 / (1.0 + np.exp(logit)))


def _shares(
    model: Model, grams: Grams, signals: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What each hashed column and each signal adds to the logit."""
    signal_shares = (signals - model.centres) * model.signal_weights
    return model.weights[grams.columns] * grams.values, np.where(np.isnan(signal_shares), 0.0, signal_shares)
