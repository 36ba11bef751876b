"""Passages of a long text, so that nothing before or after an advertisement can hide it.

A text is cut into blocks at the ends of paragraphs, sentences or words. Two adjacent blocks are a passage. Passages
overlap, so a bound between two blocks does not divide an advertisement that crosses it.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

MIN_TEXT_LENGTH = 2_000
"""Code points from which a text has passages. Of the ham that the default model is trained on, 1 % is longer."""
MAX_PASSAGES = 120
"""Passages that are read of one text. Of a longer one, those with an address or a number come first."""

_BLOCK_LENGTH = 300
_MIN_BLOCK_LENGTH = 90
_BOUNDS = (
    re.compile(r"\n\s*\n|</p>|<br\s?/?>\s*<br\s?/?>", re.IGNORECASE),
    re.compile(r"\n|<br\s?/?>", re.IGNORECASE),
    re.compile(r"[.!?…](?=\s)|[。！？]"),
    re.compile(r"\s"),
)
"""Where to cut, the best bound first."""
_LOAD = re.compile(r"http|www\.|href|@|\[url|\d{4}", re.IGNORECASE)


def passages(text: str) -> Sequence[tuple[int, int]]:
    """Return start and end of each passage of a text in reading order, none for a text that is not long."""
    if len(text) <= MIN_TEXT_LENGTH:
        return ()
    blocks = list(_blocks(text))
    pairs = [(first[0], second[1]) for first, second in pairwise(blocks)]
    if len(pairs) <= MAX_PASSAGES:
        return pairs
    quarter = MAX_PASSAGES // 4
    loaded = [span for span in pairs if _LOAD.search(text, *span)]
    chosen = {*loaded[:quarter], *loaded[-quarter:]}
    rest = (MAX_PASSAGES - len(chosen)) // 2
    return sorted({*chosen, *pairs[:rest], *pairs[-rest:]})


def _blocks(text: str) -> Iterator[tuple[int, int]]:
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
