"""From a comment to the row that a model reads."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moderation.domain.comment import UNSEEN, Comment, Visit
from moderation.features import ngrams
from moderation.features.links import Link
from moderation.features.ngrams import Grams, Segment
from moderation.features.reading import Reading
from moderation.features.signals import measure
from moderation.features.signals.targets import ending
from moderation.features.signals.visits import given_shares

FEATURES_VERSION = 2
"""Raised whenever the same comment gives another row; a model serves only the version it was trained on."""

_MOST_TARGETS = 40
_COMMENTS_AT_ONCE = 500
_LETTERS_AT_ONCE = 50_000


@dataclass(frozen=True, slots=True)
class Evidence:
    """The hashed row (`grams`) and the named values (`signals`, NaN where a field is absent) of one comment.

    `given` is what the signals add whose weights no model learns: shares of the logit, one for each.
    """

    reading: Reading
    grams: Grams
    signals: NDArray[np.float64]
    given: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rows:
    """What a model reads of many comments: their hashed rows, `signals` (comments, signals), and `given` (comments).

    `given` is the sum of what the signals add whose weights no model learns.
    """

    grams: Grams
    signals: NDArray[np.float64]
    given: NDArray[np.float64]


def gather_evidence(comment: Comment, visit: Visit = UNSEEN) -> Evidence:
    """Reads a comment and how it came in; any string in any field is good enough."""
    reading = Reading(comment)
    grams = ngrams.read([page_of(reading)])
    return Evidence(reading, grams, measure(reading), given_shares(comment, visit))


def read_rows(comments: Iterable[Comment]) -> Iterator[Rows]:
    """The rows of many comments, in their order, a few hundred at a time: faster than one by one."""
    waiting: list[Reading] = []
    letters = 0
    for comment in comments:
        reading = Reading(comment)
        waiting.append(reading)
        letters += len(reading.prose.text)
        if letters > _LETTERS_AT_ONCE or len(waiting) == _COMMENTS_AT_ONCE:
            yield _rows(waiting)
            waiting, letters = [], 0
    if waiting:
        yield _rows(waiting)


def _rows(readings: Sequence[Reading]) -> Rows:
    return Rows(
        ngrams.read([page_of(reading) for reading in readings]),
        np.array([measure(reading) for reading in readings]),
        np.array([given_shares(reading.comment, UNSEEN).sum() for reading in readings]),
    )


def page_of(reading: Reading) -> list[Segment]:
    """What the n-grams are taken from: the prose, the name, the words on links, where links and address lead."""
    segments = [Segment(reading.prose.text, ngrams.WORDS, ngrams.CHARS, matches=reading.word_matches)]
    if reading.author:
        segments.append(Segment(reading.author, ngrams.AUTHOR, ngrams.AUTHOR, 4))
    if any(reading.worded_anchors):
        segments.append(Segment(" ".join(reading.worded_anchors), ngrams.ANCHOR, ngrams.ANCHOR, 4))
    if reading.links:
        segments.append(Segment(_targets(reading.links), ngrams.TARGET, None))
    if reading.url:
        segments.append(Segment(_address(reading.url), ngrams.URL, ngrams.URL, 4))
    return segments


def _targets(links: list[Link]) -> str:
    return " ".join(
        f"{link.domain.replace('.', '_')} _{ending(link)} {link.path}" for link in links[:_MOST_TARGETS]
    ).lower()


def _address(url: Link) -> str:
    return f"{url.domain.replace('.', '_')} _{ending(url)} {url.host} {url.path}".lower()[:400]
