"""The types of named signals. The modules that define signals import them, and `signals` imports these modules."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from moderation.domain.decision import Occurrence
from moderation.features.parsed_comment import ParsedComment


class Wording(NamedTuple):
    """What to tell people about a signal: the sentence for each occurrence, and the occurrence by the signal's value.

    The occurrences are those of a value of zero, of one below the usual value, and of the usual value or more.
    """

    sentences: Mapping[Occurrence | None, str]
    occurrences: tuple[Occurrence, Occurrence, Occurrence]

    @property
    def is_amount(self) -> bool:
        """Whether the signal compares with the usual amount."""
        return Occurrence.MORE in self.sentences


def presence(present: str, absent: str) -> Wording:
    """Return the wording of a signal that is above zero if its subject is there."""
    return Wording(
        {Occurrence.PRESENT: present, Occurrence.ABSENT: absent},
        (Occurrence.ABSENT, Occurrence.PRESENT, Occurrence.PRESENT),
    )


def amount(more: str, less: str, absent: str | None = None) -> Wording:
    """Return the wording of a signal that every comment has more or less of. Zero is less, or `absent` if given."""
    if absent is None:
        return Wording(
            {Occurrence.MORE: more, Occurrence.LESS: less}, (Occurrence.LESS, Occurrence.LESS, Occurrence.MORE)
        )
    return Wording(
        {Occurrence.MORE: more, Occurrence.LESS: less, Occurrence.ABSENT: absent},
        (Occurrence.ABSENT, Occurrence.LESS, Occurrence.MORE),
    )


class Signal(NamedTuple):
    """A named fact about a comment. Its value is a number, mostly within 0 to 3, and NaN if it has no meaning there."""

    code: str
    wording: Wording


class Measurement(NamedTuple):
    """Signals that read the same part of a comment, measured by one function: a call for each takes twice the time.

    `wordings` has the signals' wordings by code. `measure` returns their values in the same order.
    """

    wordings: Mapping[str, Wording]
    measure: Callable[[ParsedComment], Sequence[float]]


class SignalGroup(NamedTuple):
    """Signals that read the same field. If the field is not `is_present`, each signal has the value `default`."""

    measurements: Sequence[Measurement]
    is_present: Callable[[ParsedComment], bool]
    default: float

    @property
    def signals(self) -> list[Signal]:
        """All signals in the order of their values."""
        return [Signal(*item) for measurement in self.measurements for item in measurement.wordings.items()]
