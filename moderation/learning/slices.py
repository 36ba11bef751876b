"""How comments fared by source, language and length, with counts and what the counts leave open."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from moderation.domain.policy import SEVERITY, Verdict
from moderation.learning.corpus import Corpus

FEW = 1000
"""Below this many comments a share is told with its interval."""

CONFIDENCE = 0.95

_LENGTHS = (50, 150, 500, 2000)
_MOST_LANGUAGES = 25
_LONGEST_TAG = 12


@dataclass(frozen=True, slots=True)
class Share:
    """`count` comments `of` so many."""

    count: int
    of: int

    @property
    def value(self) -> float | None:
        """Within 0 and 1; a share of nothing is `None`."""
        return self.count / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The exact interval of Clopper and Pearson (1934) at 95 %, where there are comments, but fewer than `FEW`."""
        if not 0 < self.of < FEW:
            return None
        found = binomtest(self.count, self.of).proportion_ci(CONFIDENCE, method="exact")
        return float(found.low), float(found.high)


@dataclass(frozen=True, slots=True)
class Slice:
    """Some comments, and the shares of their spam (`caught`, `blocked`) and ham (`lost`, `held`); see `Rates`."""

    name: str
    caught: Share
    blocked: Share
    lost: Share
    held: Share

    @property
    def spam(self) -> int:
        """How many of the comments are spam."""
        return self.caught.of

    @property
    def ham(self) -> int:
        """How many of the comments are ham."""
        return self.lost.of


def whole(corpus: Corpus, verdicts: NDArray[np.int64]) -> Slice:
    """All comments as one slice; `verdicts` has one entry a comment, its place in `Verdict`."""
    return _slice("all", verdicts, corpus.spam)


def by_source(corpus: Corpus, verdicts: NDArray[np.int64]) -> list[Slice]:
    """A slice for each file that gave comments, in the order of the corpus."""
    return _slices([origin.source for origin in corpus.origins], corpus.sources, verdicts, corpus.spam)


def by_language(corpus: Corpus, verdicts: NDArray[np.int64]) -> list[Slice]:
    """A slice for each language that the field `lang` names first, the most frequent first; the rare ones as one."""
    tags = [_language(comment.lang) for comment in corpus.comments]
    ranked = [tag for tag, _ in Counter(tags).most_common()]
    names = ranked[:_MOST_LANGUAGES] + ["all others"] * (len(ranked) > _MOST_LANGUAGES)
    numbers = {tag: min(rank, len(names) - 1) for rank, tag in enumerate(ranked)}
    return _slices(names, _array(numbers[tag] for tag in tags), verdicts, corpus.spam)


def by_length(corpus: Corpus, verdicts: NDArray[np.int64]) -> list[Slice]:
    """A slice for each range of lengths of the text in characters, the shortest first."""
    starts = [0, *(length + 1 for length in _LENGTHS)]
    names = [f"{start:,} to {end:,}" for start, end in zip(starts, _LENGTHS, strict=False)]
    names.append(f"more than {_LENGTHS[-1]:,}")
    lengths = _array(len(comment.text) for comment in corpus.comments)
    return _slices(names, np.searchsorted(_LENGTHS, lengths), verdicts, corpus.spam)


def _slices(
    names: Sequence[str], numbers: NDArray[np.int64], verdicts: NDArray[np.int64], spam: NDArray[np.bool_]
) -> list[Slice]:
    """`numbers` has one entry a comment: which of the `names` it belongs to. Empty slices are left out."""
    wheres = ((name, numbers == number) for number, name in enumerate(names))
    return [_slice(name, verdicts[here], spam[here]) for name, here in wheres if here.any()]


def _slice(name: str, verdicts: NDArray[np.int64], spam: NDArray[np.bool_]) -> Slice:
    review, block = verdicts >= SEVERITY[Verdict.REVIEW], verdicts >= SEVERITY[Verdict.SPAM]
    return Slice(
        name,
        _share(review[spam]),
        _share(block[spam]),
        _share(block[~spam]),
        _share((review & ~block)[~spam]),
    )


def _share(flags: NDArray[np.bool_]) -> Share:
    return Share(int(flags.sum()), len(flags))


def _language(field: str | None) -> str:
    """The main part of the first tag: `en` of `en_US, fr`."""
    tag = (field or "").split(",")[0].strip().replace("_", "-").split("-")[0].lower()
    return tag[:_LONGEST_TAG] or "not stated"


def _array(values: Iterable[int]) -> NDArray[np.int64]:
    return np.fromiter(values, dtype=np.int64)
