"""The named signals: each measures one fact about a comment and has a permanent code and a wording."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from functools import cache
from itertools import chain
from math import nan

import numpy as np
from numpy.typing import NDArray

from moderation.domain.comment_types import MENTION_TYPES, PING_TYPES, REACTION_TYPES
from moderation.features.character_model import name_logits, name_logits_of
from moderation.features.parsed_comment import ParsedComment
from moderation.features.signals.author import EMAIL_SIGNALS, NAME_SIGNALS, URL_SIGNALS
from moderation.features.signals.contacts import CONTACT_SIGNALS, DRESS_SIGNALS
from moderation.features.signals.links import LINK_SIGNALS
from moderation.features.signals.markup import MARKUP_SIGNALS
from moderation.features.signals.names import LINK_KIND_SIGNALS, NAME_KIND_SIGNALS, URL_KIND_SIGNALS
from moderation.features.signals.probes import PROBE_SIGNALS
from moderation.features.signals.signal import Signal, SignalGroup
from moderation.features.signals.text import TEXT_SIGNALS, TITLE_SIGNALS
from moderation.features.signals.topics import TOPIC_SIGNALS

SIGNAL_GROUPS: tuple[SignalGroup, ...] = (
    SignalGroup((*TEXT_SIGNALS, *TOPIC_SIGNALS, *PROBE_SIGNALS), lambda _: True, nan),
    SignalGroup(CONTACT_SIGNALS, lambda parsed: bool(parsed.contacts or parsed.external_links), 0.0),
    SignalGroup((*DRESS_SIGNALS, *MARKUP_SIGNALS), lambda _: True, nan),
    SignalGroup(
        (*LINK_SIGNALS, *LINK_KIND_SIGNALS), lambda parsed: bool(parsed.external_links or parsed.internal_links), 0.0
    ),
    SignalGroup(TITLE_SIGNALS, lambda parsed: bool(parsed.title_words), nan),
    SignalGroup((*NAME_SIGNALS, *NAME_KIND_SIGNALS), lambda parsed: bool(parsed.author), nan),
    SignalGroup((*URL_SIGNALS, *URL_KIND_SIGNALS), lambda parsed: parsed.comment.url is not None, nan),
    SignalGroup(EMAIL_SIGNALS, lambda parsed: parsed.email is not None, nan),
)
SIGNALS: tuple[Signal, ...] = tuple(signal for group in SIGNAL_GROUPS for signal in group.signals)


_NAME_CODES = [signal.code for signal in SignalGroup((*NAME_SIGNALS, *NAME_KIND_SIGNALS), bool, nan).signals]
_PAGE_CODES = {"HEADLINE", "EXCERPT", "URL_PATH", "URL_PATH_LENGTH", "URL_KEYWORD_PATH", "URL_QUERY"}
"""Signals without a meaning in what a program writes about another page: title, excerpt and link are the protocol."""


def _columns(codes: AbstractSet[str]) -> list[int]:
    return [column for column, signal in enumerate(SIGNALS) if signal.code in codes]


_PROTOCOL_COLUMNS = {
    # The name is the title of the page.
    **dict.fromkeys(PING_TYPES, _columns(_PAGE_CODES | (set(_NAME_CODES) - {"NAME_COMMERCE"}))),
    **dict.fromkeys(MENTION_TYPES, _columns(_PAGE_CODES)),
    # The text is empty or says what the type says.
    **dict.fromkeys(REACTION_TYPES, _columns(_PAGE_CODES | {"LENGTH", "SHORT", "WORD_VARIETY"})),
}
"""The columns of signals that are the protocol of a type, and no evidence."""

_MEASURES = [
    (
        group.is_present,
        [measurement.measure for measurement in group.measurements],
        [group.default] * len(group.signals),
    )
    for group in SIGNAL_GROUPS
]
"""What `measure` reads of each group, and the values of an absent one."""


@cache
def signal_codes() -> tuple[str, ...]:
    """Return the codes in the order of the columns."""
    return tuple(signal.code for signal in SIGNALS)


def measure(parsed: ParsedComment) -> list[float]:
    """Return the values of `SIGNALS` for a comment.

    A value is NaN if the comment lacks the field that the signal reads, or if its script or type gives the signal no
    meaning.
    """
    values: list[float] = []
    for is_present, measures, absent in _MEASURES:
        if is_present(parsed):
            for measure_some in measures:
                values += measure_some(parsed)
        else:
            values += absent
    for column in _PROTOCOL_COLUMNS.get(parsed.comment.type or "", ()):
        values[column] = nan
    return values


def measure_all(parsed_comments: Sequence[ParsedComment]) -> NDArray[np.float64]:
    """Return the values of `measure` for many comments.

    One measurement after the other keeps the processor's caches warm.

    Returns
    -------
    array of shape (comments, signals)
        NaN marks an absent field.

    """
    name_logits.fill(chain.from_iterable([parsed.author_words for parsed in parsed_comments]), name_logits_of)
    parts: list[NDArray[np.float64]] = []
    for measurements, is_present, default in SIGNAL_GROUPS:
        rows = [row for row, parsed in enumerate(parsed_comments) if is_present(parsed)]
        present = [parsed_comments[row] for row in rows]
        for wordings, measure_some in measurements:
            part = np.full((len(parsed_comments), len(wordings)), default)
            values = chain.from_iterable(map(measure_some, present))
            part[rows] = np.fromiter(values, np.float64).reshape(len(present), len(wordings))
            parts.append(part)
    measured = np.hstack(parts)
    for row, parsed in enumerate(parsed_comments):
        if columns := _PROTOCOL_COLUMNS.get(parsed.comment.type or ""):
            measured[row, columns] = nan
    return measured
