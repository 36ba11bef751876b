"""From a comment to what a model reads of it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moderation.domain.comment import UNSEEN, Comment, Visit
from moderation.features.links import Link
from moderation.features.ngrams import (
    ANCHOR,
    AUTHOR,
    TARGET,
    TITLE_MARK,
    URL,
    WORDS,
    Page,
    Segment,
    words_of,
)
from moderation.features.reading import Reading
from moderation.features.rows import Rows, hash_pages
from moderation.features.signals import measure, measure_all
from moderation.features.signals.targets import ending
from moderation.features.signals.visits import given_shares

FEATURES_VERSION = 6
"""Raised whenever the same comment gives another row; a model serves only the version it was trained on."""

_MOST_TARGETS = 40
_LONGEST_ADDRESS = 400


class Evidence(NamedTuple):
    """The words (`page`) and the named values (`signals`, NaN where a field is absent) of one comment.

    `given` has the shares of the logit, by code, of the signals whose weights no model learns.
    """

    reading: Reading
    page: Page
    signals: Sequence[float]
    given: dict[str, float]


def gather_evidence(comment: Comment, visit: Visit = UNSEEN) -> Evidence:
    """Reads a comment and how it came in; any string in any field is good enough."""
    reading = Reading(comment)
    return Evidence(reading, page_of(reading), measure(reading), given_shares(comment, visit))


def gather_rows(comments: Sequence[Comment]) -> tuple[Rows, NDArray[np.float64]]:
    """What is learnt from many comments: their hashed rows, and their signals, shape (comments, signals)."""
    readings = list(map(Reading, comments))
    return hash_pages(list(map(page_of, readings))), measure_all(readings)


def page_of(reading: Reading) -> list[Segment]:
    """What is hashed: the prose, the name, the words on links, where links and address lead.

    Words of the page's title are one and the same: what a page is about tells nothing of the next one.
    """
    segments = [Segment(_marked(reading), WORDS)]
    if reading.author:
        segments.append(Segment(reading.author_words, AUTHOR))
    if any(reading.worded_anchors):
        segments.append(Segment(words_of(" ".join(reading.worded_anchors)), ANCHOR))
    if reading.links:
        segments.append(Segment(words_of(_targets(reading.links)), TARGET))
    if reading.url:
        segments.append(Segment(words_of(_address(reading.url)), URL))
    return segments


def _marked(reading: Reading) -> list[str]:
    title, tokens = reading.context, reading.tokens
    return tokens if title.isdisjoint(tokens) else [TITLE_MARK if word in title else word for word in tokens]


def _targets(links: list[Link]) -> str:
    return " ".join(
        f"{link.domain.replace('.', '_')} _{ending(link)} {link.path}" for link in links[:_MOST_TARGETS]
    ).lower()


def _address(url: Link) -> str:
    place = url.host.removesuffix(url.domain)
    return f"{url.domain.replace('.', '_')} _{ending(url)} {place} {url.path}".lower()[:_LONGEST_ADDRESS]
