"""The type of a named signal. The modules that define signals import it, and `signals` imports them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from moderation.features.parsed_comment import ParsedComment


@dataclass(frozen=True, slots=True)
class Signal:
    """A named fact about a comment.

    `measure` returns a number, mostly within 0 to 3. `description` is shown to people.
    """

    code: str
    description: str
    measure: Callable[[ParsedComment], float]


class SignalGroup(NamedTuple):
    """Signals that read the same field. If the field is not `is_present`, each signal has the value `default`."""

    signals: tuple[Signal, ...]
    is_present: Callable[[ParsedComment], bool]
    default: float
