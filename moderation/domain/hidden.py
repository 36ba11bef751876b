"""Which characters hide: invisible, bidirectional and control characters, that hostile text is shown without."""

import unicodedata

_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
"""Fillers and joiners that Unicode counts among letters, marks or symbols, and that show as nothing."""


def is_hidden(letter: str) -> bool:
    """Whether one character must be shown by its code point. Line breaks and tabs count as hidden."""
    return letter in _LETTERS or unicodedata.category(letter) in _CATEGORIES
