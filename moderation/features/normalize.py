"""Normalization of hostile text to one canonical form that can be mapped back to the original.

The steps, in order: entities, tags, WordPress's slashes, right-to-left overrides, invisible characters, stacked and
overlaid marks. Then boxed letters, NFKC, homoglyphs, white space and lower case. A step can uncover work for an earlier
one, as an entity may hide a tag. So the steps repeat until nothing changes, and normalization is idempotent.
"""

import html
import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import NamedTuple, Self

from moderation.domain.invisible import INVISIBLE
from moderation.features.homoglyphs import (
    MIXED_SCRIPT_WORD,
    is_latin,
    is_mostly_cyrillic,
    may_have_homoglyphs,
    replace_boxed_letters,
    to_latin,
    unify_script,
)

MAX_FIELD_LENGTH = 20_000
"""Code points that are read of one field. A longer one is read as its first 15,000 and its last 5,000."""

DIGITS = b"0123456789"
_MAX_PASSES = 6

Edit = tuple[int, int, int]
"""`(begin, end, length)`: `length` new characters replace `text[begin:end]`, and each originates in all of it."""

_AMPERSANDS = re.compile(r"&(?:(?:amp|AMP|#0*38|#[xX]0*26);)+")
_ENTITY = re.compile(r"&(?:#[0-9]{1,8}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_BLOCK_TAG = re.compile(r"</?(?:p|br|div|li|ul|ol|tr|td|h[1-6]|blockquote|pre|hr)\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[a-zA-Z/!?][^<>]*>|<a\s[^<>]*$", re.IGNORECASE)
_BBCODE = re.compile(r"\[/?(?:url|link|b|i|u|s|img|quote|code|color|size|email)(?:=[^\[\]]*)?\]", re.IGNORECASE)
_ESCAPING_SLASHES = re.compile(r"\\++(?=['\"])|\\+(?=\\)")
_SURROGATE = re.compile("[\ud800-\udfff]")
_REMOVED = re.compile(f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f{INVISIBLE}]+")
"""Control characters that are no white space, and invisible characters."""
_STACKED_MARKS = re.compile("[\u0300-\u036f\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]{3,}")
_OVERLAID_MARKS = re.compile("[\u0332-\u0338\u035c-\u0362\u0489\u20d0-\u20e2\u20e4-\u20f0](?<=[\\w\\s!-/:;?@].)")
"""Marks through, below and around letters and ASCII symbols. On other symbols they may change the meaning, as in ≠."""
_CLUSTER = re.compile("[^\x00-\x7f]+|[\x00-\x7f][\u0300-\u036f]+")
_OTHER_SPACE = re.compile(r"[^\S ]")
_SPACES = re.compile(" {2,}")
_SYNTAX = re.compile(r"[&<>\[\]\\]")
_NEEDS_CLEANING = re.compile("[^ !-%'-;=?-Z^-~\u00c0-\u00ff\u2013\u2014\u2018\u2019\u201c\u201d]")
"""A character that some step may change. A text without any, and without idle spaces, only needs lower case."""
_RTL_OVERRIDE = re.compile("\u202e([^\u202c\u202e\n]+)\u202c?")


class OffsetMap(NamedTuple):
    """Origins of the characters of a canonical text: code points `[start, end)` of the original, in ascending order."""

    starts: Sequence[int]
    ends: Sequence[int]

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """Return the span of the original that the non-empty `text[start:end]` came from."""
        return self.starts[start], self.ends[end - 1]

    def apply_edits(self, edits: Sequence[Edit]) -> "OffsetMap":
        """Return the map after edits of the text, which must be in reading order."""
        starts: list[int] = []
        ends: list[int] = []
        done = 0
        for begin, end, length in edits:
            starts += self.starts[done:begin]
            ends += self.ends[done:begin]
            starts += [self.starts[begin]] * length
            ends += [self.ends[end - 1]] * length
            done = end
        return OffsetMap([*starts, *self.starts[done:]], [*ends, *self.ends[done:]])


class NormalizedText(NamedTuple):
    """A canonical text and the edits that led to it.

    `text` is the lower case of `cased`; both have the same length. `edit_passes` are the edits of each step on an
    original of `length` code points.
    """

    text: str
    cased: str
    length: int
    edit_passes: Sequence[Sequence[Edit]]

    def offset_map(self) -> OffsetMap:
        """Return the origins of all characters. They are computed only for display of the original."""
        offset_map = OffsetMap(range(self.length), range(1, self.length + 1))
        for edits in self.edit_passes:
            offset_map = offset_map.apply_edits(edits)
        return offset_map


class TrackedText:
    """A text that records the edits made to it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._original_length = len(text)
        self._edit_passes: list[Sequence[Edit]] = []

    @classmethod
    def from_normalized(cls, normalized: NormalizedText) -> Self:
        """Return a tracked text that continues from a canonical one. Origins still point into the original."""
        tracked = cls(normalized.text)
        tracked._original_length, tracked._edit_passes = normalized.length, [*normalized.edit_passes]
        return tracked

    def replace(self, pattern: re.Pattern[str], replacement: str | Callable[[re.Match[str]], str]) -> None:
        """Replace all matches. A replacement of another length originates in the whole match, else letter by letter."""
        text = self.text
        texts: list[str] = []
        edits: list[Edit] = []
        done = 0
        for match in pattern.finditer(text):
            new = replacement if isinstance(replacement, str) else replacement(match)
            begin, end = match.span()
            texts += (text[done:begin], new)
            done = end
            if len(new) != end - begin:
                edits.append((begin, end, len(new)))
        if texts:
            self.text = "".join(texts) + text[done:]
            self._record_edits(edits)

    def reverse(self, pattern: re.Pattern[str]) -> None:
        """Reverse the first group of each match. Each of its characters then originates in the whole group."""
        letters = list(self.text)
        spans = [match.span(1) for match in pattern.finditer(self.text)]
        for begin, end in spans:
            letters[begin:end] = letters[begin:end][::-1]
        self.text = "".join(letters)
        self._record_edits([(begin, end, end - begin) for begin, end in spans])

    def crop(self, begin: int, end: int) -> None:
        """Remove all but `text[begin:end]`."""
        if end < len(self.text):
            self._record_edits([(end, len(self.text), 0)])
        if begin:
            self._record_edits([(0, begin, 0)])
        self.text = self.text[begin:end]

    def to_normalized(self) -> NormalizedText:
        """Return the current text as a canonical one."""
        return NormalizedText(self.text.lower(), self.text, self._original_length, self._edit_passes)

    def _record_edits(self, edits: Sequence[Edit]) -> None:
        if edits:
            self._edit_passes.append(edits)


def normalize(text: str) -> NormalizedText:
    """Return the canonical form of any string, lone surrogates and NULs included."""
    tracked = TrackedText(text)
    if len(text) > MAX_FIELD_LENGTH:
        _drop_middle(tracked)
    for _ in range(_MAX_PASSES):
        before = tracked.text
        if _is_normalized(before):
            break
        _clean(tracked)
        if tracked.text == before:
            break
    else:
        tracked.replace(_SYNTAX, " ")
        _clean_until_stable(tracked)
    return tracked.to_normalized()


def normalized(text: str) -> str:
    """Return the canonical text alone."""
    return normalize(text).text


def count_ascii(characters: bytes, text: str) -> int:
    """Return how many characters of the text are among `characters`, which must be ASCII."""
    encoded = text.encode("utf-8", "surrogatepass")
    return len(encoded) - len(encoded.translate(None, characters))


def _is_normalized(text: str) -> bool:
    return not _NEEDS_CLEANING.search(text) and "  " not in text and text == text.strip()


def _drop_middle(tracked: TrackedText) -> None:
    head = MAX_FIELD_LENGTH * 3 // 4
    middle = re.compile(f"(?s)(?<=^.{{{head}}}).{{{len(tracked.text) - MAX_FIELD_LENGTH}}}")
    tracked.replace(middle, "")


def _clean_until_stable(tracked: TrackedText) -> None:
    """Clean until nothing changes. Without syntax characters a pass can only shorten or compose, so this ends."""
    before = ""
    while tracked.text != before:
        before = tracked.text
        _clean(tracked)
        tracked.replace(_SYNTAX, " ")


def _clean(tracked: TrackedText) -> None:
    text = tracked.text
    if "&" in text:
        tracked.replace(_AMPERSANDS, "&")
        tracked.replace(_ENTITY, _decode_entity)
    if "<" in text:
        tracked.replace(_BLOCK_TAG, "\n")
        tracked.replace(_TAG, "")
    if "[" in text:
        tracked.replace(_BBCODE, "")
    if "\\" in text:
        tracked.replace(_ESCAPING_SLASHES, "")
    if not text.isascii():
        _clean_unicode(tracked)
    elif not text.isprintable():
        _clean_ascii(tracked)
    if not tracked.text.isprintable():
        tracked.text = _OTHER_SPACE.sub(" ", tracked.text)
    if "  " in tracked.text:
        tracked.replace(_SPACES, " ")
    begin = len(tracked.text) - len(tracked.text.lstrip())
    tracked.crop(begin, max(begin, len(tracked.text.rstrip())))


def _clean_ascii(tracked: TrackedText) -> None:
    """Clean a text that was ASCII before its entities were decoded. Hardly any has more than line breaks and tabs."""
    tracked.text = tracked.text.replace("\n", " ").replace("\r", " ").replace("\t", " ")
    if not (tracked.text.isascii() and tracked.text.isprintable()):
        tracked.replace(_REMOVED, "")


def _clean_unicode(tracked: TrackedText) -> None:
    tracked.replace(_SURROGATE, "\ufffd")
    if "\u202e" in tracked.text:
        tracked.reverse(_RTL_OVERRIDE)
    tracked.replace(_REMOVED, "")
    tracked.replace(_STACKED_MARKS, "")
    tracked.replace(_OVERLAID_MARKS, "")
    tracked.text = replace_boxed_letters(tracked.text)
    if not unicodedata.is_normalized("NFKC", tracked.text):
        tracked.replace(_CLUSTER, _compose)
    if "İ" in tracked.text:  # the one letter whose lower case is longer than itself
        tracked.replace(re.compile("İ"), "I")
    if not unicodedata.is_normalized("NFKC", tracked.text.lower()):
        # A lower-case letter may compose with a mark that its capital cannot.
        tracked.replace(_CLUSTER, lambda cluster: _compose_lowercase(cluster[0]))
    if may_have_homoglyphs(tracked.text):
        _replace_homoglyphs(tracked)


def _replace_homoglyphs(tracked: TrackedText) -> None:
    """Replace all homoglyphs of a Latin text, and in other texts those in words that mix scripts."""
    if is_latin(tracked.text):
        tracked.text = to_latin(tracked.text)
    else:
        mostly_cyrillic = is_mostly_cyrillic(tracked.text)
        tracked.replace(MIXED_SCRIPT_WORD, lambda word: unify_script(word[0], mostly_cyrillic))


def _decode_entity(match: re.Match[str]) -> str:
    """Return the character of an entity. Names are tried in lower case too, since the text becomes lower case later."""
    decoded = html.unescape(match[0])
    return decoded if decoded != match[0] else html.unescape(match[0].lower())


def _compose(cluster: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", cluster[0])


def _compose_lowercase(cluster: str) -> str:
    """Return the cluster in lower case if that composes further, else unchanged."""
    composed = unicodedata.normalize("NFKC", cluster.lower())
    return cluster if composed == cluster.lower() else composed
