"""What a signal is."""

from collections.abc import Callable
from dataclasses import dataclass

from moderation.features.reading import Reading


@dataclass(frozen=True, slots=True)
class Signal:
    """A named fact. `measure` gives a number, mostly within 0 to 3; `sentence` tells people what was looked at."""

    code: str
    sentence: str
    measure: Callable[[Reading], float]
