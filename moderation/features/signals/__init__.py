"""The named signals: each a plain fact about one comment, with a code that stays and a sentence for people."""

from collections.abc import Sequence
from functools import cache
from math import nan

import numpy as np
from numpy.typing import NDArray

from moderation.features.reading import Reading
from moderation.features.signals.people import EMAIL_SIGNALS, NAME_SIGNALS, URL_SIGNALS
from moderation.features.signals.signal import Family, Signal
from moderation.features.signals.targets import LINK_SIGNALS
from moderation.features.signals.wording import CONTEXT_SIGNALS, TEXT_SIGNALS

FAMILIES: tuple[Family, ...] = (
    Family(TEXT_SIGNALS, lambda _: True, nan),
    Family(LINK_SIGNALS, lambda reading: bool(reading.links or reading.home_links), 0.0),
    Family(CONTEXT_SIGNALS, lambda reading: bool(reading.context), nan),
    Family(NAME_SIGNALS, lambda reading: bool(reading.author), nan),
    Family(URL_SIGNALS, lambda reading: reading.comment.url is not None, nan),
    Family(EMAIL_SIGNALS, lambda reading: reading.email is not None, nan),
)
SIGNALS: tuple[Signal, ...] = tuple(signal for family in FAMILIES for signal in family.signals)


@cache
def signal_codes() -> tuple[str, ...]:
    """The codes in the order of the columns."""
    return tuple(signal.code for signal in SIGNALS)


def measure(reading: Reading) -> list[float]:
    """One value for each of `SIGNALS`; NaN where the comment lacks the field that the signal reads."""
    values: list[float] = []
    for signals, there, otherwise in FAMILIES:
        values += [signal.measure(reading) for signal in signals] if there(reading) else [otherwise] * len(signals)
    return values


def measure_all(readings: Sequence[Reading]) -> NDArray[np.float64]:
    """`measure` of each reading, one a row: signal by signal, which keeps the processor's caches warm."""
    families: list[NDArray[np.float64]] = []
    for signals, there, otherwise in FAMILIES:
        rows = [row for row, reading in enumerate(readings) if there(reading)]
        present = [readings[row] for row in rows]
        values = np.full((len(readings), len(signals)), otherwise)
        for column, signal in enumerate(signals):
            values[rows, column] = np.fromiter(map(signal.measure, present), np.float64, len(present))
        families.append(values)
    return np.hstack(families)
