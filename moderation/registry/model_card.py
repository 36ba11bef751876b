"""The model card: origin, metrics and limits of a trained model."""

import json
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import ClassVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from moderation.domain.budget import Guarantee
from moderation.domain.errors import InvalidInput, ModelUnavailable
from moderation.domain.general_guarantee import GeneralGuarantees
from moderation.domain.invisible import quoted
from moderation.domain.thresholds import Thresholds

MAX_CARD_BYTES = 4 * 2**20
"""Size limit of `card.json`. A card with a thousand sites has less than a megabyte."""


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
class ReaderEntry:
    """The second reader of a model.

    Attributes
    ----------
    digest : str
        SHA-256 of `reader.joblib`.
    base, base_licence, base_digest : str
        Name, licence and SHA-256 of the weights that its training started from.
    composed : str
        SHA-256 of the files of composed comments, empty without them.
    recipe : dict
        The settings of its training.
    alone : str
        Id of the same model without the reader: the score of a comment for which the reader is skipped is by it.
    alone_thresholds : Thresholds
        The thresholds of that model.
    alone_guarantees : GeneralGuarantees, optional
        Their guarantees over sites.
    alone_metrics : dict of str to float
        Its metrics, measured like those of the card.
    asked : dict of str to float
        Proportions of spam and of ham about which the reader is asked.
    """

    digest: str
    base: str
    base_licence: str
    base_digest: str
    composed: str
    recipe: dict[str, int | float | str]
    alone: str
    alone_thresholds: Thresholds
    alone_guarantees: GeneralGuarantees | None
    alone_metrics: dict[str, float]
    asked: dict[str, float]


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
    general_guarantees : GeneralGuarantees, optional
        The proportions of new sites on which the thresholds keep their rates; `None` if there were too few sites.
    site_count : int
        Number of sites, or pools of small ones, with enough ham to count for a guarantee.
    sites : tuple of SiteEntry
        The sites with their own weights.
    relabelling : str
        SHA-256 of the file of corrected labels, empty without one.
    reader : ReaderEntry, optional
        Its second reader. Thresholds, guarantees and metrics are then those with the reader.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        strict=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True
    )

    id: str
    corpora: tuple[CorpusEntry, ...]
    recipe: dict[str, int | float | list[str] | dict[str, str]]
    thresholds: Thresholds
    metrics: dict[str, float]
    versions: dict[str, str]
    features_version: int
    digest: str
    caveats: tuple[str, ...] = ()
    guarantees: dict[str, Guarantee] = field(default_factory=dict)
    general_guarantees: GeneralGuarantees | None = None
    site_count: int = 0
    sites: tuple[SiteEntry, ...] = ()
    relabelling: str = ""
    reader: ReaderEntry | None = None

    def to_json(self) -> str:
        """Return the content of `card.json`. Equal cards give equal text."""
        return json.dumps(asdict(self), indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    @staticmethod
    def from_json(text: str, model_id: str) -> "ModelCard":
        """Read a card. Raises `ModelUnavailable` if it is malformed or belongs to another model.

        Values of another type, numbers that are not finite and deep nesting are malformed.
        """
        try:
            card = _adapter().validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            problem = ": ".join([*map(str, first["loc"]), first["msg"]])
            raise ModelUnavailable(f"The card of model {model_id} cannot be read: {quoted(problem, 200)}.") from None
        except InvalidInput as error:
            raise ModelUnavailable(f"The card of model {model_id} cannot be read: {error}") from None
        if card.id != model_id:
            raise ModelUnavailable(f"The folder {model_id} contains the card of another model, {quoted(card.id)}.")
        return card


@cache
def _adapter() -> TypeAdapter[ModelCard]:
    return TypeAdapter(ModelCard)
