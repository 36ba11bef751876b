"""Alarms of a site: its recent comments are unlike the earlier ones, or it loses more ham than its guarantee allows."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from statistics import fmean, variance
from typing import NamedTuple

MIN_DISTANCE = 0.2
"""Distance of scores that raises an alarm. Chance exceeds it once in 80,000 pairs of samples of 300 comments."""
MIN_Z = 4.0
"""Standard errors by which a rate has to rise: by chance once in some 30,000 samples."""


class AlarmKind(StrEnum):
    """The subject of an alarm."""

    LOSS = "loss"
    SCORES = "scores"
    WORDS = "words"
    DOMAINS = "domains"
    OVERRIDES = "overrides"


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm of a site since a time. `detail` is a sentence without any comment's text."""

    site_url: str
    kind: AlarmKind
    since: datetime
    detail: str


class Rise(NamedTuple):
    """The means of two samples, and their difference in standard errors (Welch)."""

    before: float
    recent: float
    z: float

    def is_alarming(self, least: float) -> bool:
        """Return whether the mean has risen by at least `least`, and by more than chance explains."""
        return self.recent - self.before >= least and self.z >= MIN_Z


def rise(before: Sequence[float], recent: Sequence[float]) -> Rise:
    """Return how a mean has risen. Both samples have at least two values."""
    means = fmean(before), fmean(recent)
    squared = sum(variance(sample) / len(sample) for sample in (before, recent))
    difference = means[1] - means[0]
    if squared > 0.0:
        return Rise(*means, difference / math.sqrt(squared))
    return Rise(*means, math.inf if difference > 0.0 else 0.0)


def distance(before: Sequence[float], recent: Sequence[float]) -> float:
    """Return the Kolmogorov-Smirnov distance of two samples: the largest difference of their distribution functions.

    Source: Smirnov, *Table for estimating the goodness of fit of empirical distributions*, Annals of Mathematical
    Statistics 19, 1948.
    """
    first, second = sorted(before), sorted(recent)
    return max(
        abs(bisect_right(first, value) / len(first) - bisect_right(second, value) / len(second))
        for value in (*first, *second)
    )
