"""Compute the tables of `moderation.features.character_model`: `python -m benchmarks.character_model`.

Words are those of the package wordfreq, names those of the package Faker (the extra `tables`). No comment is read: a
comment that measures a model has not shaped the features of that model.
"""

import importlib
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import chain
from math import log2

import numpy as np
from faker.config import AVAILABLE_LOCALES
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from wordfreq import available_languages, top_n_list

from moderation.features.character_model import (
    KNOWN_WORD_BITS,
    NAME_BITS,
    STEPS_PER_UNIT,
    TABLES_FILE,
    TRIGRAM_BITS,
    UNSEEN_BITS,
    columns,
    fold,
    name_ngrams,
    trigrams,
)
from moderation.features.lexicon import word_list

WORDS_PER_LANGUAGE = 20_000
KNOWN_WORDS_PER_LANGUAGE = 6_000
KNOWN_ENGLISH_WORDS = 18_000
"""Comments in all languages have English words."""
MIN_TRIGRAM_COUNT = 3
BACKOFF_COUNT = 5.0
INVERSE_PENALTY = 1.0


def main() -> None:
    """Write the tables."""
    words = {language: _words(language) for language in sorted(available_languages())}
    names = _names()
    others = sorted({word for entries in words.values() for word in entries if word[0] != "0"} - names)
    every_word = [word for entries in words.values() for word in entries]
    np.savez_compressed(
        str(TABLES_FILE),
        trigrams=_trigram_table([*every_word, *sorted(names)]),
        names=_name_table([*sorted(names), *others], len(names)),
        known=_known_words(words),
    )


def _words(language: str) -> list[str]:
    """Return the folded words of a language, the most frequent first."""
    return [folded for word in top_n_list(language, WORDS_PER_LANGUAGE) if (folded := fold(word.lower()))]


def _names() -> set[str]:
    """Return the folded given names and surnames of all locales."""
    return {
        folded
        for locale in sorted(AVAILABLE_LOCALES)
        for name in _locale_names(locale)
        for part in name.replace("-", " ").split()
        if len(part) > 1 and part.replace("'", "").isalpha() and (folded := fold(part.lower()))
    }


def _locale_names(locale: str) -> Iterator[str]:
    try:
        provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
    except ImportError:  # a locale without names of people
        return
    for attribute in dir(provider):
        value = getattr(provider, attribute)
        if "name" in attribute and "language" not in attribute and isinstance(value, tuple | list | dict):
            for entry in value:
                yield from entry if isinstance(entry, tuple) else (str(entry),)


def _trigram_table(words: Sequence[str]) -> NDArray[np.int8]:
    """Return the bits of each trigram's last character after the two before it, backed off to the one before."""
    counts = Counter(trigram for word in words for trigram in trigrams(word))
    pairs: Counter[str] = Counter()
    ends: Counter[str] = Counter()
    middles: Counter[str] = Counter()
    for trigram, count in counts.items():
        pairs[trigram[:2]] += count
        ends[trigram[1:]] += count
        middles[trigram[1]] += count
    table = np.full(1 << TRIGRAM_BITS, UNSEEN_BITS)
    for trigram, count in sorted(counts.items(), key=lambda item: item[1]):
        if count >= MIN_TRIGRAM_COUNT:
            backoff = BACKOFF_COUNT * ends[trigram[1:]] / middles[trigram[1]]
            bits = -log2((count + backoff) / (pairs[trigram[:2]] + BACKOFF_COUNT))
            table[columns([trigram], TRIGRAM_BITS)] = min(bits, UNSEEN_BITS)
    return _quantized(table)


def _name_table(words: Sequence[str], names: int) -> NDArray[np.int8]:
    """Return the weights of a logistic regression of names, the first `names` words, against other words."""
    ngrams = [name_ngrams(word) for word in words]
    lengths = np.array([len(entry) for entry in ngrams])
    cells = columns(chain.from_iterable(ngrams), NAME_BITS)
    values = np.repeat(lengths**-0.5, lengths)
    rows = csr_matrix((values, cells, np.append(0, np.cumsum(lengths))), shape=(len(words), 1 << NAME_BITS))
    model = LogisticRegression(C=INVERSE_PENALTY, class_weight="balanced", solver="liblinear", fit_intercept=False)
    return _quantized(model.fit(rows, np.arange(len(words)) < names).coef_[0])


def _known_words(words: dict[str, list[str]]) -> NDArray[np.uint8]:
    """Return one bit for each hash of a frequent word of a language or a short reply."""
    known = np.zeros(1 << KNOWN_WORD_BITS, dtype=np.uint8)
    lists: list[Collection[str]] = [
        entries[: KNOWN_ENGLISH_WORDS if language == "en" else KNOWN_WORDS_PER_LANGUAGE]
        for language, entries in words.items()
    ]
    for entries in [*lists, list(map(fold, word_list("short_replies")))]:
        known[columns(entries, KNOWN_WORD_BITS)] = 1
    return np.packbits(known, bitorder="little")


def _quantized(values: NDArray[np.float64]) -> NDArray[np.int8]:
    return np.clip(np.round(values * STEPS_PER_UNIT), -127, 127).astype(np.int8)


if __name__ == "__main__":
    main()
