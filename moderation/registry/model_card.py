"""The model card: origin, metrics and limits of a trained model."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from moderation.domain.budget import Guarantee
from moderation.domain.errors import ModelUnavailable
from moderation.domain.thresholds import Thresholds


@dataclass(frozen=True, slots=True)
class CorpusEntry:
    """A source of training comments: SHA-256 of its file, licence, and its numbers of spam and ham comments."""

    source: str
    digest: str
    licence: str
    spam: int
    ham: int


@dataclass(frozen=True, slots=True)
class SiteEntry:
    """A site with its own weights, and its numbers of different spam and ham comments.

    `metrics` has the card's metrics for the site's comments, each scored by weights that had not seen its template.
    """

    url: str
    spam: int
    ham: int
    metrics: dict[str, float]


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A trained model's description.

    Attributes
    ----------
    thresholds : Thresholds
        The thresholds that the model suggests.
    metrics : dict of str to float
        Values by name, each measured on sources that the measured model had not seen.
    versions : dict of str to str
        Versions of Python and the libraries in training.
    digest : str
        SHA-256 of `model.joblib`.
    caveats : tuple of str
        Known limits, in sentences.
    guarantees : dict of str to Guarantee
        Bounds for the thresholds `review` and `spam`, counted on the ham of held-out sources.
    sites : tuple of SiteEntry
        The sites with their own weights.
    """

    id: str
    corpora: tuple[CorpusEntry, ...]
    recipe: dict[str, Any]
    thresholds: Thresholds
    metrics: dict[str, float]
    versions: dict[str, str]
    features_version: int
    digest: str
    caveats: tuple[str, ...] = ()
    guarantees: dict[str, Guarantee] = field(default_factory=dict)
    sites: tuple[SiteEntry, ...] = ()

    def to_json(self) -> str:
        """Return the content of `card.json`. Equal cards give equal text."""
        return json.dumps(asdict(self), indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str, model_id: str) -> Self:
        """Read a card. Raises `ModelUnavailable` if it is malformed or belongs to another model."""
        try:
            raw = json.loads(text)
            card = cls(
                **{
                    **raw,
                    "corpora": tuple(CorpusEntry(**entry) for entry in raw["corpora"]),
                    "thresholds": Thresholds(**raw["thresholds"]),
                    "caveats": tuple(raw["caveats"]),
                    "guarantees": {name: Guarantee(**values) for name, values in raw.get("guarantees", {}).items()},
                    "sites": tuple(SiteEntry(**entry) for entry in raw.get("sites", ())),
                }
            )
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ModelUnavailable(f"The card of model {model_id} cannot be read ({type(error).__name__}).") from None
        if card.id != model_id:
            raise ModelUnavailable(f"The folder {model_id} contains the card of another model, {card.id}.")
        return card
