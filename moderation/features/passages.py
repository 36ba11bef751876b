"""Passages of a long text, so that nothing before or after an advertisement can hide it.

A text is cut into blocks at the ends of paragraphs, sentences or words. Two adjacent blocks are a passage. Passages
overlap, so a bound between two blocks does not divide an advertisement that crosses it. A model that knows the words of
all passages chooses a few by `choose_passages`, and only these are parsed.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from moderation.features.ngrams import WORDS, Field, tokenize
from moderation.features.normalize import normalize
from moderation.features.parsed_comment import ParsedComment, body_of

MIN_TEXT_LENGTH = 2_000
"""Code points from which a text has passages. Of the ham that the default model is trained on, 1 % is longer."""
MAX_PASSAGES = 120
"""Passages whose words are read of one text. Of a longer one, those with an address or a number come first."""
MAX_PARSED_PASSAGES = 3

_BLOCK_LENGTH = 300
_MIN_BLOCK_LENGTH = 90
_BOUNDS = (
    re.compile(r"\n\s*\n|</p>|<br\s?/?>\s*<br\s?/?>", re.IGNORECASE),
    re.compile(r"\n|<br\s?/?>", re.IGNORECASE),
    re.compile(r"[.!?…](?=\s)|[。！？]"),
    re.compile(r"\s"),
)
"""Where to cut, the best bound first."""
_LOAD = re.compile(r"http|www\.|href|@|\[url|\.(?:com|net|org|info|ru)\b|\d{4}", re.IGNORECASE)


_Span = tuple[int, int]
_Pair = tuple[_Span, _Span]
"""Two adjacent blocks."""


class Passage(NamedTuple):
    """One passage: `start` and `end` in the text as sent, its words, and whether it has an address or a number."""

    start: int
    end: int
    words: Field
    has_load: bool


def find_passages(parsed: ParsedComment) -> list[Passage]:
    """Return the passages of a comment in reading order, none for a text that is not long."""
    text = parsed.comment.text
    if len(text) <= MIN_TEXT_LENGTH:
        return []
    words_of: dict[tuple[int, int], list[str]] = {}
    passages = []
    for pair in _select(text, list(pairwise(_blocks(text)))):
        for start, end in pair:
            if (start, end) not in words_of:
                words_of[start, end] = tokenize(body_of(normalize(text[start:end]), parsed.page_link).text)
        (start, middle), (_, end) = pair
        words = words_of[start, middle] + words_of[middle, end]
        passages.append(Passage(start, end, Field(words, WORDS), bool(_LOAD.search(text, start, end))))
    return passages


def choose_passages(strengths: Sequence[float], loads: Sequence[bool]) -> list[int]:
    """Return the positions of the passages to parse, `MAX_PARSED_PASSAGES` at most.

    An advertisement shows in its words, or in the address or the number that it leads to. So the choice is the two
    passages with the strongest words, and of the others the strongest with an address or a number.

    Parameters
    ----------
    strengths : sequence of float
        The contribution of each passage's words to the logit.
    loads : sequence of bool
        Whether each passage has an address or a number.
    """
    order = sorted(range(len(strengths)), key=strengths.__getitem__, reverse=True)
    first, others = order[: MAX_PARSED_PASSAGES - 1], order[MAX_PARSED_PASSAGES - 1 :]
    return first + [position for position in others if loads[position]][:1]


def _select(text: str, pairs: Sequence[_Pair]) -> Sequence[_Pair]:
    """Return at most `MAX_PASSAGES` pairs of blocks in reading order: with a load first, then at both ends."""
    if len(pairs) <= MAX_PASSAGES:
        return pairs
    quarter = MAX_PASSAGES // 4
    loaded = [pair for pair in pairs if _LOAD.search(text, pair[0][0], pair[1][1])]
    chosen = {*loaded[:quarter], *loaded[-quarter:]}
    rest = (MAX_PASSAGES - len(chosen)) // 2
    return sorted({*chosen, *pairs[:rest], *pairs[-rest:]})


def _blocks(text: str) -> Iterator[_Span]:
    """Yield consecutive spans of at most `_BLOCK_LENGTH` code points that cover the text."""
    start = 0
    while len(text) - start > _BLOCK_LENGTH:
        end = _last_bound(text, start + _MIN_BLOCK_LENGTH, start + _BLOCK_LENGTH)
        yield start, end
        start = end
    yield start, len(text)


def _last_bound(text: str, begin: int, end: int) -> int:
    """Return the last end of a paragraph, else of a line, a sentence or a word, between two offsets."""
    for bound in _BOUNDS:
        ends = [match.end() for match in bound.finditer(text, begin, end)]
        if ends:
            return ends[-1]
    return end
