"""What models make of a corpus, verdict by verdict: confusion, differences, the worst mistakes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moderation.domain.policy import Verdict
from moderation.learning.corpus import Corpus
from moderation.learning.templates import template_key
from moderation.scoring.model import Model

_LOOKED_AT = 500
"""Comments among which one of each template is sought: enough, and a corpus of copies does not take for ever."""


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A model and its chance of spam for each comment of a corpus."""

    model: Model
    probabilities: NDArray[np.float64]

    def verdicts(self) -> NDArray[np.int64]:
        """The verdict on each comment at the model's own lines, as its place in `Verdict`: 0 is the mildest."""
        lines = self.model.lines
        return np.searchsorted([lines.review, lines.spam, lines.discard], self.probabilities, side="right")


def confusion(champion: Judged, candidate: Judged, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many of the chosen comments got which verdicts: shape (4, 4), a row for each verdict of the champion."""
    counts = np.zeros((len(Verdict), len(Verdict)), dtype=np.int64)
    np.add.at(counts, (champion.verdicts()[chosen], candidate.verdicts()[chosen]), 1)
    return counts


def shifts(champion: Judged, candidate: Judged, spam: NDArray[np.bool_]) -> NDArray[np.int64]:
    """By how many verdicts the candidate is nearer to the truth, one entry a comment: below zero it is worse."""
    return (candidate.verdicts() - champion.verdicts()) * np.where(spam, 1, -1)


def differing(corpus: Corpus, champion: Judged, candidate: Judged, most: int) -> list[int]:
    """Where the two verdicts differ, the widest apart first, one comment of each template."""
    apart = np.abs(shifts(champion, candidate, corpus.spam))
    gap = np.abs(candidate.probabilities - champion.probabilities)
    order = np.lexsort((-gap, -apart))
    return _one_of_each(corpus, order[: np.count_nonzero(apart)], most)


def likest_spam(corpus: Corpus, judged: Judged, most: int) -> list[int]:
    """The ham of the highest probabilities, the highest first, one comment of each template."""
    order = np.argsort(-judged.probabilities, kind="stable")
    return _one_of_each(corpus, order[~corpus.spam[order]], most)


def likest_ham(corpus: Corpus, judged: Judged, most: int) -> list[int]:
    """The spam of the lowest probabilities, the lowest first, one comment of each template."""
    order = np.argsort(judged.probabilities, kind="stable")
    return _one_of_each(corpus, order[corpus.spam[order]], most)


def _one_of_each(corpus: Corpus, order: NDArray[np.int64], most: int) -> list[int]:
    first: dict[str, int] = {}
    for place in order[:_LOOKED_AT].tolist():
        first.setdefault(template_key(corpus.comments[place]), place)
        if len(first) == most:
            break
    return list(first.values())
