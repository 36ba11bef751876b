"""A trained model, and scoring of single comments and of batches."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from itertools import islice
from math import exp
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from moderation.domain.comment import NO_SIGNALS, Comment, SubmissionSignals
from moderation.domain.decision import Reason, Score
from moderation.domain.errors import ModelUnavailable
from moderation.domain.general_guarantee import GeneralGuarantees
from moderation.domain.thresholds import Thresholds
from moderation.features.extraction import FEATURES_VERSION, Features, extract_batch, extract_features
from moderation.features.ngrams import N_COLUMNS, NAMESPACES
from moderation.features.parsed_comment import ParsedComment
from moderation.features.signals import signal_codes
from moderation.features.signals.submission import rule_contributions
from moderation.scoring.reasons import explain
from moderation.scoring.site_weights import MAX_PARAMETER, SiteWeights, is_usable_array
from moderation.scoring.word_weights import WordWeights

BATCH_SIZE = 250
"""Comments parsed at a time, which takes some megabytes."""

_SITE_CACHE_SIZE = 16
"""Sites whose weights are cached. Each takes 3 MB, and as much again for each 5,000 cached words."""


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A linear model over hashed columns and signals. All weights are in logits.

    A column contributes `weight * value`, a signal `weight * (value - mean)`, an absent signal nothing.

    Parameters
    ----------
    id : str
        Name of the model.
    weights : float16 array of shape (N_COLUMNS,)
        Weights of the hashed columns.
    signal_weights, means : arrays of shape (signals,)
        Weight and mean of each signal.
    bias : float
        Logit of a comment without any feature.
    contribution_limits : array of shape (namespaces, 2)
        Lowest and highest sum of contributions of the words of a field.
    thresholds : Thresholds
        Thresholds that the model suggests.
    general_guarantees : GeneralGuarantees, optional
        Guarantees of these thresholds over sites.
    weights_by_site : mapping of str to SiteWeights
        Weights of the sites that have their own, by URL.
    """

    id: str
    weights: NDArray[np.float16]
    signal_weights: NDArray[np.float32]
    means: NDArray[np.float64]
    bias: float
    contribution_limits: NDArray[np.float64]
    thresholds: Thresholds
    general_guarantees: GeneralGuarantees | None = None
    weights_by_site: Mapping[str, SiteWeights] = field(default_factory=dict)
    word_weights: WordWeights = field(init=False)
    # Mean and weight of each signal as plain numbers, which are faster than arrays for a single comment.
    centered_weights: Sequence[tuple[float, float]] = field(init=False)
    usual_values: Sequence[float] = field(init=False)
    _cached_for_site: Callable[[str], "Model"] | None = field(init=False)

    def __post_init__(self) -> None:
        centered_weights = list(zip(self.means.tolist(), self.signal_weights.tolist(), strict=True))
        object.__setattr__(self, "centered_weights", centered_weights)
        object.__setattr__(self, "usual_values", self.means.tolist())
        object.__setattr__(self, "word_weights", WordWeights(self.weights, self.contribution_limits))
        # The cache must not reference this model, or the reference cycle would keep replaced models in memory.
        shared = replace(self, weights_by_site={}) if self.weights_by_site else None
        with_site_weights = partial(_with_site_weights, shared, self.weights_by_site) if shared else None
        cached = lru_cache(_SITE_CACHE_SIZE)(with_site_weights) if with_site_weights else None
        object.__setattr__(self, "_cached_for_site", cached)

    @classmethod
    def from_arrays(
        cls,
        model_id: str,
        arrays: Mapping[str, Any],
        thresholds: Thresholds,
        guarantees: GeneralGuarantees | None = None,
    ) -> Self:
        """Build a model from the arrays of a model file. Raises `ModelUnavailable` if they do not fit this version."""
        if arrays.get("features_version") != FEATURES_VERSION or list(arrays.get("signals", ())) != list(
            signal_codes()
        ):
            raise ModelUnavailable(
                f"The model {model_id} was trained on other features than this version reads; train it again."
            )
        signals = (len(signal_codes()),)
        shapes = {
            "weights": (N_COLUMNS,),
            "signal_weights": signals,
            "means": signals,
            "contribution_limits": (len(NAMESPACES), 2),
        }
        for name, shape in shapes.items():
            array = arrays.get(name)
            if not is_usable_array(array, shape):
                raise ModelUnavailable(f"The model {model_id} has no usable {name}; train it again.")
        bias = arrays.get("bias")
        if not isinstance(bias, float) or not abs(bias) <= MAX_PARAMETER:
            raise ModelUnavailable(f"The model {model_id} has no usable bias; train it again.")
        try:
            weights_by_site = {url: SiteWeights.from_list(values) for url, values in arrays.get("weights_by_site", ())}
        except (ValueError, TypeError):
            raise ModelUnavailable(f"The model {model_id} has no usable weights_by_site; train it again.") from None
        if not all(isinstance(url, str) for url in weights_by_site):
            raise ModelUnavailable(f"The model {model_id} has weights for a site without address; train it again.")
        checked = {name: arrays[name] for name in shapes}
        return cls(
            model_id,
            bias=bias,
            thresholds=thresholds,
            general_guarantees=guarantees,
            weights_by_site=weights_by_site,
            **checked,
        )

    def for_site(self, site_url: str) -> "Model":
        """Return the model with the weights of a site under the same id, or this model if the site has none."""
        return self._cached_for_site(site_url) if self._cached_for_site and site_url in self.weights_by_site else self


def _with_site_weights(model: Model, weights_by_site: Mapping[str, SiteWeights], site_url: str) -> Model:
    site_weights = weights_by_site[site_url]
    return replace(
        model,
        weights=site_weights.apply_to(model.weights),
        signal_weights=site_weights.signal_weights,
        bias=site_weights.bias,
        contribution_limits=site_weights.contribution_limits,
    )


def score(
    model: Model,
    parsed: ParsedComment,
    submission: SubmissionSignals = NO_SIGNALS,
    *,
    evidence: Sequence[Reason] = (),
    spans: bool = False,
) -> Score:
    """Return the probability of spam with all reasons. Their weights and the bias add up to the logit.

    `evidence` is known outside the comment: its weights are added to the logit, and it joins the reasons. With `spans`,
    each reason of the model has its spans in the comment as sent.
    """
    features = extract_features(parsed, submission)
    contributions, signal_contributions = _contributions(model, features)
    logit = _logit(model, features, contributions, signal_contributions) + sum([reason.weight for reason in evidence])
    reasons = explain(features, contributions, signal_contributions, model.usual_values, evidence=evidence, spans=spans)
    return Score(logistic(logit), logit, model.bias, reasons, model.id)


def probabilities(model: Model, comments: Iterable[Comment]) -> Iterator[float]:
    """Yield the probability of spam of each comment in order. Batches without reasons are faster than `score`."""
    remaining = map(ParsedComment, comments)
    while batch := list(islice(remaining, BATCH_SIZE)):
        yield from parsed_probabilities(model, batch)


def parsed_probabilities(model: Model, batch: Sequence[ParsedComment]) -> list[float]:
    """Return the probability of spam of each comment of one batch, of at most `BATCH_SIZE`."""
    return list(map(logistic, _logits(model, batch)))


def logistic(logit: float) -> float:
    """Return `1 / (1 + exp(-logit))` without overflow."""
    return 1.0 / (1.0 + exp(-logit)) if logit >= 0 else 1.0 - 1.0 / (1.0 + exp(logit))


def _contributions(model: Model, features: Features) -> tuple[list[dict[str, float]], list[float]]:
    """Return the contributions to the logit: of the words of each field, and of each signal."""
    signals = zip(features.signals, model.centered_weights, strict=True)
    signal_contributions = [
        # Only a NaN differs from itself. `isnan` would take half of the time of this loop.
        weight * (value - mean) if value == value else 0.0
        for value, (mean, weight) in signals
    ]
    return list(map(model.word_weights.contributions, features.document)), signal_contributions


def _logit(
    model: Model,
    features: Features,
    contributions: Sequence[Mapping[str, float]],
    signal_contributions: Sequence[float],
) -> float:
    words = sum([sum(by_word.values()) for by_word in contributions])
    return model.bias + words + sum(signal_contributions) + sum(features.rule_contributions.values())


def _logits(model: Model, batch: Sequence[ParsedComment]) -> list[float]:
    """Return the logits of comments without submission signals."""
    rows, signals = extract_batch(batch)
    words = np.clip(rows.sums(model.weights), *model.contribution_limits.T).sum(axis=1)
    rules = [sum(rule_contributions(parsed, NO_SIGNALS).values()) for parsed in batch]
    named = np.nan_to_num(signals - model.means, nan=0.0) @ model.signal_weights
    logits: list[float] = (model.bias + words + named + rules).tolist()
    return logits
