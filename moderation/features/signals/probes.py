"""Signals of letters that no language joins: random strings, in the text and as the whole text."""

import re
from itertools import pairwise

from moderation.features.character_model import bits_per_letter, fold, is_covered, is_known, letters_of
from moderation.features.ngrams import URL_TOKEN
from moderation.features.parsed_comment import ParsedComment
from moderation.features.signals.signal import Measurement, presence
from moderation.features.word_cache import WordCache

_MAX_WORDS = 60
_CACHE_WORDS = 1 << 14
_MIN_DIFFERENT_LETTERS = 5
_MIN_VARIED_LENGTH = 5
_UNLIKELY_BITS = 5.0
"""Bits a letter: words of a language have 3 to 5, most random strings of letters 5 to 7."""
_PLAUSIBLE_BITS = 4.3
_SURELY_RANDOM_BITS = 6.0
"""No known word has so many, but one random string in twenty is in the table of known words by chance."""
_NONSENSE_BITS = 4.6
_NONSENSE_BITS_PER_LETTER = 5.0
"""Few letters say little: six need 4.6 + 5 / 6 bits a letter."""
_MAX_PROBE_WORDS = 8
_MIN_SINGLE_LETTERS = 4
_MIN_DIGITS, _MIN_DIFFERENT_DIGITS = 5, 3
"""In China and Thailand 23333 and 5555 are laughter."""
_MIN_SWITCHES = 3
_REPEATED_SYLLABLE = re.compile(r"(\w{3,5}?)\1{2,}")
_CAPITALIZED_PART = re.compile(r"[A-Z][a-z]{3,}")


def unlikelihood(word: str) -> float:
    """Return how far the letters of a lower-case word are from those of any language: 0 to 3.

    A known word has 0. So has one of fewer than five different letters, as laughter, or in a script of many languages.
    """
    if len(set(word)) < _MIN_DIFFERENT_LETTERS or not is_covered(word):
        return 0.0
    folded = fold(word)
    # Nearly all words are known: their letters need not be looked up.
    return 0.0 if is_known(folded) else min(3.0, max(0.0, bits_per_letter(folded) - _UNLIKELY_BITS))


unlikelihoods = WordCache(unlikelihood, _CACHE_WORDS)
"""`unlikelihood` of a word of a text or a name, which is short. Parts of hosts may be long and would fill memory."""


def _letters(parsed: ParsedComment) -> tuple[float, ...]:
    values = list(map(unlikelihoods.__getitem__, parsed.words[:_MAX_WORDS]))
    return max(values, default=0.0), min(3.0, 3 * sum(values) / (len(values) + 1))


def is_nonsense(parsed: ParsedComment) -> bool:
    """Return whether the whole text is one random string or a few: no word of it can be a word of any language.

    Long numbers, letters and digits in turn, letters by themselves, and a syllable again and again are nonsense too.
    """
    words = [word.replace("_", "") for word in parsed.tokens[: _MAX_PROBE_WORDS + 1]]
    if not 0 < len(words) <= _MAX_PROBE_WORDS or URL_TOKEN in words or not is_covered(parsed.body.text):
        return False
    if all(len(word) == 1 for word in words):
        return _are_random_letters("".join(filter(str.isalpha, words)))
    codes = [word for word in words if _is_random_code(word)]
    letters = [word for word in words if len(word) > 1 and not word.isdigit() and word not in codes]
    is_random = _are_unlikely(letters) if letters else bool(codes)
    return is_random and not any(letters_of[part.lower()][1] for part in _CAPITALIZED_PART.findall(parsed.body.cased))


def _are_random_letters(letters: str) -> bool:
    """Return whether single letters spell no word: `x q j z`, not `c o o l`."""
    return len(set(letters)) >= _MIN_SINGLE_LETTERS and letters_of[letters][0] > _NONSENSE_BITS


def _is_random_code(word: str) -> bool:
    """Return whether a word is a long number, letters and digits in turn, or a syllable three times."""
    if word.isdigit():
        return len(word) >= _MIN_DIGITS and len(set(word)) >= _MIN_DIFFERENT_DIGITS
    switches = sum(first.isdigit() != second.isdigit() for first, second in pairwise(word))
    is_repeated = _REPEATED_SYLLABLE.fullmatch(word) and len(set(word)) > 2 and not letters_of[word][1]
    return switches >= _MIN_SWITCHES or bool(is_repeated)


def _are_unlikely(words: list[str]) -> bool:
    """Return whether no word is plausible and all together are unlikely."""
    # Hardly any text has varied words alone: the letters of the others need not be looked up.
    if not all(map(_is_varied, words)):
        return False
    entries = [letters_of[word] for word in words]
    if any(bits < (_SURELY_RANDOM_BITS if is_known else _PLAUSIBLE_BITS) for bits, is_known in entries):
        return False
    length = sum(map(len, words))
    bits = sum(bits * len(word) for word, (bits, _) in zip(words, entries, strict=True)) / length
    return bits >= _NONSENSE_BITS + _NONSENSE_BITS_PER_LETTER / length


def _is_varied(word: str) -> bool:
    """Return whether a word has many different letters for its length: laughter and abbreviations have few."""
    different = len(set(word))
    return len(word) >= _MIN_VARIED_LENGTH and different >= 4 and different > 0.4 * len(word)


PROBE_SIGNALS: tuple[Measurement, ...] = (
    Measurement(
        {
            "UNLIKELY_WORD": presence(
                "a word with letters that no language joins",
                "no word with letters that no language joins",
            ),
            "UNLIKELY_WORDS": presence(
                "words with letters that no language joins",
                "no words with letters that no language joins",
            ),
        },
        _letters,
    ),
)
