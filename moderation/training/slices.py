"""Rates of a model by source, language and length of the comments, with counts and confidence intervals."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binomtest

from moderation.training.corpus import Corpus
from moderation.training.evaluation import RATES, outcomes

MIN_COUNT_WITHOUT_INTERVAL = 1000

_CONFIDENCE = 0.95
_LENGTH_LIMITS = (50, 150, 500, 2000)
_MAX_LANGUAGES = 25
_MAX_TAG_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Proportion:
    """A `count` out of a `total` of comments."""

    count: int
    total: int

    @property
    def value(self) -> float | None:
        """The proportion within 0 and 1, `None` of no comments."""
        return self.count / self.total if self.total else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The exact 95 % interval (Clopper and Pearson 1934).

        `None` without comments, and from `MIN_COUNT_WITHOUT_INTERVAL` comments on.
        """
        if not 0 < self.total < MIN_COUNT_WITHOUT_INTERVAL:
            return None
        interval = binomtest(self.count, self.total).proportion_ci(_CONFIDENCE, method="exact")
        return float(interval.low), float(interval.high)


@dataclass(frozen=True, slots=True)
class Slice:
    """A named part of the comments with its rates, defined as in `evaluation.Rates`."""

    name: str
    caught: Proportion
    blocked: Proportion
    lost: Proportion
    held: Proportion

    @property
    def spam(self) -> int:
        """The number of spam comments."""
        return self.caught.total

    @property
    def ham(self) -> int:
        """The number of ham comments."""
        return self.lost.total


def all_comments(corpus: Corpus, severities: NDArray[np.int64]) -> Slice:
    """Return all comments as one slice. `severities` has the severity of each comment's verdict."""
    (everything,) = _slices(["all"], np.zeros_like(corpus.sources), severities, corpus.spam)
    return everything


def by_source(corpus: Corpus, severities: NDArray[np.int64]) -> list[Slice]:
    """Return a slice for each source with comments, in the order of the corpus."""
    return _slices([file.source for file in corpus.source_files], corpus.sources, severities, corpus.spam)


def by_language(corpus: Corpus, severities: NDArray[np.int64]) -> list[Slice]:
    """Return a slice for each language, most frequent first, with all rare languages as one slice."""
    tags = [language_of(comment.lang) for comment in corpus.comments]
    ranked = [tag for tag, _ in Counter(tags).most_common()]
    names = ranked[:_MAX_LANGUAGES] + ["all others"] * (len(ranked) > _MAX_LANGUAGES)
    numbers = {tag: min(rank, len(names) - 1) for rank, tag in enumerate(ranked)}
    return _slices(names, np.array([numbers[tag] for tag in tags]), severities, corpus.spam)


def by_length(corpus: Corpus, severities: NDArray[np.int64]) -> list[Slice]:
    """Return a slice for each range of text lengths in characters, shortest first."""
    starts = [0, *(length + 1 for length in _LENGTH_LIMITS)]
    names = [f"{start:,} to {end:,}" for start, end in zip(starts, _LENGTH_LIMITS, strict=False)]
    names.append(f"more than {_LENGTH_LIMITS[-1]:,}")
    lengths = [len(comment.text) for comment in corpus.comments]
    return _slices(names, np.searchsorted(_LENGTH_LIMITS, lengths), severities, corpus.spam)


def _slices(
    names: Sequence[str], numbers: NDArray[np.int64], severities: NDArray[np.int64], spam: NDArray[np.bool_]
) -> list[Slice]:
    """Group the comments by the number of their name. Names without comments are left out."""
    groups = outcomes(severities, spam).groupby(numbers)
    counts, totals = groups.sum(), groups.count()
    return [_slice(names[number], counts.loc[number], totals.loc[number]) for number in counts.index]


def _slice(name: str, counts: "pd.Series[float]", totals: "pd.Series[int]") -> Slice:
    return Slice(name, *(Proportion(int(counts[rate]), int(totals[rate])) for rate in RATES))


def language_of(field: str | None) -> str:
    """Return the primary subtag of the first language tag: `en` of `en_US, fr`."""
    tag = (field or "").split(",")[0].strip().replace("_", "-").split("-")[0].lower()
    return tag[:_MAX_TAG_LENGTH] or "not stated"
