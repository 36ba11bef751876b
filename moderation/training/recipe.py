"""The recipe: everything that can be tuned in training."""

import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from math import inf
from pathlib import Path
from typing import Any, Self

from moderation.domain.errors import InvalidInput

_MAY_EXCEED_ONE = ("C", "site_C", "idf_power", "signal_scale", "ham_weight")


@dataclass(frozen=True, slots=True)
class Recipe:
    """The settings of a training run. Probabilities and rates are within 0 and 1.

    Attributes
    ----------
    C : float
        Inverse L2 penalty of the shared weights, as in scikit-learn.
    site_C : float
        Inverse L2 penalty of site weights. With 0, no site gets its own weights.
    idf_power : float
        Power of the inverse document frequency that scales n-grams, 0 for none. Higher values favour rare n-grams.
    signal_scale : float
        Factor of the named signals. Lower values penalise their weights more.
    ham_weight : float
        Weight of all ham in a fit, where all spam weighs 1. More of it moves errors from ham to spam.
    max_spam_per_template : int
        Limit of spam comments with the same template.
    mask_author, mask_url, mask_email, mask_context : float
        Probability that a field is masked, in both classes.
    swap_author_ham, swap_author_spam : float
        Probability that a comment gets author fields of another ham comment.
    insert_link : float
        Probability that ham without links gets a link of another ham comment.
    obfuscate : float
        Probability that spam is obfuscated.
    ham_only : tuple of str
        Sources whose spam is dropped.
    sites : dict of str to str
        Site of each source that shares its site with another one. Any other source is a site.
    other_registers : tuple of str
        Sources that are no comment section, such as chats. Thresholds are chosen without them, where others are left.
    folds : int
        Limit of folds; each fold holds out whole sites.
    review_max_rate, spam_max_rate, discard_max_rate : float
        Highest false-positive rate of a site at the threshold.
    review_coverage, spam_coverage, discard_coverage : float
        Proportion of new sites on which that rate is kept.
    max_iter : int
        Limit of the solver's iterations.
    seed : int
        Seed of the augmentation.
    licences : dict of str to str
        Licence of each source, for the model card.
    caveats : tuple of str
        Known limits of the model, for the model card.
    """

    C: float = 0.5
    site_C: float = 50.0
    idf_power: float = 0.0
    signal_scale: float = 0.7
    ham_weight: float = 1.0
    max_spam_per_template: int = 2
    mask_author: float = 0.3
    mask_url: float = 0.45
    mask_email: float = 0.45
    mask_context: float = 0.35
    swap_author_ham: float = 0.7
    swap_author_spam: float = 0.1
    insert_link: float = 0.05
    obfuscate: float = 0.15
    ham_only: tuple[str, ...] = ()
    sites: dict[str, str] = field(default_factory=dict)
    other_registers: tuple[str, ...] = ()
    folds: int = 16
    review_max_rate: float = 0.05
    review_coverage: float = 0.8
    spam_max_rate: float = 0.005
    spam_coverage: float = 0.8
    discard_max_rate: float = 0.0005
    discard_coverage: float = 0.8
    max_iter: int = 300
    seed: int = 20261122
    licences: dict[str, str] = field(default_factory=dict)
    caveats: tuple[str, ...] = ()

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Read a TOML file. Raises `InvalidInput` that names every fault."""
        return cls.from_dict(read_toml(path))

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Self:
        """Check names, types and ranges. Raises `InvalidInput` that names every fault."""
        known = {entry.name: entry for entry in fields(cls)}
        errors = [(name, "is not part of a recipe") for name in raw if name not in known]
        values: dict[str, Any] = {}
        for name, value in raw.items():
            if name in known:
                try:
                    values[name] = _validated(name, value, getattr(cls(), name))
                except ValueError as error:
                    errors.append((name, str(error)))
        refuse_faults(errors)
        return cls(**values)

    def values(self) -> dict[str, Any]:
        """Return all settings as plain values."""
        return asdict(self)

    def training_values(self) -> dict[str, Any]:
        """Return the settings that make a difference to the model, as its card has them."""
        return {name: value for name, value in self.values().items() if name != "licences"}


def read_toml(path: Path) -> dict[str, Any]:
    """Return the settings in a file. Raises `InvalidInput` if it cannot be read."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidInput(f"The recipe {path.name} cannot be read: {error}.") from None


def refuse_faults(faults: Sequence[tuple[str, str]]) -> None:
    """Raise `InvalidInput` with every setting that breaks a rule, if there is one."""
    if faults:
        listed = "; ".join(f"{name} {fault}" for name, fault in faults)
        raise InvalidInput(f"The recipe cannot be used: {listed}.", tuple(faults))


def _validated(name: str, value: Any, default: Any) -> Any:
    """Return the value as the type of the default. Raises `ValueError` with the rule that it breaks."""
    if isinstance(default, tuple):
        if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
            raise ValueError("must be a list of strings")
        return tuple(value)
    if isinstance(default, dict):
        if not isinstance(value, dict) or not all(isinstance(entry, str) for entry in value.values()):
            raise ValueError("must map names to strings")
        return dict(value)
    return _validated_number(name, value, default)


def _validated_number(name: str, value: Any, default: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < inf:
        raise ValueError("must be a number of at least 0")
    if name in ("C", "ham_weight") and value == 0:
        raise ValueError("must be above 0")
    if isinstance(default, int):
        if not isinstance(value, int):
            raise ValueError("must be a whole number")
        return value
    if name.endswith(("_max_rate", "_coverage")) and not 0 < value < 1:
        raise ValueError("must be above 0 and below 1")
    if name not in _MAY_EXCEED_ONE and value > 1:
        raise ValueError("must be within 0 and 1")
    return float(value)
