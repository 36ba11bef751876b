"""The settings of the second reader's training."""

from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from typing import Any, Self

from moderation.training.recipe import read_toml, refuse_faults


@dataclass(frozen=True, slots=True)
class ReaderRecipe:
    """The settings of one training run. Logits are those of the linear model, each by a model without the site.

    Attributes
    ----------
    base, base_licence, base_digest : str
        Name and licence of the base weights, and the SHA-256 of their file, empty for any.
    layers : int
        Layers of the base weights that are kept, from the first on.
    min_piece_count : int
        Times that a word piece must be in the comments to be kept.
    rows_per_label : int
        Comments of each label that are drawn, by the inverse root of the number in their source.
    batch_size : int
        Comments of one step.
    learning_rate, head_factor, warmup, weight_decay, max_gradient_norm : float
        Those of AdamW; the new last layer learns `head_factor` times as fast, and the rate rises for the share `warmup`
        of the steps.
    dropout, label_smoothing : float
        Rates.
    easy_spam_logit, easy_ham_logit, easy_weight : float
        Spam above the first and ham below the second are drawn with the third as a factor.
    other_register_weight : float
        Factor for ham of sources that are no comment sections.
    copy_rate : float
        Share of the drawn comments that are augmented copies.
    composed_share : float
        Share of the rows that are composed.
    folds : int
        Readers that are trained without a part of the sites, for the calibration.
    lower_limit, upper_limit : float
        Most that the reader lowers and raises a logit.
    min_logit : float
        Logit below which no comment is read under any thresholds.
    seed : int
        Seed of draws, order and dropout.
    """

    base: str = "multilingual-e5-small"
    base_licence: str = "MIT"
    base_digest: str = ""
    layers: int = 8
    min_piece_count: int = 3
    rows_per_label: int = 16_000
    batch_size: int = 32
    learning_rate: float = 6e-5
    head_factor: float = 20.0
    warmup: float = 0.05
    weight_decay: float = 0.01
    max_gradient_norm: float = 1.0
    dropout: float = 0.1
    label_smoothing: float = 0.03
    easy_spam_logit: float = 4.0
    easy_ham_logit: float = -5.0
    easy_weight: float = 0.2
    other_register_weight: float = 0.25
    copy_rate: float = 0.5
    composed_share: float = 0.1
    folds: int = 3
    lower_limit: float = 3.0
    upper_limit: float = 5.0
    min_logit: float = -7.0
    seed: int = 20261201

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Read a TOML file. Raises `InvalidInput` that names every fault."""
        raw = read_toml(path)
        defaults = cls().values()
        refuse_faults([(name, fault) for name, value in raw.items() if (fault := _fault(name, value, defaults))])
        return cls(**{name: type(defaults[name])(value) for name, value in raw.items()})

    def values(self) -> dict[str, Any]:
        """Return all settings as plain values."""
        return asdict(self)


_ABOVE_ZERO = (
    "layers",
    "min_piece_count",
    "rows_per_label",
    "batch_size",
    "learning_rate",
    "folds",
    "lower_limit",
    "upper_limit",
)
_MAY_BE_NEGATIVE = ("easy_ham_logit", "min_logit")
_RATES = ("warmup", "dropout", "label_smoothing", "copy_rate", "composed_share")


def _fault(name: str, value: Any, defaults: dict[str, Any]) -> str:
    """Return the rule that a setting breaks, empty for none."""
    if name not in defaults:
        return "is not part of a reader's recipe"
    default = defaults[name]
    if isinstance(default, str):
        return "" if isinstance(value, str) else "must be a string"
    if isinstance(value, bool) or not isinstance(value, int | float) or not -inf < value < inf:
        return "must be a number"
    if isinstance(default, int) and not isinstance(value, int):
        return "must be a whole number"
    if name in _ABOVE_ZERO and value <= 0:
        return "must be above 0"
    if name in _RATES and not 0 <= value < 1:
        return "must be at least 0 and below 1"
    return "" if value >= 0 or name in _MAY_BE_NEGATIVE else "must be at least 0"
