"""Hostile text as safe markup: escaped, invisible characters shown, and the spans of reasons highlighted."""

import re
import unicodedata
from collections.abc import Sequence

from markupsafe import Markup

from moderation.domain.decision import Reason
from moderation.domain.invisible import code_point_mark, show_invisible
from moderation.scoring.reasons import DESCRIPTIONS, by_abs_weight

MIN_HIGHLIGHTED_WEIGHT = 0.1

_MAX_HIGHLIGHTED_REASONS = 250
"""Below 256, because an owner's number must fit into a byte."""

_OWNER_RUN = re.compile(rb"(.)\1*", re.DOTALL)
_MARK_HTML = Markup('<mark class="{label}" title="speaks for {label}: {description}">{shown}</mark>')

_LINE_BREAKS = re.compile(r"\r\n?")
_CODE_POINT_HTML = Markup('<span class="invisible-character" title="{name}">{code}</span>')


def safe_markup(text: str) -> Markup:
    """Return `text` escaped, each invisible, bidirectional or control character as its code point: `[U+202E]`.

    Line breaks and tabs stay, because the style sheet preserves white space.
    """
    escaped = Markup.escape(_LINE_BREAKS.sub("\n", text))
    return Markup(show_invisible(escaped, _code_point_markup, keep="\n\t"))


def favoured_label(reason: Reason) -> str:
    """Return the label that the reason speaks for: `spam` or `ham`."""
    return "spam" if reason.weight > 0 else "ham"


def describe_reason(reason: Reason) -> str:
    """Return the description of the reason's code, or the code in words if only another version has it."""
    return DESCRIPTIONS.get(reason.code, reason.code.replace("_", " ").lower())


def highlight(text: str, reasons: Sequence[Reason], preview_length: int) -> tuple[Markup, Markup]:
    """Return the first `preview_length` code points of the text and the rest, with the reasons' spans highlighted.

    Where spans overlap, the strongest reason is shown.
    """
    highlighted = [reason for reason in reasons if abs(reason.weight) >= MIN_HIGHLIGHTED_WEIGHT]
    highlighted = sorted(highlighted, key=by_abs_weight)[:_MAX_HIGHLIGHTED_REASONS]
    owners = _owner_by_position(text, highlighted)
    preview = _render(text[:preview_length], owners[:preview_length], highlighted)
    return preview, _render(text[preview_length:], owners[preview_length:], highlighted)


def _code_point_markup(char: str) -> Markup:
    name = unicodedata.name(char, "a character without a name")
    return _CODE_POINT_HTML.format(name=name.lower(), code=code_point_mark(char))


def _owner_by_position(text: str, reasons: Sequence[Reason]) -> bytearray:
    """Return for each code point the number of the reason to show, counted from one; zero for none."""
    owners = bytearray(len(text))
    for number in range(len(reasons), 0, -1):
        for span in reasons[number - 1].spans:
            if span.field == "text":
                end = min(span.end, len(text))
                owners[span.start : end] = bytes([number]) * max(0, end - span.start)
    for line_break in re.finditer("\r\n", text):
        # `safe_markup` shows both as one line break, so a run must not end between them.
        owners[line_break.start() + 1] = owners[line_break.start()]
    return owners


def _render(text: str, owners: bytearray, reasons: Sequence[Reason]) -> Markup:
    return Markup("").join(
        _render_run(text[run.start() : run.end()], reasons[owner - 1] if (owner := run[1][0]) else None)
        for run in _OWNER_RUN.finditer(owners)
    )


def _render_run(text: str, reason: Reason | None) -> Markup:
    shown = safe_markup(text)
    if reason is None:
        return shown
    return _MARK_HTML.format(label=favoured_label(reason), description=describe_reason(reason), shown=shown)
