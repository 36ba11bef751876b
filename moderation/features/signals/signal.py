"""The types of named signals. The modules that define signals import them, and `signals` imports these modules."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from moderation.features.parsed_comment import ParsedComment


class Signal(NamedTuple):
    """A named fact about a comment. Its value is a number, mostly within 0 to 3. `description` is shown to people."""

    code: str
    description: str


class Measurement(NamedTuple):
    """Signals that read the same part of a comment, measured by one function: a call for each takes twice the time.

    `descriptions` has the signals' descriptions by code. `measure` returns their values in the same order.
    """

    descriptions: Mapping[str, str]
    measure: Callable[[ParsedComment], Sequence[float]]


class SignalGroup(NamedTuple):
    """Signals that read the same field. If the field is not `is_present`, each signal has the value `default`."""

    measurements: Sequence[Measurement]
    is_present: Callable[[ParsedComment], bool]
    default: float

    @property
    def signals(self) -> list[Signal]:
        """All signals in the order of their values."""
        return [Signal(*item) for measurement in self.measurements for item in measurement.descriptions.items()]
