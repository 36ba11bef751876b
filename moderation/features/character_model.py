"""A small model of letters in many scripts: how likely a word is, whether it is known, and how much it is like a name.

The tables are numbers: `benchmarks/character_model.py` computes them from word frequencies of 42 languages and from
names of people of some seventy countries. They belong to `FEATURES_VERSION` as the word lists do.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from unicodedata import normalize
from zlib import crc32

import numpy as np

from moderation.features.ngrams import hash_ngrams
from moderation.features.word_cache import WordCache

TRIGRAM_BITS = 18
NAME_BITS = 17
KNOWN_WORD_BITS = 22
STEPS_PER_UNIT = 16
"""Quantisation of both int8 tables: a unit is a bit or a logit."""

UNSEEN_BITS = 7.9
"""Bits of a letter after two that it never follows: the limit of an int8."""
TABLES_FILE = Path(__file__).parent / "data" / "character_model.npz"

_MIN_NAME_NGRAM, _MAX_NAME_NGRAM = 2, 4
_CACHE_WORDS = 1 << 13
_MARK = re.compile("[\u0300-\u036f\u0610-\u061a\u064b-\u065f\u0591-\u05c7'\u2019]")
"""Accents and vowel points, which many people leave out, and apostrophes."""
_IDEOGRAPH = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_DIGIT = re.compile(r"\d")
_RUN = re.compile(r"([^\W\d_])\1{2,}")
_MIN_RUN_REPEATS = 2
"""Letters of a word with a run that are not the first of their kind."""
_OTHER_LETTERS = "\u0400-\u045f\u0490\u0491\u0600-\u06ff\u0900-\u09ff\u0b80-\u0bff"
"""Cyrillic, Arabic, Devanagari, Bengali and Tamil: the tables have words and names, but of few of their languages."""
_COVERED_LETTERS = "a-zA-Z\u00c0-\u024f\u1e00-\u1eff\u0300-\u03ff\u0590-\u05ff\u1100-\u11ff\uac00-\ud7af"
"""Latin, Greek, Hebrew and Korean: the tables have words of all languages, or of so many that others are like them."""
_UNREADABLE_LETTER = re.compile(rf"(?![{_COVERED_LETTERS}{_OTHER_LETTERS}])[^\W\d_]")
_UNCOVERED_LETTER = re.compile(rf"(?![{_COVERED_LETTERS}])[^\W\d_]")

Letters = tuple[float, float]
"""What the tables say of a word: bits a letter, and 1 if it is known."""


def fold(word: str) -> str:
    """Return a lower-case word as the tables have it.

    Accents are left out, Hangul is spelled in its letters, a digit is `0`, and three equal letters or more are one.
    """
    is_plain = word.isascii() and word.isalpha()
    folded = word if is_plain else strip_accents(word)
    # Most words are too varied for a run, which takes a quarter of the time to tell.
    if len(folded) - len(set(folded)) >= _MIN_RUN_REPEATS and _RUN.search(folded):
        folded = _RUN.sub(r"\1", folded)
    if is_plain:
        return folded
    return _DIGIT.sub("0", folded if folded.isascii() else _IDEOGRAPH.sub("\u4e00", folded))


def strip_accents(text: str) -> str:
    """Return the text without accents, vowel points and apostrophes, and with Hangul as its letters."""
    text = text.replace("_", "")
    return text.replace("'", "") if text.isascii() else _MARK.sub("", normalize("NFKD", text))


def trigrams(folded: str) -> list[str]:
    """Return each letter of a folded word, and its end, after the two characters before it."""
    padded = f"  {folded} "
    return [padded[start : start + 3] for start in range(len(folded) + 1)]


def name_ngrams(folded: str) -> list[str]:
    """Return the n-grams of a folded word that speak for or against a name, and the word itself."""
    padded = f" {folded} "
    sizes = range(_MIN_NAME_NGRAM, _MAX_NAME_NGRAM + 1)
    parts = [padded[start : start + size] for size in sizes for start in range(len(padded) - size + 1)]
    return list(dict.fromkeys([padded, *parts]))


def columns(ngrams: Iterable[str], bits: int) -> list[int]:
    """Return the cell of each n-gram in a table of `2**bits` cells."""
    mask = (1 << bits) - 1
    return [crc32(ngram.encode("utf-8", "surrogatepass")) & mask for ngram in ngrams]


def is_readable(text: str) -> bool:
    """Return whether the tables have words in all scripts of a text. They have none in scripts without spaces."""
    return text.isascii() or not _UNREADABLE_LETTER.search(text)


def is_covered(text: str) -> bool:
    """Return whether letters that the tables do not expect are unlikely in any language of the text's scripts.

    Mongolian is not, beside Russian: both are Cyrillic, and the tables have no Mongolian.
    """
    return text.isascii() or not _UNCOVERED_LETTER.search(text)


with TABLES_FILE.open("rb") as _stream, np.load(_stream) as _tables:
    # A view returns plain numbers, in less time than an array.
    _TRIGRAMS, _NAMES, _KNOWN = (memoryview(_tables[name]) for name in ("trigrams", "names", "known"))
_SCALE = 1.0 / STEPS_PER_UNIT
_TRIGRAM_MASK = (1 << TRIGRAM_BITS) - 1
_KNOWN_WORD_MASK = (1 << KNOWN_WORD_BITS) - 1


def is_known(folded: str) -> bool:
    """Return whether a folded word is in the table of known words; for one unknown word in a few, by chance."""
    cell = crc32(folded.encode("utf-8", "surrogatepass")) & _KNOWN_WORD_MASK
    return bool(_KNOWN[cell >> 3] >> (cell & 7) & 1)


def bits_per_letter(folded: str) -> float:
    """Return the mean bits of the letters of a folded word and of its end, each after the two before it."""
    if folded.isascii():  # a letter is a byte: the word is encoded once
        padded = b"  %b " % folded.encode()
        cells = [crc32(padded[start : start + 3]) & _TRIGRAM_MASK for start in range(len(folded) + 1)]
    else:
        cells = columns(trigrams(folded), TRIGRAM_BITS)
    steps: int = sum([_TRIGRAMS[cell] for cell in cells])
    return steps * _SCALE / len(cells)


def _read(word: str) -> Letters:
    folded = fold(word)
    return bits_per_letter(folded), float(is_known(folded))


def _name_logit(word: str) -> float:
    steps = [_NAMES[column] for column in columns(name_ngrams(fold(word)), NAME_BITS)]
    return _mean_logit(sum(steps), len(steps))


def name_logits_of(words: Sequence[str]) -> list[float]:
    """Return the values of `name_logits` for many words, which takes a fifth of the time."""
    folded = list(map(fold, words))
    lengths = np.fromiter(map(len, folded), np.int64) + 2
    # A padded word that is no longer than an n-gram is among the n-grams already.
    longer = np.flatnonzero(lengths > _MAX_NAME_NGRAM)
    owners = [longer]
    cells = [np.array(columns([f" {folded[position]} " for position in longer.tolist()], NAME_BITS), dtype=np.int64)]
    for size in range(_MIN_NAME_NGRAM, _MAX_NAME_NGRAM + 1):
        words_of, hashes = hash_ngrams(folded, size)
        has_size = lengths[words_of] >= size
        owners.append(words_of[has_size])
        cells.append(hashes[has_size] & ((1 << NAME_BITS) - 1))
    all_owners = np.concatenate(owners)
    steps = np.bincount(all_owners, np.asarray(_NAMES)[np.concatenate(cells)], len(words))
    return list(map(_mean_logit, steps.tolist(), np.bincount(all_owners, minlength=len(words)).tolist()))


def _mean_logit(steps: float, count: int) -> float:
    logit: float = steps * _SCALE / count**0.5
    return logit


letters_of = WordCache(_read, _CACHE_WORDS)
"""`Letters` of a lower-case word."""
name_logits = WordCache(_name_logit, _CACHE_WORDS)
"""The logit of a name against another word for a lower-case word."""
