"""A trained model, and scoring of single comments and of batches."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from math import exp
from operator import attrgetter
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from moderation.domain.comment import NO_SIGNALS, SubmissionSignals
from moderation.domain.decision import Reason, Score
from moderation.domain.errors import ModelUnavailable
from moderation.domain.general_guarantee import GeneralGuarantees
from moderation.domain.thresholds import Thresholds
from moderation.features.extraction import (
    FEATURES_VERSION,
    Features,
    extract_features,
    extract_passage,
)
from moderation.features.ngrams import N_COLUMNS, NAMESPACES
from moderation.features.parsed_comment import ParsedComment
from moderation.features.passages import Passage, choose_passages, find_passages
from moderation.features.signals import signal_codes
from moderation.scoring.reasons import explain, passage_reason, reasons_of_zeros
from moderation.scoring.second_reader import ReaderSkipped, SecondReader, skipped_reason
from moderation.scoring.site_weights import ScoredRow, SiteWeights
from moderation.scoring.trained_weights import MAX_PARAMETER, TrainedWeights, is_usable_array
from moderation.scoring.word_weights import FieldRow, WordWeights

_NUMBERS = ("bias", "passage_discount")
"""Plain numbers in a model file."""
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
    passage_discount : float
        Taken from the logit of a passage before it is compared with the whole text: among many passages of good text
        one is likely to look like spam.
    contribution_limits : array of shape (namespaces, 2)
        Lowest and highest sum of contributions of the words of a field.
    thresholds : Thresholds
        Thresholds that the model suggests.
    general_guarantees : GeneralGuarantees, optional
        Guarantees of these thresholds over sites.
    weights_by_site : mapping of str to TrainedWeights
        Weights of the sites that have their own, by URL.
    second_reader : SecondReader, optional
        A reader that is asked about comments in doubt.
    alone : Model, optional
        The same weights without the reader, under another id and with thresholds chosen for them alone; `None` if this
        model has no reader.
    reader_problem : str
        Why the reader of the model's files is not used, empty if it is, or if they have none.
    stored_id : str
        Id of the model's files: that of the model with its reader, even if the reader is not used.
    """

    id: str
    weights: NDArray[np.float16]
    signal_weights: NDArray[np.float32]
    means: NDArray[np.float64]
    bias: float
    passage_discount: float
    contribution_limits: NDArray[np.float64]
    thresholds: Thresholds
    general_guarantees: GeneralGuarantees | None = None
    weights_by_site: Mapping[str, TrainedWeights] = field(default_factory=dict)
    second_reader: SecondReader | None = None
    alone: "Model | None" = None
    reader_problem: str = ""
    stored_id: str = ""
    word_weights: WordWeights = field(init=False)
    # Mean and weight of each signal as plain numbers, which are faster than arrays for a single comment.
    centered_weights: Sequence[tuple[float, float]] = field(init=False)
    usual_values: Sequence[float] = field(init=False)
    zero_reasons: Sequence[Reason] = field(init=False)
    _cached_for_site: Callable[[str], "Model"] | None = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "stored_id", self.stored_id or self.id)
        centered_weights = list(zip(self.means.tolist(), self.signal_weights.tolist(), strict=True))
        object.__setattr__(self, "centered_weights", centered_weights)
        object.__setattr__(self, "usual_values", self.means.tolist())
        object.__setattr__(self, "zero_reasons", reasons_of_zeros(centered_weights))
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
        for name in _NUMBERS:
            number = arrays.get(name)
            if not isinstance(number, float) or not abs(number) <= MAX_PARAMETER:
                raise ModelUnavailable(f"The model {model_id} has no usable {name}; train it again.")
        try:
            weights_by_site = {
                url: TrainedWeights.from_list(values) for url, values in arrays.get("weights_by_site", ())
            }
        except (ValueError, TypeError):
            raise ModelUnavailable(f"The model {model_id} has no usable weights_by_site; train it again.") from None
        if not all(isinstance(url, str) for url in weights_by_site):
            raise ModelUnavailable(f"The model {model_id} has weights for a site without address; train it again.")
        checked = {name: arrays[name] for name in (*shapes, *_NUMBERS)}
        return cls(
            model_id,
            thresholds=thresholds,
            general_guarantees=guarantees,
            weights_by_site=weights_by_site,
            **checked,
        )

    def with_reader(
        self,
        model_id: str,
        reader: SecondReader,
        thresholds: Thresholds,
        guarantees: GeneralGuarantees | None,
    ) -> "Model":
        """Return the model with a second reader, under another id and the thresholds for both together."""
        return replace(
            self,
            id=model_id,
            stored_id=model_id,
            second_reader=reader,
            alone=self,
            thresholds=thresholds,
            general_guarantees=guarantees,
        )

    def patient(self) -> "Model":
        """Return the model with a reader that is never skipped, for files."""
        return replace(self, second_reader=replace(self.second_reader, patient=True)) if self.second_reader else self

    def for_site(self, site_url: str) -> "Model":
        """Return the model with the weights of a site under the same id, or this model if the site has none."""
        return self._cached_for_site(site_url) if self._cached_for_site and site_url in self.weights_by_site else self


def _with_site_weights(model: Model, weights_by_site: Mapping[str, TrainedWeights], site_url: str) -> Model:
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
    site_weights: SiteWeights | None = None,
    thresholds_of: Callable[[Model], Thresholds] = attrgetter("thresholds"),
    spans: bool = False,
) -> Score:
    """Return the probability of spam with all reasons. Their weights and the bias add up to the logit.

    `evidence` is known outside the comment: its weights are added to the logit, and it joins the reasons; so does what
    `site_weights` learnt for this comment, within the bounds of the thresholds in force. With `spans`, each reason of
    the model has its spans in the comment as sent. If a passage of a long text is more like spam than the whole, the
    passage alone is scored, and a reason says so. `choose_passages` says which of them are compared.

    The second reader is asked about this logit if it leaves doubt. Where the reader is skipped, the score and its
    thresholds are those of the model alone. `thresholds_of` returns the thresholds in force under a model.
    """
    whole = _contribute(model, extract_features(parsed, submission))
    scored = _strongest_passage(model, parsed, whole) or whole
    if scored is not whole:
        evidence = [*evidence, passage_reason(scored.features, -model.passage_discount, spans=spans)]
    logit = scored.logit + sum([reason.weight for reason in evidence])
    judged_by, read = _ask_reader(model, parsed, logit)
    if read:
        evidence = [*evidence, read]
        logit += read.weight
    if site_weights:
        scored_row = ScoredRow(parsed, scored.features, scored.rows, logit)
        if learnt := site_weights.reason(scored_row, thresholds_of(judged_by)):
            evidence = [*evidence, learnt]
            logit += learnt.weight
    reasons = explain(
        scored.features,
        scored.by_field,
        scored.by_signal,
        model.usual_values,
        model.zero_reasons,
        evidence=evidence,
        spans=spans,
    )
    skipped_model = "" if judged_by is model else model.id
    return Score(logistic(logit), logit, model.bias, reasons, judged_by.id, skipped_model)


def _ask_reader(model: Model, parsed: ParsedComment, logit: float) -> tuple[Model, Reason | None]:
    """Return the model that the score is by, and what its reader says, `None` without a reader or without doubt."""
    if model.second_reader is None:
        return model, None
    try:
        return model, model.second_reader.reason(parsed, logit)
    except ReaderSkipped as skipped:
        return model.alone or model, skipped_reason(skipped)


def logistic(logit: float) -> float:
    """Return `1 / (1 + exp(-logit))` without overflow."""
    return 1.0 / (1.0 + exp(-logit)) if logit >= 0 else 1.0 - 1.0 / (1.0 + exp(logit))


class _Contributions(NamedTuple):
    """The rows of the fields, the contributions of their words and of each signal, and the logit they add up to."""

    features: Features
    rows: list[FieldRow]
    by_field: list[dict[str, float]]
    by_signal: list[float]
    logit: float


def _contribute(model: Model, features: Features) -> _Contributions:
    signals = zip(features.signals, model.centered_weights, strict=True)
    by_signal = [
        # Only a NaN differs from itself. `isnan` would take half of the time of this loop.
        weight * (value - mean) if value == value else 0.0
        for value, (mean, weight) in signals
    ]
    rows = list(map(model.word_weights.look_up, features.document))
    by_field = list(map(model.word_weights.contributions, rows))
    words = sum([sum(by_word.values()) for by_word in by_field])
    logit = model.bias + words + sum(by_signal) + sum(features.rule_contributions.values())
    return _Contributions(features, rows, by_field, by_signal, logit)


def _strongest_passage(model: Model, parsed: ParsedComment, whole: _Contributions) -> _Contributions | None:
    """Return the passage that is most like spam, `None` if the whole text is more so."""
    passages = [
        _contribute(model, extract_passage(whole.features, passage)) for passage in chosen_passages(model, parsed)
    ]
    strongest = max(passages, key=attrgetter("logit"), default=whole)
    return strongest if strongest.logit - model.passage_discount > whole.logit else None


def chosen_passages(model: Model, parsed: ParsedComment) -> list[Passage]:
    """Return the passages of a long comment that may be more like spam than the whole, by their words."""
    passages = find_passages(parsed)
    if not passages:
        return []
    look_up, contributions = model.word_weights.look_up, model.word_weights.contributions
    strengths = [sum(contributions(look_up(passage.words)).values()) for passage in passages]
    return [passages[position] for position in choose_passages(strengths, [passage.has_load for passage in passages])]
