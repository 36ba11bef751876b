"""What a model says of itself."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from moderation.domain.budget import Certificate
from moderation.domain.errors import ModelRefused
from moderation.domain.policy import Policy


@dataclass(frozen=True, slots=True)
class CorpusEntry:
    """One source that a model learnt from. `digest` is the SHA-256 of its file; `spam` and `ham` count its comments."""

    source: str
    digest: str
    licence: str
    spam: int
    ham: int


@dataclass(frozen=True, slots=True)
class SiteEntry:
    """A site with weights of its own, of how many different comments, and how well they do.

    `metrics` has the card's figures for the comments of the site, judged by weights that had not seen their templates.
    """

    url: str
    spam: int
    ham: int
    metrics: dict[str, float]


@dataclass(frozen=True, slots=True)
class Card:
    """A trained model's description.

    `lines` are those the model suggests. `metrics` maps a name to a figure; each is measured on sources that the
    measured model had not seen. `versions` are those of the libraries that trained it. `digest` is the SHA-256
    of `model.joblib`. `caveats` say in sentences what the model is not for. `certificates` count the good comments of
    sources held out against the lines `review` and `spam`. `sites` are those with weights of their own. A card of an
    earlier version has neither.
    """

    id: str
    corpora: tuple[CorpusEntry, ...]
    recipe: dict[str, Any]
    lines: Policy
    metrics: dict[str, float]
    versions: dict[str, str]
    features: int
    digest: str
    caveats: tuple[str, ...] = ()
    certificates: dict[str, Certificate] = field(default_factory=dict)
    sites: tuple[SiteEntry, ...] = ()

    def to_json(self) -> str:
        """The card as it lies beside the model: the same card gives the same text."""
        return json.dumps(asdict(self), indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str, model_id: str) -> Self:
        """Reads a card; raises `ModelRefused` when it is not the card of `model_id`."""
        try:
            raw = json.loads(text)
            card = cls(
                **{
                    **raw,
                    "corpora": tuple(CorpusEntry(**entry) for entry in raw["corpora"]),
                    "lines": Policy(**raw["lines"]),
                    "caveats": tuple(raw["caveats"]),
                    "certificates": {name: Certificate(**told) for name, told in raw.get("certificates", {}).items()},
                    "sites": tuple(SiteEntry(**entry) for entry in raw.get("sites", ())),
                }
            )
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ModelRefused(f"The card of model {model_id} cannot be read ({type(error).__name__}).") from None
        if card.id != model_id:
            raise ModelRefused(f"The folder {model_id} holds the card of another model, {card.id}.")
        return card
