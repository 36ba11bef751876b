"""What a signal is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from moderation.features.reading import Reading


@dataclass(frozen=True, slots=True)
class Signal:
    """A named fact. `measure` gives a number, mostly within 0 to 3; `sentence` tells people what was looked at."""

    code: str
    sentence: str
    measure: Callable[[Reading], float]


class Family(NamedTuple):
    """Signals that read the same field. Where it is not `there`, each of them is `otherwise`."""

    signals: tuple[Signal, ...]
    there: Callable[[Reading], bool]
    otherwise: float
