"""Hostile text as it may be shown: escaped, and with everything that hides made visible."""

import re
import unicodedata

from markupsafe import Markup

from moderation.domain.hidden import is_hidden

_BREAKS = re.compile(r"\r\n?")
_PLAIN = re.compile(r"[ -~\n\t]*")
_MARK = Markup('<span class="hidden-character" title="{name}">[{code}]</span>')


def visible(text: str) -> Markup:
    """`text` escaped, each invisible, bidirectional or control character as its code point, as in `[U+202E]`.

    Line breaks and tabs stay; the style sheet keeps white space.
    """
    text = _BREAKS.sub("\n", text)
    if _PLAIN.fullmatch(text):
        return Markup.escape(text)
    parts: list[str] = []
    start = 0
    for place, letter in enumerate(text):
        if letter not in "\n\t" and is_hidden(letter):
            parts += (Markup.escape(text[start:place]), _mark(letter))
            start = place + 1
    return Markup("").join([*parts, text[start:]])


def _mark(letter: str) -> Markup:
    name = unicodedata.name(letter, "a character without a name")
    return _MARK.format(name=name.lower(), code=f"U+{ord(letter):04X}")
