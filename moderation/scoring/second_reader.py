"""How a second reader changes the logit of a comment that is in doubt."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from math import nan
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from moderation.domain.decision import Reason
from moderation.features.parsed_comment import ParsedComment

SECOND_READER = "SECOND_READER"
READER_SKIPPED = "READER_SKIPPED"
_AHEAD_PER_THREAD = 8

T = TypeVar("T")
U = TypeVar("U")


class ReaderSkipped(Exception):
    """The second reader cannot answer in time, or at all. The message is a sentence with the cause."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """The logits for which the reader is asked, and the change of a logit by its word.

    With the logit `z` of the reader, the change is `weight * z + offset`, at least `-lower_limit` and at most
    `upper_limit`. The reader is asked from `lowest` on and below `highest`: elsewhere, no such change would cross the
    review or the spam threshold of the model. The thresholds of a site make no difference to the score.
    """

    weight: float
    offset: float
    lower_limit: float
    upper_limit: float
    lowest: float
    highest: float

    def contains(self, logit: float) -> bool:
        """Return whether the reader is asked about a comment with this logit."""
        return self.lowest <= logit < self.highest

    def covers(self, logits: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return for each logit whether the reader is asked."""
        return (self.lowest <= logits) & (logits < self.highest)

    def changes(self, read: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the change of the linear model's logit by each logit of the reader."""
        return np.clip(self.weight * read + self.offset, -self.lower_limit, self.upper_limit)


@dataclass(frozen=True, slots=True)
class SecondReader:
    """A reader, and the doubt in which it is asked.

    `read` returns its logit of a comment. `read_in_turn` does so for a request: it may raise `ReaderSkipped`, and it
    appends the seconds that it took to `durations`. A `patient` reader is for files: it is never skipped, and reads a
    batch on all processors.
    """

    doubt: Doubt
    read: Callable[[ParsedComment], float]
    read_in_turn: Callable[[ParsedComment], float]
    durations: deque[float]
    patient: bool = False

    def reason(self, parsed: ParsedComment, logit: float) -> Reason | None:
        """Return what the reader changes about a logit, `None` where it is not asked. Raises `ReaderSkipped`."""
        if not self.doubt.contains(logit):
            return None
        read = self.read if self.patient else self.read_in_turn
        return Reason(SECOND_READER, self._change(read(parsed)))

    def change(self, parsed: ParsedComment) -> float:
        """Return what the reader changes about the logit of a comment in doubt. Raises `ReaderSkipped`."""
        return self._change(self.read(parsed))

    def add_to(self, logits: NDArray[np.float64], batch: Sequence[ParsedComment]) -> NDArray[np.float64]:
        """Return the logits of comments with the reader's changes."""
        asked = np.flatnonzero(self.doubt.covers(logits))
        changed = logits.copy()
        if len(asked):
            # The other processors of a service are for requests.
            run = map_in_threads if self.patient else map
            read = np.array(list(run(self._read_or_nan, [batch[place] for place in asked.tolist()])))
            changed[asked] += np.nan_to_num(self.doubt.changes(read), nan=0.0)
        return changed

    def _change(self, read: float) -> float:
        return float(self.doubt.changes(np.array(read)))

    def _read_or_nan(self, parsed: ParsedComment) -> float:
        try:
            return self.read(parsed)
        except ReaderSkipped:
            return nan


class ReaderState(StrEnum):
    """Whether a decision has the word of the second reader.

    `NOT_ASKED` is so without a reader, or where its word could not change the verdict.
    """

    ASKED = "asked"
    SKIPPED = "skipped"
    NOT_ASKED = "not asked"

    @classmethod
    def of(cls, reasons: Iterable[Reason]) -> "ReaderState":
        """Return the state that the reasons of a decision tell."""
        codes = {reason.code for reason in reasons}
        if SECOND_READER in codes:
            return cls.ASKED
        return cls.SKIPPED if READER_SKIPPED in codes else cls.NOT_ASKED


def skipped_reason(skipped: ReaderSkipped) -> Reason:
    """Return the reason, without weight, that a decision without the reader bears."""
    return Reason(READER_SKIPPED, 0.0, str(skipped))


def map_in_threads(function: Callable[[T], U], items: Iterable[T]) -> Iterator[U]:
    """Yield the results in order, computed by a thread for each processor. Few items are taken ahead."""
    threads = len(os.sched_getaffinity(0))
    remaining = iter(items)
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[U]] = deque()
        for item in remaining:
            waiting.append(pool.submit(function, item))
            if len(waiting) > _AHEAD_PER_THREAD * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
