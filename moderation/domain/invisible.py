"""Invisible characters: which there are, and how hostile text is shown with them made visible."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import groupby

# Ranges for a regular expression's character class. They are listed, not taken from `unicodedata`: features must not
# change with the Unicode version of Python.
_FORMATTING = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    "\ufff0-\ufffb\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"
)
"""Hyphens, joiners, fillers, tags and marks of direction. Spelling needs some of them in some scripts."""
_VARIATION_SELECTORS = "\ufe00-\ufe0f\U000e0100-\U000e01ef"
INVISIBLE = _FORMATTING + _VARIATION_SELECTORS
"""All invisible characters that normalization removes, control characters aside."""
ZERO_WIDTH = "\u200b\u200c\u200d\u2060\u00ad\ufeff\u200e"
"""Characters that spammers insert into words. Training inserts them too; their order decides which is drawn."""

MAX_QUOTED_LENGTH = 100
"""Code points of a stranger's text that a message quotes."""

_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Emoji need variation selectors so often that showing them would only disturb. A blank Braille cell is shown: it looks
# like a space, but normalization keeps it as a symbol.
_HIDDEN = re.compile(f"[{_FORMATTING}\u2800]")
_CANDIDATES = re.compile(rf"(?:[^ -~\w]|[{_FORMATTING}])+")
"""Runs of candidates: the search skips ASCII, letters and digits, so that texts in any script are cheap to show."""
_MAX_CODES_SHOWN = 3
_MAX_STACKED_MARKS = 8
"""More combining marks on one letter than any script needs: they would cover the lines above and below."""


def is_invisible(char: str) -> bool:
    """Return whether a character is invisible, bidirectional or a control character, line breaks and tabs included."""
    return unicodedata.category(char) in _HIDDEN_CATEGORIES or bool(_HIDDEN.match(char))


def code_point_mark(run: str) -> str:
    """Return the code points of a run of characters in brackets, with their number: `[U+202E]`, `[U+200B ×40]`.

    Only the first three different ones are named.
    """
    distinct = list(dict.fromkeys(run))
    codes = " ".join(f"U+{ord(char):04X}" for char in distinct[:_MAX_CODES_SHOWN])
    others = " …" if len(distinct) > _MAX_CODES_SHOWN else ""
    count = f" ×{len(run)}" if others or len(run) > len(distinct) else ""
    return f"[{codes}{others}{count}]"


def quoted(text: str, limit: int = MAX_QUOTED_LENGTH, *, keep: str = "") -> str:
    """Return text of a stranger for a message: cut to `limit` code points, with its invisible characters shown.

    Characters in `keep` stay as they are.
    """
    return show_invisible(text if len(text) <= limit else f"{text[: limit - 1]}…", keep=keep)


def split_invisible(text: str, *, keep: str = "") -> Iterator[tuple[str, bool]]:
    """Yield the parts of a text in order, each with whether it is a run that a mark has to replace.

    A run is of invisible characters, or of so many combining marks that they would cover other lines. Characters in
    `keep` are never part of one.
    """
    end = 0
    for candidates in _CANDIDATES.finditer(text):
        if candidates.start() > end:
            yield text[end : candidates.start()], False
        for kind, chars in groupby(candidates[0], lambda char: _VISIBLE if char in keep else _kind(char)):
            run = "".join(chars)
            yield run, kind is _INVISIBLE or (kind is _COMBINING and len(run) > _MAX_STACKED_MARKS)
        end = candidates.end()
    if end < len(text):
        yield text[end:], False


def show_invisible(text: str, mark: Callable[[str], str] = code_point_mark, *, keep: str = "") -> str:
    """Return the text with `mark(run)` in place of each run of invisible characters. Characters in `keep` stay.

    The rest of the text is not escaped: HTML must be escaped before.
    """
    return "".join(mark(part) if hidden else part for part, hidden in split_invisible(text, keep=keep))


_VISIBLE, _INVISIBLE, _COMBINING = range(3)


@lru_cache(1 << 12)
def _kind(char: str) -> int:
    if is_invisible(char):
        return _INVISIBLE
    return _COMBINING if unicodedata.category(char) in {"Mn", "Me"} else _VISIBLE
