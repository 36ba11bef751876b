"""Scripts: what the letters of a text can show, and which invisible characters its spelling needs.

A signal that means nothing in a script must not count there: Arabic has no capitals, Thai no spaces between words.
Ranges are listed, not taken from `unicodedata`: features must not change with the Unicode version of Python.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

CASED_LETTER = re.compile("[A-Za-z\u00c0-\u024f\u0370-\u03ff\u0400-\u052f\u0531-\u0587\u1e00-\u1fff]")
"""Latin, Greek, Cyrillic and Armenian. Georgian has capitals too, but does not begin sentences or names with them."""
_HAN_OR_KANA = "\u2e80-\u2fdf\u3005-\u3007\u3040-\u312f\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_HANGUL = "\u1100-\u11ff\u3130-\u318f\uac00-\ud7ff"
_SOUTHEAST_ASIAN = "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u19e0-\u19ff"
"""Thai, Lao, Tibetan, Burmese and Khmer: words follow each other without spaces, and hardly any comma."""
HAN_OR_KANA_LETTER = re.compile(f"[{_HAN_OR_KANA}]")
_HANGUL_LETTER = re.compile(f"[{_HANGUL}]")
_SOUTHEAST_ASIAN_LETTER = re.compile(f"[{_SOUTHEAST_ASIAN}]")
UNSPACED_LETTER = re.compile(f"[{_HAN_OR_KANA}{_SOUTHEAST_ASIAN}]")
DENSE_LETTER = re.compile(f"[{_HAN_OR_KANA}{_HANGUL}{_SOUTHEAST_ASIAN}]")
"""A letter of a script whose words or names are short or not separated."""
COMBINING_MARKS = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    "\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u0711\u0730-\u074a\u07a6-\u07b0\u0900-\u0963\u0971-\u0df3"
)
"""Ranges of vowel signs and accents of scripts with spaces, with no punctuation among them: parts of words."""

_LATIN_PER_HAN_OR_KANA = 3
_LATIN_PER_HANGUL = 2
_HAN_OR_KANA_PER_WORD = 2.0
_SOUTHEAST_ASIAN_PER_WORD = 5.0
"""How densely scripts write, rounded from the translations in `tests/ordinary_comments.py`."""

_BIDIRECTIONAL = "\u061c\u200e\u200f\u202a-\u202c\u2066-\u2069"
_RIGHT_TO_LEFT_LETTER = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_JOINING = "\u0600-\u08ff\u0900-\u0dff\u1780-\u17ff\u1000-\u109f\u1800-\u18af\ufb50-\ufdff\ufe70-\ufefc"
"""Letters and marks that a zero-width non-joiner may stand beside: Arabic, Indic, Khmer, Burmese, Mongolian."""
_MAYBE_NEEDLESS = re.compile(
    f"[\u00ad\u034f\u115f\u1160\u200b-\u200d\u2060-\u2065\u202d\u202e\u206a-\u206f\u3164\ufeff{_BIDIRECTIONAL}]"
)
_NEEDLESS = re.compile(
    "[\u034f\u115f\u1160\u2060-\u2065\u202d\u202e\u206a-\u206f\u3164\ufeff]"
    f"|\u200b(?<![{_SOUTHEAST_ASIAN}]\u200b)(?![{_SOUTHEAST_ASIAN}])"
    f"|\u200c(?<![{_JOINING}]\u200c)(?![{_JOINING}])"
    f"|\u200d(?<={CASED_LETTER.pattern}\u200d)(?={CASED_LETTER.pattern})"
)
_BIDIRECTIONAL_CHARACTER = re.compile(f"[{_BIDIRECTIONAL}]")
_BYTE_ORDER_MARK = "\ufeff"
_SOFT_HYPHEN = "\u00ad"
_GERMAN_LETTER = re.compile("[äöüßÄÖÜ]")
_MIN_HYPHENATED_LETTERS = 10
_MIN_SYLLABLE_LETTERS = 2
_CONSONANTS_AND_VOWELS = bytes(
    ord("c") if chr(byte) in "bcdfghjklmnpqrstvwxz" else ord("v") if chr(byte) in "aeiou" else ord(" ")
    for byte in range(256)
)
"""Translation table: consonants to `c`, vowels to `v`, every other byte to a space."""
_SOUNDS = [
    pair.encode().split() for pair in ("sch s", "tch t", "ch c", "sh s", "th t", "ph p", "gh g", "ck c", "cz c", "sz s")
]
"""Letters that stand for one consonant, and one letter in their place."""
_RUN = re.compile(rb"[bcdfghjklmnpqrstvwxz]+|[aeiou]+")
_MIN_DIFFERENT_CONSONANTS = 5
_MIN_DIFFERENT_VOWELS = 3


class Scripts(NamedTuple):
    """How many letters of a text are of a script that writes densely or without spaces."""

    han_or_kana: int = 0
    hangul: int = 0
    southeast_asian: int = 0

    @property
    def extra_length(self) -> int:
        """The letters that the same text would have more in Latin script."""
        return (_LATIN_PER_HAN_OR_KANA - 1) * self.han_or_kana + (_LATIN_PER_HANGUL - 1) * self.hangul

    @property
    def unspaced_words(self) -> float:
        """The estimated number of words that no space separates."""
        return self.han_or_kana / _HAN_OR_KANA_PER_WORD + self.southeast_asian / _SOUTHEAST_ASIAN_PER_WORD


LATIN = Scripts()


def count_scripts(text: str) -> Scripts:
    """Return the counts of the letters of a text; `LATIN` for one of letters that this module has nothing to say of."""
    if text.isascii() or not DENSE_LETTER.search(text):
        return LATIN
    patterns = (HAN_OR_KANA_LETTER, _HANGUL_LETTER, _SOUTHEAST_ASIAN_LETTER)
    return Scripts(*[len(pattern.findall(text)) for pattern in patterns])


def count_needless_invisible(text: str) -> int:
    """Return the number of invisible characters in a raw text that its spelling does not need.

    Spelling needs joiners and non-joiners in Persian, Urdu, Kurdish and Indic words, and joiners in emoji. It needs
    zero-width spaces between words without visible ones, direction marks in right-to-left texts, and soft hyphens in
    long words. A byte order mark at either end is left over from a file.
    """
    text = text.strip(_BYTE_ORDER_MARK)
    if not _MAYBE_NEEDLESS.search(text):
        return 0
    count = len(_NEEDLESS.findall(text))
    if not _RIGHT_TO_LEFT_LETTER.search(text):
        count += len(_BIDIRECTIONAL_CHARACTER.findall(text))
    if _SOFT_HYPHEN in text:
        min_letters = 0 if _GERMAN_LETTER.search(text) else _MIN_HYPHENATED_LETTERS
        count += sum(_needless_soft_hyphens(word, min_letters) for word in text.split() if _SOFT_HYPHEN in word)
    return count


def _needless_soft_hyphens(word: str, min_letters: int) -> int:
    """Return the number of soft hyphens in a word, 0 if they divide a long one into syllables."""
    syllables = word.split(_SOFT_HYPHEN)
    is_hyphenated = min(map(len, syllables)) >= _MIN_SYLLABLE_LETTERS and sum(map(len, syllables)) >= min_letters
    return 0 if is_hyphenated else len(syllables) - 1


def count_unpronounceable(words: Sequence[str], consonants: int, vowels: int) -> int:
    """Return the number of runs of different consonants or vowels in words of ASCII letters, at least that long.

    Other letters belong to languages with other runs. A run of few different letters is a sound or a laugh: `hmmmmm`.
    """
    kinds = " ".join(words).encode().translate(_CONSONANTS_AND_VOWELS)
    if b"c" * consonants not in kinds and b"v" * vowels not in kinds:
        return 0
    encoded = " ".join(filter(str.isascii, words)).encode()
    for digraph, letter in _SOUNDS:
        encoded = encoded.replace(digraph, letter)
    return sum(_is_unpronounceable(run, consonants, vowels) for run in _RUN.findall(encoded))


def _is_unpronounceable(run: bytes, consonants: int, vowels: int) -> bool:
    if run[:1] in b"aeiou":
        return len(run) >= vowels and len(set(run)) >= _MIN_DIFFERENT_VOWELS
    return len(run) >= consonants and len(set(run)) >= _MIN_DIFFERENT_CONSONANTS
