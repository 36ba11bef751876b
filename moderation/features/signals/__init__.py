"""The named signals: each a plain fact about one comment, with a code that stays and a sentence for people."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from moderation.features.reading import Reading
from moderation.features.signals.people import EMAIL_SIGNALS, NAME_SIGNALS, URL_SIGNALS
from moderation.features.signals.signal import Signal
from moderation.features.signals.targets import LINK_SIGNALS
from moderation.features.signals.wording import CONTEXT_SIGNALS, TEXT_SIGNALS

SIGNALS: tuple[Signal, ...] = (
    *TEXT_SIGNALS,
    *LINK_SIGNALS,
    *CONTEXT_SIGNALS,
    *NAME_SIGNALS,
    *URL_SIGNALS,
    *EMAIL_SIGNALS,
)


@cache
def signal_codes() -> tuple[str, ...]:
    """The codes in the order of the columns."""
    return tuple(signal.code for signal in SIGNALS)


def measure(reading: Reading) -> NDArray[np.float64]:
    """One value for each of `SIGNALS`; NaN where the comment lacks the field that the signal reads."""
    values = [signal.measure(reading) for signal in TEXT_SIGNALS]
    for signals, there, otherwise in (
        (LINK_SIGNALS, bool(reading.links or reading.home_links), 0.0),
        (CONTEXT_SIGNALS, bool(reading.context), np.nan),
        (NAME_SIGNALS, bool(reading.author), np.nan),
        (URL_SIGNALS, reading.comment.url is not None, np.nan),
        (EMAIL_SIGNALS, reading.email is not None, np.nan),
    ):
        values += [signal.measure(reading) for signal in signals] if there else [otherwise] * len(signals)
    return np.array(values)
