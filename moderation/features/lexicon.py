"""Word lists under `data/`, and the topics that the words of a text belong to.

A list is a text file with one entry a line; a line that begins with `#` is a comment. An entry of a topic is a word or
a phrase of canonical text. A trailing `*` makes its last word a stem: any word that begins with it matches.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

from moderation.features.word_cache import WordCache

COMMERCIAL_TOPICS = ("goods", "pills", "gambling", "finance", "services", "adult", "bargain")
TOPICS = (*COMMERCIAL_TOPICS, "call_to_action", "praise", "spinning", "conversation", "technical")

_STEM_PREFIX_LENGTH = 3
_MIN_SALES_PREFIX_LENGTH = 5
"""Shorter sales terms begin too many other words, as `seo` begins `seoul`."""
_SALES_ENDING_LENGTH = 3
"""Length of the shortest sales term."""
_TOPIC_CACHE_WORDS = 1 << 14
_NON_LETTERS = re.compile(r"[^a-z]+")

_Phrases = list[tuple[list[str], str]]
"""The words before the last, and the topic."""
_Stems = tuple[tuple[str, ...], list[tuple[str, list[str], str]]]
"""Stems with the same first letters; and each stem, the words before it, and the topic."""
_WordTopics = tuple[Sequence[str], Mapping[str, _Phrases]]
"""The topics of a word alone, and the phrases that end in it by the word before."""


def word_list(name: str) -> tuple[str, ...]:
    """Return the entries of `data/NAME.txt` in the order of the file. Raises `FileNotFoundError`."""
    lines = files("moderation.features").joinpath("data", f"{name}.txt").read_text("utf-8").splitlines()
    return tuple(line for line in lines if line and not line.startswith("#"))


_SALES_TERMS = word_list("sales_terms")
_SALES_PREFIXES = tuple(term for term in _SALES_TERMS if len(term) >= _MIN_SALES_PREFIX_LENGTH)
_FIRST_LETTERS = frozenset(term[:_MIN_SALES_PREFIX_LENGTH] for term in _SALES_PREFIXES)
_LAST_LETTERS = frozenset(term[-_SALES_ENDING_LENGTH:] for term in _SALES_TERMS)


def has_sales_term(address: str) -> bool:
    """Return whether a run of letters in a lower-case address begins or ends with a sales term.

    `bestpaydayloans` ends with one.
    """
    return any(map(_is_sales_part, _NON_LETTERS.split(address)))


def _is_sales_part(part: str) -> bool:
    # A part is compared with all terms only if one of them begins or ends alike.
    return (part[-_SALES_ENDING_LENGTH:] in _LAST_LETTERS and part.endswith(_SALES_TERMS)) or (
        part[:_MIN_SALES_PREFIX_LENGTH] in _FIRST_LETTERS and part.startswith(_SALES_PREFIXES)
    )


def count_topics(words: Sequence[str]) -> Mapping[str, int]:
    """Return how many entries of each topic occur in lower-case words. Topics without a hit are left out."""
    hits: list[str] = []
    listed = [(index, entries) for index, entries in enumerate(map(_topics.__getitem__, words)) if entries]
    for index, (topics, phrases) in listed:
        hits += topics
        if phrases and words[index - 1] in phrases:
            candidates = phrases[words[index - 1]]
            hits += [topic for before, topic in candidates if words[max(0, index - len(before)) : index] == before]
    counts: dict[str, int] = {}
    for topic in hits:
        counts[topic] = counts.get(topic, 0) + 1
    return counts


def _word_topics(word: str) -> _WordTopics | None:
    """Return the topics and phrases of a word, `None` for an unlisted one."""
    whole_words, stems = _parse_topics()
    entries = whole_words.get(word, [])
    if word[:_STEM_PREFIX_LENGTH] in stems:
        alike, candidates = stems[word[:_STEM_PREFIX_LENGTH]]
        # One call for all stems: hardly any word begins with one of them.
        if word.startswith(alike):
            entries = entries + [(before, topic) for stem, before, topic in candidates if word.startswith(stem)]
    if not entries:
        return None
    phrases: defaultdict[str, _Phrases] = defaultdict(list)
    for before, topic in entries:
        if before:
            phrases[before[-1]].append((before, topic))
    topics = dict.fromkeys(topic for before, topic in entries if not before)
    return tuple(topics), dict(phrases)


_topics = WordCache(_word_topics, _TOPIC_CACHE_WORDS)


@cache
def _parse_topics() -> tuple[dict[str, _Phrases], dict[str, _Stems]]:
    """Return all topic entries by their last word, and the stems by their first letters."""
    whole_words: defaultdict[str, _Phrases] = defaultdict(list)
    stems: defaultdict[str, list[tuple[str, list[str], str]]] = defaultdict(list)
    for topic in TOPICS:
        for entry in word_list(f"topic_{topic}"):
            *before, last = entry.removesuffix("*").split(" ")
            if entry.endswith("*"):
                stems[last[:_STEM_PREFIX_LENGTH]].append((last, before, topic))
            else:
                whole_words[last].append((before, topic))
    return dict(whole_words), {
        prefix: (tuple(stem for stem, _, _ in entries), entries) for prefix, entries in stems.items()
    }
