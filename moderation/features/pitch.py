"""Letters to the owner of a site: how much of a sales pitch they are, and how much of an inquiry.

A pitch has an offer, and the gestures of a stranger who sells: it speaks of the reader's business, names a sum, and
asks for a call. An inquiry may be about the same goods, but its writer asks for them. No corpus has contact forms, so
the phrases are listed by hand in `data/`.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from moderation.features.lexicon import word_list
from moderation.features.ngrams import tokenize
from moderation.features.normalize import normalized
from moderation.features.parsed_comment import ParsedComment

_MAX_WORDS = 1_000
_MAX_TEXT_LENGTH = 10_000
_MAX_HITS = 2
"""Further phrases of a list add nothing."""
_FULL_PITCH = 3
_FIRST_UNSPACED = "\u2e80"
"""Chinese, Japanese and Korean characters and all after them: words without spaces between."""
_SUM = re.compile(r"[$€£¥₽]\s?\d|\d\s?(?:[%$€£₽元]|(?:euros?|eur|usd|dollars?|zł|tl|lira)\b|руб)|\br\$")
_CHANNEL = re.compile(r"@|\+?\d[\d ()-]{7,}\d|whatsapp|telegram|wechat|微信|skype|\bqq\b")


class LetterStrengths(NamedTuple):
    """How much of a `pitch` and of an `inquiry` a letter is, 0 to 1 each."""

    pitch: float
    inquiry: float


def letter_strengths(parsed: ParsedComment) -> LetterStrengths:
    """Return the strengths. Three offers and gestures are a full pitch, two phrases of an inquirer leave none."""
    words = parsed.words[:_MAX_WORDS]
    text = f" {' '.join(words)} "
    inquiry = _count_hits(text, _INQUIRIES) / _MAX_HITS
    found = _count_hits(text, _OFFERS) + _count_hits(text, _GESTURES) + _count_marks(parsed, words)
    return LetterStrengths(min(1.0, found / _FULL_PITCH) * (1 - inquiry), inquiry)


def _count_marks(parsed: ParsedComment, words: Iterable[str]) -> int:
    """Return how many gestures a letter has that need no phrase: a sum, a link, a channel, and the reader's things."""
    text = parsed.normalized.text[:_MAX_TEXT_LENGTH]
    return sum(
        map(bool, (_SUM.search(text), _CHANNEL.search(text), parsed.external_links, not _YOURS.isdisjoint(words)))
    )


def _count_hits(text: str, phrases: Iterable[str]) -> int:
    """Return how many phrases occur, up to `_MAX_HITS`."""
    hits = 0
    for phrase in phrases:
        hits += phrase in text
        if hits == _MAX_HITS:
            break
    return hits


def _phrases(name: str) -> Sequence[str]:
    """Return the entries of a list as they stand between the words of a text."""
    return tuple(dict.fromkeys(map(_delimited, word_list(name))))


def _delimited(entry: str) -> str:
    phrase = " ".join(tokenize(normalized(entry.removesuffix("*"))))
    if phrase[0] >= _FIRST_UNSPACED:
        return phrase
    return f" {phrase}" if entry.endswith("*") else f" {phrase} "


_OFFERS = _phrases("pitch_offers")
_GESTURES = _phrases("pitch_gestures")
_INQUIRIES = _phrases("inquiry_phrases")
_YOURS = frozenset(map(normalized, word_list("second_person_words")))
