"""Brings hostile text into one canonical form, and remembers where every character came from.

The order of the steps: entities, tags, WordPress's slashes, letters written backwards, invisible characters, stacked
marks and marks through letters, letters in boxes, NFKC, letters that look like those of another alphabet, white space,
lower case. One step can uncover work for another (an entity that hides a tag), so the steps repeat until nothing
changes; normalising twice is once.
"""

import html
import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import NamedTuple, Self

from moderation.features.alphabets import (
    MIXED_WORD,
    in_latin,
    in_one_alphabet,
    is_doubtful,
    is_latin,
    is_mostly_cyrillic,
    unboxed,
)

MAX_LENGTH = 20_000
"""Code points read of one field; of a longer one the first three quarters and the last quarter."""

_ROUNDS = 6

_AMPERSANDS = re.compile(r"&(?:(?:amp|AMP|#0*38|#[xX]0*26);)+")
_ENTITY = re.compile(r"&(?:#[0-9]{1,8}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_BLOCK_TAG = re.compile(r"</?(?:p|br|div|li|ul|ol|tr|td|h[1-6]|blockquote|pre|hr)\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[a-zA-Z/!?][^<>]*>|<a\s[^<>]*$", re.IGNORECASE)
_BBCODE = re.compile(r"\[/?(?:url|link|b|i|u|s|img|quote|code|color|size|email)(?:=[^\[\]]*)?\]", re.IGNORECASE)
_SLASHES = re.compile(r"\\++(?=['\"])|\\+(?=\\)")
_SURROGATE = re.compile("[\ud800-\udfff]")
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U000e0000-\U000e0fff]+"
)
_STACKED_MARKS = re.compile("[\u0300-\u036f\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]{3,}")
_OVERLAID_MARKS = re.compile("[\u0332-\u0338\u035c-\u0362\u0489\u20d0-\u20e2\u20e4-\u20f0](?<=[\\w\\s!-/:;?@].)")
"""Lines through letters, below them and around them; a symbol may be another with a line through it."""
_CLUSTER = re.compile("[^\x00-\x7f]+|[\x00-\x7f][\u0300-\u036f]+")
_OTHER_SPACE = re.compile(r"[^\S ]")
_SPACES = re.compile(" {2,}")
_SYNTAX = re.compile(r"[&<>\[\]\\]")
_UNSETTLED = re.compile("[^ !-%'-;=?-Z^-~\u00c0-\u00ff\u2013\u2014\u2018\u2019\u201c\u201d]")
"""What some step might change; a text without it, and without idle spaces, is canonical but for its capitals."""

_BACKWARDS = re.compile("\u202e([^\u202c\u202e\n]+)\u202c?")


Edit = tuple[int, int, int]
"""`(begin, end, length)`: so many new characters for `text[begin:end]`, each of which owns all of it."""


class Origins(NamedTuple):
    """Where each character of a canonical text came from: code points `[start, end)`; neither ever falls."""

    starts: Sequence[int]
    ends: Sequence[int]

    def stretch(self, start: int, end: int) -> tuple[int, int]:
        """The stretch of the original behind the non-empty stretch `text[start:end]`."""
        return self.starts[start], self.ends[end - 1]

    def after(self, edits: Sequence[Edit]) -> "Origins":
        """The origins once the text was rewritten so, its edits in reading order."""
        starts: list[int] = []
        ends: list[int] = []
        done = 0
        for begin, end, length in edits:
            starts += self.starts[done:begin]
            ends += self.ends[done:begin]
            starts += [self.starts[begin]] * length
            ends += [self.ends[end - 1]] * length
            done = end
        return Origins([*starts, *self.starts[done:]], [*ends, *self.ends[done:]])


class Canonical(NamedTuple):
    """A canonical text and its way back.

    `text` is lower case, `cased` the same text before that; both have the same length.
    `rounds` are the edits that made it from an original of `length` code points, one rewriting after the other.
    """

    text: str
    cased: str
    length: int
    rounds: Sequence[Sequence[Edit]]

    def origins(self) -> Origins:
        """Works out where its characters came from, which only whoever shows the original needs to know."""
        origins = Origins(range(self.length), range(1, self.length + 1))
        for edits in self.rounds:
            origins = origins.after(edits)
        return origins


class Draft:
    """A text under rewriting that notes what was rewritten."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._length = len(text)
        self._rounds: list[Sequence[Edit]] = []

    @classmethod
    def of(cls, canonical: Canonical) -> Self:
        """Goes on from a canonical text; origins still point into the original."""
        draft = cls(canonical.text)
        draft._length, draft._rounds = canonical.length, [*canonical.rounds]
        return draft

    def replace(self, pattern: re.Pattern[str], replacement: str | Callable[[re.Match[str]], str]) -> None:
        """`pattern.sub`; what replaces several characters owns them all, unless there are as many."""
        texts: list[str] = []
        edits: list[Edit] = []
        done = 0
        for match in pattern.finditer(self.text):
            put = replacement if isinstance(replacement, str) else replacement(match)
            begin, end = match.span()
            texts += (self.text[done:begin], put)
            done = end
            if len(put) != end - begin:
                edits.append((begin, end, len(put)))
        if texts:
            self.text = "".join(texts) + self.text[done:]
        self._note(edits)

    def reverse(self, pattern: re.Pattern[str]) -> None:
        """Turns the first group of each match around; every character of it then owns the whole of it."""
        letters = list(self.text)
        spans = [match.span(1) for match in pattern.finditer(self.text)]
        for begin, end in spans:
            letters[begin:end] = letters[begin:end][::-1]
        self.text = "".join(letters)
        self._note([(begin, end, end - begin) for begin, end in spans])

    def cut(self, begin: int, end: int) -> None:
        """Keeps `text[begin:end]` only."""
        if end < len(self.text):
            self._note([(end, len(self.text), 0)])
        if begin:
            self._note([(0, begin, 0)])
        self.text = self.text[begin:end]

    def done(self) -> Canonical:
        """The text as it now stands, taken for canonical."""
        return Canonical(self.text.lower(), self.text, self._length, self._rounds)

    def _note(self, edits: Sequence[Edit]) -> None:
        if edits:
            self._rounds.append(edits)


def canonicalize(text: str) -> Canonical:
    """The canonical form of any string, lone surrogates and NULs included."""
    draft = Draft(text)
    if len(text) > MAX_LENGTH:
        _shorten(draft)
    for _ in range(_ROUNDS):
        before = draft.text
        if _is_settled(before):
            break
        _clean(draft)
        if draft.text == before:
            break
    else:
        draft.replace(_SYNTAX, " ")
        _settle(draft)
    return draft.done()


def canonical_text(text: str) -> str:
    """`canonicalize(text).text`."""
    return canonicalize(text).text


def _is_settled(text: str) -> bool:
    return not _UNSETTLED.search(text) and "  " not in text and text == text.strip()


def _shorten(draft: Draft) -> None:
    head = MAX_LENGTH * 3 // 4
    middle = re.compile(f"(?s)(?<=^.{{{head}}}).{{{len(draft.text) - MAX_LENGTH}}}")
    draft.replace(middle, "")


def _settle(draft: Draft) -> None:
    """Cleans on until stable; without syntax characters each round can only shorten or compose."""
    before = ""
    while draft.text != before:
        before = draft.text
        _clean(draft)
        draft.replace(_SYNTAX, " ")


def _clean(draft: Draft) -> None:
    text = draft.text
    if "&" in text:
        draft.replace(_AMPERSANDS, "&")
        draft.replace(_ENTITY, _decode_entity)
    if "<" in text:
        draft.replace(_BLOCK_TAG, "\n")
        draft.replace(_TAG, "")
    if "[" in text:
        draft.replace(_BBCODE, "")
    if "\\" in text:
        draft.replace(_SLASHES, "")
    if not text.isascii():
        _clean_unicode(draft)
    elif not text.isprintable():
        draft.replace(_INVISIBLE, "")
    draft.text = _OTHER_SPACE.sub(" ", draft.text)
    draft.replace(_SPACES, " ")
    begin = len(draft.text) - len(draft.text.lstrip())
    draft.cut(begin, max(begin, len(draft.text.rstrip())))


def _clean_unicode(draft: Draft) -> None:
    draft.replace(_SURROGATE, "\ufffd")
    if "\u202e" in draft.text:
        draft.reverse(_BACKWARDS)
    draft.replace(_INVISIBLE, "")
    draft.replace(_STACKED_MARKS, "")
    draft.replace(_OVERLAID_MARKS, "")
    draft.text = unboxed(draft.text)
    if not unicodedata.is_normalized("NFKC", draft.text):
        draft.replace(_CLUSTER, _compose)
    if "İ" in draft.text:  # the one letter whose lower case is longer than itself
        draft.replace(re.compile("İ"), "I")
    if not unicodedata.is_normalized("NFKC", draft.text.lower()):
        # A small letter may take marks in that a capital cannot.
        draft.replace(_CLUSTER, lambda cluster: _compose_small(cluster[0]))
    if is_doubtful(draft.text):
        _unmask(draft)


def _unmask(draft: Draft) -> None:
    """Look-alikes of Latin letters in a text that has no others; elsewhere those in words that mix alphabets."""
    if is_latin(draft.text):
        draft.text = in_latin(draft.text)
    else:
        mostly_cyrillic = is_mostly_cyrillic(draft.text)
        draft.replace(MIXED_WORD, lambda word: in_one_alphabet(word[0], mostly_cyrillic))


def _decode_entity(match: re.Match[str]) -> str:
    """What it stands for; one that has a name only in small letters counts, since these come last."""
    decoded = html.unescape(match[0])
    return decoded if decoded != match[0] else html.unescape(match[0].lower())


def _compose(cluster: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", cluster[0])


def _compose_small(cluster: str) -> str:
    """The cluster in small letters where these compose further, else as it is."""
    small = unicodedata.normalize("NFKC", cluster.lower())
    return cluster if small == cluster.lower() else small
