"""What the labels of a site change about the scores of its comments: a memory, and learnt weights.

Both are a pure function of the live model and the site's labels in force: to forget a label is to learn without it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from math import inf, log, sqrt
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from moderation.domain.decision import Label, LabelValue, Reason
from moderation.domain.thresholds import Thresholds
from moderation.features.extraction import Features
from moderation.features.label_features import LabelFeatures
from moderation.features.memory_keys import find_memory_keys
from moderation.features.ngrams import word_and_ngram_columns
from moderation.features.parsed_comment import ParsedComment
from moderation.scoring.label_memory import LabelMemory, Mask, MatchKind
from moderation.scoring.learnt_weights import LearntWeights
from moderation.scoring.residual import FIELDS, Floats, LessonRows, signal_units, solve, square
from moderation.scoring.word_weights import FieldRow

if TYPE_CHECKING:
    from moderation.scoring.model import Model

LEARNT_HERE = "LEARNT_HERE"
MAX_LESSONS_PER_LABEL = 500
"""Spam and ham comments that the weights are learnt from, the newest ones. The memory has all."""
MARGIN = 0.1
"""Distance from a threshold, in logits, to which a label brings a comment."""
MAX_SHIFT = 8.0
"""Limit of the change by the weights, in logits."""

_SHIFT_PER_ROOT = 2.0
"""Limit of the change, in logits, by the square root of the number of labels behind it."""
_FREE_SPAM_LABELS = 4
"""Spam labels that count although no ham label stands beside them. Beyond, labels of one kind teach no difference."""
_MAX_NAMED = 3
_LABELS = {True: "spam", False: "ham"}


@dataclass(frozen=True, slots=True)
class Lesson:
    """A label in force with the features of its comment. The value of the label is never `None`.

    `reader_change` is what the second reader changed about the comment's logit.
    """

    label: Label
    label_id: int
    comment_id: int
    features: LabelFeatures
    reader_change: float = 0.0

    @property
    def is_spam(self) -> bool:
        """Whether the comment is spam by this label."""
        return self.label.value is LabelValue.SPAM

    @property
    def is_by_moderator(self) -> bool:
        """Whether a moderator gave the label, not the key of a site."""
        return self.label.is_by_moderator


class ScoredRow(NamedTuple):
    """A comment, the features of the part of it that was scored, the rows of their fields, and the logit so far."""

    parsed: ParsedComment
    features: Features
    rows: Sequence[FieldRow]
    logit: float


class SiteWeights:
    """The memory of a site and its learnt weights. `learn` makes them."""

    def __init__(self, model: "Model", lessons: Sequence[Lesson], previous: "SiteWeights | None") -> None:
        self.lessons = lessons
        known = len(previous.lessons) if previous else 0
        # Usually a label came to the former ones. One that was taken back or replaced is in their midst.
        memory = previous.memory if previous and previous.lessons == lessons[:known] else None
        added = lessons[known:] if memory else lessons
        self.memory: LabelMemory = LabelMemory(
            [lesson.features.key_record for lesson in added],
            [lesson.is_spam for lesson in added],
            [lesson.is_by_moderator for lesson in added],
            memory,
        )
        spam, newest = self.memory.spam, _newest(self.memory.spam)
        self.window: _Window = _Window(
            model,
            [lessons[number] for number in newest.tolist()],
            spam[newest],
            self.memory.by_moderator[newest],
            previous.window if previous else None,
        )

    @classmethod
    def learn(cls, model: "Model", lessons: Sequence[Lesson], previous: "SiteWeights | None" = None) -> Self:
        """Learn the weights of a site from its labels in force, in any order.

        The inner products and the memory of `previous` are used again, which saves time. The result is the same to the
        last bit.
        """
        return cls(model, sorted(lessons, key=attrgetter("label_id")), previous)

    def reason(self, scored: ScoredRow, thresholds: Thresholds) -> Reason | None:
        """Return what the labels change about the logit of a comment, and the labels that do; `None` for nothing."""
        cutoffs = _Cutoffs.of(thresholds)
        shift = self.window.bounded_shift(scored, cutoffs)
        hit = self.memory.recall(find_memory_keys(scored.parsed))
        if hit:
            deciding = self.lessons[hit.lesson]
            target = cutoffs.remembered(deciding, hit.match, scored.logit + shift)
            if target != scored.logit + shift:
                others = [self.lessons[number] for number in hit.agreeing if number != hit.lesson]
                return Reason(LEARNT_HERE, target - scored.logit, describe_labels([deciding, *others]))
        if not shift:
            return None
        # To find the strongest labels takes nearly as long as a score, so it is done where they matter.
        crosses = cutoffs.zone(scored.logit + shift) != cutoffs.zone(scored.logit)
        named = self.window.strongest(scored, spam=shift > 0) if crosses else []
        return Reason(LEARNT_HERE, shift, describe_labels(named) if named else self.window.describe())


class _Window:
    """The newest lessons of each label, and the weights learnt from them: from all, and from those of moderators.

    `kernel` has the inner products of their rows.
    """

    def __init__(
        self, model: "Model", lessons: Sequence[Lesson], spam: Mask, trusted: Mask, previous: "_Window | None"
    ) -> None:
        self.lessons = lessons
        self.model_id = model.id
        self._means = model.means
        self.rows = LessonRows.of([lesson.features for lesson in lessons], model.means)
        self.kernel = self._kernel(previous if previous and previous.model_id == model.id else None)
        offsets = _logits(model, self.rows) + [lesson.reader_change for lesson in lessons]
        everything = np.ones(len(lessons), dtype=bool)
        self._coefficients = _solve(self.kernel, spam, offsets, everything)
        by_moderators = [] if trusted.all() else [_solve(self.kernel, spam, offsets, trusted)]
        self._weights = LearntWeights(self.rows, [self._coefficients, *by_moderators])
        self._counts = Counter(spam.tolist())
        self._limits = _limits(int(spam.sum()), int((~spam).sum()))
        self._trusted_limits = _limits(int((spam & trusted).sum()), int((~spam & trusted).sum()))

    def _kernel(self, previous: "_Window | None") -> Floats:
        if previous is None:
            return self.rows.kernel()
        places = {lesson.label_id: place for place, lesson in enumerate(previous.lessons)}
        known = [place for place, lesson in enumerate(self.lessons) if lesson.label_id in places]
        kept = [places[self.lessons[place].label_id] for place in known]
        return self.rows.kernel(known, previous.kernel[square(kept)])

    def bounded_shift(self, scored: ScoredRow, cutoffs: "_Cutoffs") -> float:
        """Return what the weights add to a logit.

        Labels by a site's key cannot bring it beyond the spam threshold, nor lower what moderators' labels raise.
        """
        by_all, *by_moderators = self._weights.shifts(scored.rows, scored.features.signals)
        shift = _clip(by_all, self._limits)
        if not by_moderators:
            return shift
        trusted = _clip(by_moderators[0], self._trusted_limits)
        if trusted > 0.0:
            shift = max(shift, trusted)
        return min(shift, max(cutoffs.spam - MARGIN - scored.logit, trusted, 0.0))

    def strongest(self, scored: ScoredRow, *, spam: bool) -> list[Lesson]:
        """Return the lessons that move the logit of a comment most to one side, the strongest first."""
        columns = [
            column
            for row in scored.rows
            for column in chain(row.pairs, *[word_and_ngram_columns(word, row.namespace) for word in row.words])
        ]
        scales = np.zeros(len(FIELDS))
        for row in scored.rows:
            scales[FIELDS.index(row.namespace)] = row.scale
        signals = signal_units(np.array(scored.features.signals), self._means)
        moved = self._coefficients * self.rows.products(np.array(columns, dtype=np.int64), scales, signals)
        order = np.argsort(-moved if spam else moved, kind="stable")[:_MAX_NAMED].tolist()
        return [self.lessons[place] for place in order if (moved[place] > 0) == spam]

    def describe(self) -> str:
        """Return how many labels the weights are learnt from."""
        return f"learnt from {self._counts[True]} spam and {self._counts[False]} ham labels"


class _Cutoffs(NamedTuple):
    """The thresholds as logits, infinite for one that is never reached."""

    review: float
    spam: float

    @classmethod
    def of(cls, thresholds: Thresholds) -> Self:
        """Convert the thresholds in force."""
        return cls(_logit(thresholds.review), _logit(thresholds.spam))

    def zone(self, logit: float) -> int:
        """Return 0 for a logit below the review threshold, 2 from the spam threshold on, 1 between."""
        return (logit >= self.review) + (logit >= self.spam)

    def remembered(self, lesson: Lesson, match: MatchKind, logit: float) -> float:
        """Return the logit on the side of a remembered label, or the logit itself if it is there.

        Spam is blocked on a moderator's word about such a text, else held.
        """
        if not lesson.is_spam:
            return min(logit, self.review - MARGIN) if self.review < inf else logit
        if lesson.is_by_moderator and match > MatchKind.SITE and self.spam < inf:
            return max(logit, self.spam + MARGIN)
        if not self.review < min(self.spam, inf):
            return logit
        return max(logit, self.review + min(MARGIN, (self.spam - self.review) / 2))


def describe_labels(lessons: Sequence[Lesson], count: int | None = None) -> str:
    """Return in words how many labelled comments a comment is like, and by whom and when the first of them were."""
    labels = [lesson.label for lesson in lessons[:_MAX_NAMED]]
    count = count or len(lessons)
    comments = "a comment" if count == 1 else f"{count} comments"
    given = [f"by {label.labelled_by} on {label.created_at:%-d %B %Y}" for label in labels]
    return f"like {comments} labelled {labels[0].value}, {', '.join(given)}"


def _newest(spam: Mask) -> NDArray[np.int64]:
    """Return the numbers of the newest lessons of each label, ascending."""
    return np.sort(np.concatenate([np.flatnonzero(kind)[-MAX_LESSONS_PER_LABEL:] for kind in (spam, ~spam)]))


def _logits(model: "Model", rows: LessonRows) -> Floats:
    """Return the logit of each row by a model."""
    limits = model.contribution_limits[list(FIELDS)]
    words = np.clip(rows.sums(model.weights), limits[:, 0], limits[:, 1])
    return np.asarray(model.bias + words.sum(axis=1) + rows.raw_signals @ model.signal_weights)


def _solve(kernel: Floats, spam: Mask, offsets: Floats, chosen: Mask) -> Floats:
    """Return the coefficients of the chosen rows, 0 for the others."""
    if chosen.all():
        return solve(kernel, spam, offsets)
    coefficients = np.zeros(len(spam))
    places = np.flatnonzero(chosen)
    coefficients[places] = solve(np.ascontiguousarray(kernel[np.ix_(places, places)]), spam[places], offsets[places])
    return coefficients


def _limits(spam: int, ham: int) -> tuple[float, float]:
    """Return the most that the weights may lower and raise a logit, by the labels behind them."""
    upwards = min(spam, ham + _FREE_SPAM_LABELS)
    return -min(MAX_SHIFT, _SHIFT_PER_ROOT * sqrt(ham)), min(MAX_SHIFT, _SHIFT_PER_ROOT * sqrt(upwards))


def _clip(shift: float, limits: tuple[float, float]) -> float:
    return min(max(shift, limits[0]), limits[1])


def _logit(probability: float) -> float:
    return log(probability / (1.0 - probability)) if probability < 1.0 else inf
