"""What can be tuned in training."""

import tomllib
from dataclasses import asdict, dataclass, field, fields
from math import inf
from pathlib import Path
from typing import Any, Self

from moderation.domain.errors import InputRefused

_UNBOUNDED = ("strength", "site_strength", "rarity", "signal_scale")


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides what a training run makes of a corpus. Probabilities and rates lie within 0 and 1.

    `strength` is scikit-learn's C. `rarity` is how much more boldly rare n-grams are learnt than common ones: the power
    of their inverse document frequency, 0 for not at all. `signal_scale` is what named signals are multiplied by: the
    smaller, the more cautiously they are learnt. `site_strength` is the C of what a site weighs otherwise than all the
    others; with 0 no site has weights of its own.
    `template_cap` is how many spam comments of one template are learnt from.
    `mask_*` is how often a field is hidden from the model in training, in both classes.
    `lend_ham` and `lend_spam` is how often a comment is given the name, address and mailbox of another ham author.
    `splice` is how often a ham comment is given a link of another one, `obfuscate` how often a spam comment is hidden
    in one of the ways that spammers know.
    `ham_only` names sources whose spam is left out. `folds` is the most groups of sources that are held out in turn.
    `review_*`, `spam_*` and `discard_*` are the shares of ham above each line: on average over the sources,
    and in the worst.
    `licences` says under what terms each source is used, `caveats` what the model is not for; both go into the card.
    """

    strength: float = 0.5
    site_strength: float = 50.0
    rarity: float = 0.0
    signal_scale: float = 0.7
    template_cap: int = 2
    mask_author: float = 0.3
    mask_url: float = 0.45
    mask_email: float = 0.45
    mask_context: float = 0.35
    lend_ham: float = 0.7
    lend_spam: float = 0.1
    splice: float = 0.05
    obfuscate: float = 0.15
    ham_only: tuple[str, ...] = ()
    folds: int = 16
    review_mean: float = 0.0075
    review_worst: float = 0.045
    spam_mean: float = 0.0005
    spam_worst: float = 0.002
    discard_mean: float = 0.0001
    discard_worst: float = 0.0005
    iterations: int = 300
    seed: int = 20261122
    licences: dict[str, str] = field(default_factory=dict)
    caveats: tuple[str, ...] = ()

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Reads a TOML file; raises `InputRefused` naming what is wrong with it."""
        try:
            raw = tomllib.loads(path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise InputRefused(f"The recipe {path.name} cannot be read: {error}.") from None
        return cls.from_values(raw)

    @classmethod
    def from_values(cls, raw: dict[str, Any]) -> Self:
        """Checks names, types and ranges; raises `InputRefused` naming every fault."""
        known = {entry.name: entry for entry in fields(cls)}
        faults = [(name, "is not part of a recipe") for name in raw if name not in known]
        values: dict[str, Any] = {}
        for name, value in raw.items():
            if name in known:
                try:
                    values[name] = _checked(name, value, getattr(cls(), name))
                except ValueError as error:
                    faults.append((name, str(error)))
        if faults:
            named = "; ".join(f"{name} {fault}" for name, fault in faults)
            raise InputRefused(f"The recipe cannot be used: {named}.", tuple(faults))
        return cls(**values)

    def values(self) -> dict[str, Any]:
        """All of it as plain values, for the card."""
        return asdict(self)


def _checked(name: str, value: Any, default: Any) -> Any:
    if isinstance(default, tuple):
        if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
            raise ValueError("must be a list of names")
        return tuple(value)
    if isinstance(default, dict):
        if not isinstance(value, dict) or not all(isinstance(entry, str) for entry in value.values()):
            raise ValueError("must map names to words")
        return dict(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < inf:
        raise ValueError("must be a number of at least 0")
    if name == "strength" and value == 0:
        raise ValueError("must be above 0")
    if isinstance(default, int):
        if not isinstance(value, int):
            raise ValueError("must be a whole number")
        return value
    if name not in _UNBOUNDED and value > 1:
        raise ValueError("must lie within 0 and 1")
    return float(value)
