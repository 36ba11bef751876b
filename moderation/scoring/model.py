"""A trained model, and what it makes of a comment."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from itertools import islice
from math import exp, isnan
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from moderation.domain.comment import UNSEEN, Comment, Visit
from moderation.domain.errors import ModelRefused
from moderation.domain.judgement import Score
from moderation.domain.policy import Policy
from moderation.features.evidence import FEATURES_VERSION, Evidence, gather_evidence, gather_rows
from moderation.features.ngrams import BLOCKS, COLUMNS
from moderation.features.signals import signal_codes
from moderation.features.signals.visits import given_shares
from moderation.scoring.layer import Layer
from moderation.scoring.reasons import explain
from moderation.scoring.wordbook import Wordbook

TOGETHER = 250
"""Comments that are read at a time where many are scored, some megabytes."""

_SITES = 16
"""How many sites' weights are kept at hand, 3 MB each and as much again for each 5,000 words that are remembered."""


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """Weights in logits. Hashed columns count as `weights[column] * value`, signals as `weight * (value - centre)`.

    `weights` has shape (COLUMNS,), float16; `signal_weights` and `centres` have one entry a signal; an absent signal
    counts as nothing. `reach`, of shape (BLOCKS, 2), is the least and the most that the words of a segment add.
    `lines` is where the model itself suggests to draw the lines. `layers` has the sites with weights of their own, by
    their addresses. `wordbook` looks words up in `weights`, `slopes` has centre and weight of each signal as plain
    numbers: for a single comment quicker than arrays.
    """

    id: str
    weights: NDArray[np.float16]
    signal_weights: NDArray[np.float32]
    centres: NDArray[np.float64]
    bias: float
    reach: NDArray[np.float64]
    lines: Policy
    layers: Mapping[str, Layer] = field(default_factory=dict)
    wordbook: Wordbook = field(init=False)
    slopes: Sequence[tuple[float, float]] = field(init=False)
    _at_site: Callable[[str], "Model"] | None = field(init=False)

    def __post_init__(self) -> None:
        slopes = list(zip(self.centres.tolist(), self.signal_weights.tolist(), strict=True))
        object.__setattr__(self, "slopes", slopes)
        object.__setattr__(self, "wordbook", Wordbook(self.weights, self.reach))
        # What is kept for the sites must not know of this model: it goes with the last who holds it.
        bare = replace(self, layers={}) if self.layers else None
        at_site = lru_cache(_SITES)(partial(_with_layer, bare, self.layers)) if bare else None
        object.__setattr__(self, "_at_site", at_site)

    @classmethod
    def from_arrays(cls, model_id: str, arrays: Mapping[str, Any], lines: Policy) -> Self:
        """Checks what a model file holds; raises `ModelRefused` where it does not fit this version of the features."""
        if arrays.get("features") != FEATURES_VERSION or list(arrays.get("signals", ())) != list(signal_codes()):
            raise ModelRefused(
                f"The model {model_id} was trained on other features than this version reads; train it again."
            )
        signals = (len(signal_codes()),)
        shapes = {"weights": (COLUMNS,), "signal_weights": signals, "centres": signals, "reach": (len(BLOCKS), 2)}
        for name, shape in shapes.items():
            array = arrays.get(name)
            if not isinstance(array, np.ndarray) or array.shape != shape or not np.isfinite(array).all():
                raise ModelRefused(f"The model {model_id} has no usable {name}; train it again.")
        bias = arrays.get("bias")
        if not isinstance(bias, float) or not np.isfinite(bias):
            raise ModelRefused(f"The model {model_id} has no usable bias; train it again.")
        try:
            layers = {str(url): Layer.from_plain(values) for url, values in arrays.get("layers", ())}
        except (ValueError, TypeError):
            raise ModelRefused(f"The model {model_id} has no usable layers; train it again.") from None
        checked = {name: arrays[name] for name in shapes}
        return cls(model_id, bias=bias, lines=lines, layers=layers, **checked)

    def at(self, site_url: str) -> "Model":
        """The model with the weights of a site, under the same id; itself where the site has none of its own."""
        return self._at_site(site_url) if self._at_site and site_url in self.layers else self


def _with_layer(model: Model, layers: Mapping[str, Layer], site_url: str) -> Model:
    layer = layers[site_url]
    return replace(
        model,
        weights=layer.on(model.weights),
        signal_weights=layer.signal_weights,
        bias=layer.bias,
        reach=layer.reach,
    )


def score(model: Model, comment: Comment, visit: Visit = UNSEEN) -> Score:
    """The chance of spam and every reason for it; the weights and the bias add up to the logit."""
    evidence = gather_evidence(comment, visit)
    shares, signal_shares = _shares(model, evidence)
    logit = _logit(model, evidence, shares, signal_shares)
    return Score(logistic(logit), logit, model.bias, explain(evidence, shares, signal_shares), model.id)


def probabilities(model: Model, comments: Iterable[Comment]) -> Iterator[float]:
    """The chance of spam of each comment, in their order, without reasons; read together, faster than by `score`."""
    left = iter(comments)
    while together := list(islice(left, TOGETHER)):
        yield from map(logistic, _logits(model, together))


def logistic(logit: float) -> float:
    """`1 / (1 + exp(-logit))`, without overflow."""
    return 1.0 / (1.0 + exp(-logit)) if logit >= 0 else 1.0 - 1.0 / (1.0 + exp(logit))


def _shares(model: Model, evidence: Evidence) -> tuple[list[dict[str, float]], list[float]]:
    """What each word of each segment and each signal adds to the logit."""
    measured = zip(evidence.signals, model.slopes, strict=True)
    signal_shares = [0.0 if isnan(value) else weight * (value - centre) for value, (centre, weight) in measured]
    return [model.wordbook.shares(segment) for segment in evidence.page], signal_shares


def _logit(
    model: Model, evidence: Evidence, shares: Sequence[Mapping[str, float]], signal_shares: Sequence[float]
) -> float:
    hashed = sum([sum(words.values()) for words in shares])
    return model.bias + hashed + sum(signal_shares) + sum(evidence.given.values())


def _logits(model: Model, comments: Sequence[Comment]) -> list[float]:
    """The logits of many comments of whose visits nothing is known."""
    rows, signals = gather_rows(comments)
    hashed = np.clip(rows.sums(model.weights), *model.reach.T).sum(axis=1)
    given = [sum(given_shares(comment, UNSEEN).values()) for comment in comments]
    named = np.nan_to_num(signals - model.centres, nan=0.0) @ model.signal_weights
    logits: list[float] = (model.bias + hashed + named + given).tolist()
    return logits
