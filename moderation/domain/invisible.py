"""Invisible characters: which there are, and how hostile text is shown with them made visible."""

import re
import unicodedata
from collections.abc import Callable

# Ranges for a regular expression's character class. They are listed, not taken from `unicodedata`: features must not
# change with the Unicode version of Python.
RARE_INVISIBLE = "\u00ad\u034f\u061c\u115f\u1160\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff"
"""Invisible characters that hardly occur in honest text, so that the signal counts them."""
_VARIATION_SELECTORS = "\ufe00-\ufe0f\U000e0100-\U000e01ef"
_OTHER_INVISIBLE = "\u17b4\u17b5\u180b-\u180f\u200d\uffa0\ufff0-\ufffb\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"
"""Joiners, tags and fillers that honest text may contain: in emoji and in Mongolian and Khmer words."""
INVISIBLE = RARE_INVISIBLE + _VARIATION_SELECTORS + _OTHER_INVISIBLE
"""All invisible characters that normalization removes, control characters aside."""
ZERO_WIDTH = "\u200b\u200c\u200d\u2060\u00ad\ufeff\u200e"
"""Characters that spammers insert into words. Training inserts them too; their order decides which is drawn."""

MAX_QUOTED_LENGTH = 100
"""Code points of a stranger's text that a message quotes."""

_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Emoji need variation selectors so often that showing them would only disturb. A blank Braille cell is shown: it looks
# like a space, but normalization keeps it as a symbol.
_HIDDEN = re.compile(f"[{RARE_INVISIBLE}{_OTHER_INVISIBLE}\u2800]")
_MAYBE_INVISIBLE = re.compile(rf"[^ -~\w]|[{RARE_INVISIBLE}{_OTHER_INVISIBLE}]")
"""Candidates: the search skips ASCII, letters and digits, so that long texts in any script are cheap to show."""


def is_invisible(char: str) -> bool:
    """Return whether a character is invisible, bidirectional or a control character, line breaks and tabs included."""
    return unicodedata.category(char) in _HIDDEN_CATEGORIES or bool(_HIDDEN.match(char))


def code_point_mark(char: str) -> str:
    """Return the code point of a character in brackets: `[U+202E]`."""
    return f"[U+{ord(char):04X}]"


def quoted(text: str, limit: int = MAX_QUOTED_LENGTH) -> str:
    """Return text of a stranger for a message: cut to `limit` code points, with its invisible characters shown."""
    return show_invisible(text if len(text) <= limit else f"{text[: limit - 1]}…")


def show_invisible(text: str, mark: Callable[[str], str] = code_point_mark, *, keep: str = "") -> str:
    """Return the text with `mark(char)` in place of each invisible character. Characters in `keep` stay.

    The rest of the text is not escaped: HTML must be escaped before.
    """
    return _MAYBE_INVISIBLE.sub(
        lambda match: mark(match[0]) if match[0] not in keep and is_invisible(match[0]) else match[0], text
    )
