"""The text of a comment with the places marked that weighed for spam or against it."""

import re
from collections.abc import Sequence

from markupsafe import Markup

from moderation.domain.judgement import Reason
from moderation.scoring.reasons import SENTENCES, heaviest_first
from moderation.web.queue.visible import visible

LEAST_WEIGHT = 0.1
"""Reasons lighter than this mark nothing."""

_MOST = 250
_RUN = re.compile(rb"(.)\1*", re.DOTALL)
_MARK = Markup('<mark class="{side}" title="speaks for {side}, {weight:+.2f}: {sentence}">{shown}</mark>')


def side_of(reason: Reason) -> str:
    """What the reason speaks for: `spam` or `ham`."""
    return "spam" if reason.weight > 0 else "ham"


def sentence_of(reason: Reason) -> str:
    """The plain sentence of the reason's code, also for one that only another version knows."""
    return SENTENCES.get(reason.code, reason.code.replace("_", " ").lower())


def marked(text: str, reasons: Sequence[Reason], cut: int) -> tuple[Markup, Markup]:
    """The first `cut` code points of the text and the rest, as `visible` shows them, with marks around the spans.

    Where spans overlap, the heaviest reason has the place.
    """
    heavy = sorted((reason for reason in reasons if abs(reason.weight) >= LEAST_WEIGHT), key=heaviest_first)[:_MOST]
    owners = _owners(text, heavy)
    return _shown(text[:cut], owners[:cut], heavy), _shown(text[cut:], owners[cut:], heavy)


def _owners(text: str, reasons: Sequence[Reason]) -> bytearray:
    """For each code point which of the reasons has it, counted from one; zero for none."""
    owners = bytearray(len(text))
    for number in range(len(reasons), 0, -1):
        for span in reasons[number - 1].spans:
            if span.field == "text":
                end = min(span.end, len(text))
                owners[span.start : end] = bytes([number]) * max(0, end - span.start)
    for line_break in re.finditer("\r\n", text):
        owners[line_break.start() + 1] = owners[line_break.start()]  # one character to `visible`
    return owners


def _shown(text: str, owners: bytearray, reasons: Sequence[Reason]) -> Markup:
    return Markup("").join(
        _stretch(text[run.start() : run.end()], reasons[owner - 1] if (owner := run[1][0]) else None)
        for run in _RUN.finditer(owners)
    )


def _stretch(text: str, reason: Reason | None) -> Markup:
    shown = visible(text)
    if reason is None:
        return shown
    return _MARK.format(side=side_of(reason), weight=reason.weight, sentence=sentence_of(reason), shown=shown)
