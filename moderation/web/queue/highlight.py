"""Hostile text as safe markup of bounded size: escaped, invisible characters shown, spans of reasons highlighted."""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from markupsafe import Markup

from moderation.domain.decision import Reason
from moderation.domain.invisible import code_point_mark, split_invisible
from moderation.scoring.reasons import by_abs_weight, describe

MIN_HIGHLIGHTED_WEIGHT = 0.1

_MAX_HIGHLIGHTED_REASONS = 250
"""Below 256, because an owner's number must fit into a byte."""
_MAX_NAMED_CHARACTERS = 3

_OWNER_RUN = re.compile(rb"(.)\1*", re.DOTALL)
_MARK_START = Markup('<mark class="{label}">')
_FIRST_MARK_START = Markup('<mark class="{label}" id="{id}" title="speaks for {label}: {description}">')
_MARK_END = Markup("</mark>")

_LINE_BREAKS = re.compile(r"\r\n?")
_INVISIBLE_HTML = Markup('<span class="invisible-character" title="{names}">{codes}</span>')


class Shown(NamedTuple):
    """The beginning of a text as safe markup, and its length in code points of the text.

    `marks` has the id of the first mark of each reason that has one.
    """

    markup: Markup
    length: int
    marks: Mapping[Reason, str] = MappingProxyType({})


def excerpt(text: str, max_bytes: int) -> Markup:
    """Return the beginning of `text` as safe markup of at most `max_bytes` bytes, with an ellipsis behind a cut."""
    shown = _render(text, max_bytes)
    return shown.markup if shown.length == len(text) else shown.markup + "…"


def favoured_label(reason: Reason) -> str:
    """Return the label that the reason speaks for: `spam` or `ham`."""
    return "spam" if reason.weight > 0 else "ham"


def highlight(text: str, reasons: Sequence[Reason], max_bytes: int, *, start: int = 0, key: str = "") -> Shown:
    """Return the beginning of a text as markup of at most `max_bytes` bytes, with the reasons' spans highlighted.

    `text` is the part of a longer text from `start` on, and spans are offsets in the longer text. Where spans overlap,
    the strongest reason is shown. The first mark of a reason has an id, which ends in `key`, and names the reason.
    """
    highlighted = [reason for reason in reasons if abs(reason.weight) >= MIN_HIGHLIGHTED_WEIGHT]
    highlighted = sorted(highlighted, key=by_abs_weight)[:_MAX_HIGHLIGHTED_REASONS]
    owners = _owner_by_position(text, highlighted, start)
    parts: list[Markup] = []
    marks: dict[Reason, str] = {}
    remaining, length = max_bytes, 0
    for run in _OWNER_RUN.finditer(owners):
        owner = run[1][0]
        reason = highlighted[owner - 1] if owner else None
        before = _mark_start(reason, "" if reason in marks else f"m{owner}-{key}") if reason else Markup()
        after = _MARK_END if reason else Markup()
        shown = _render(text[run.start() : run.end()], remaining - _size(before + after))
        if shown.length:
            parts.append(before + shown.markup + after)
            remaining -= _size(parts[-1])
            length += shown.length
            if reason:
                marks.setdefault(reason, f"m{owner}-{key}")
        if shown.length < run.end() - run.start():
            break
    return Shown(Markup("").join(parts), length, marks)


def _render(text: str, max_bytes: int) -> Shown:
    """Return the beginning of a text as safe markup. A run of invisible characters is shown whole or not at all.

    Line breaks and tabs stay, because the style sheet preserves white space.
    """
    parts: list[Markup] = []
    length = 0
    for part, hidden in split_invisible(text, keep="\n\t\r"):
        shown = _invisible_markup(part) if hidden else _escape(part)
        size = _size(shown)
        if size <= max_bytes:
            parts.append(shown)
            max_bytes -= size
            length += len(part)
            continue
        if not hidden:
            # The longest beginning that fits, found by bisection because escaping makes some characters longer.
            fitting = bisect_right(range(len(part)), max_bytes, key=lambda end: _size(_escape(part[:end]))) - 1
            parts.append(_escape(part[: max(0, fitting)]))
            length += max(0, fitting)
        break
    return Shown(Markup("").join(parts), length)


def _escape(text: str) -> Markup:
    return Markup.escape(_LINE_BREAKS.sub("\n", text) if "\r" in text else text)


def _size(markup: Markup) -> int:
    return len(markup.encode())


def _mark_start(reason: Reason, mark_id: str) -> Markup:
    """Return the beginning of a mark: the first one of a reason has an id and names it."""
    form = _FIRST_MARK_START if mark_id else _MARK_START
    return form.format(label=favoured_label(reason), id=mark_id, description=describe(reason))


def _invisible_markup(run: str) -> Markup:
    distinct = list(dict.fromkeys(run))[:_MAX_NAMED_CHARACTERS]
    names = ", ".join(unicodedata.name(char, "a character without a name").lower() for char in distinct)
    return _INVISIBLE_HTML.format(names=names, codes=code_point_mark(run))


def _owner_by_position(text: str, reasons: Sequence[Reason], start: int) -> bytearray:
    """Return for each code point the number of the reason to show, counted from one; zero for none."""
    owners = bytearray(len(text))
    for number in range(len(reasons), 0, -1):
        for span in reasons[number - 1].spans:
            if span.field == "text":
                first, end = (min(max(0, offset - start), len(text)) for offset in span[1:])
                owners[first:end] = bytes([number]) * (end - first)
    for line_break in re.finditer("\r\n", text):
        # Both are shown as one line break, so a run must not end between them.
        owners[line_break.start() + 1] = owners[line_break.start()]
    return owners
