"""The texts of a comment that the second reader sees: its author, its canonical text and its links.

The page's title is left out. With it, a reader was worse on sites that it had not seen (docs/reader.md).
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from moderation.features.links import Link
from moderation.features.ngrams import URL_TOKEN
from moderation.features.parsed_comment import ParsedComment

_UNKNOWN, _EMPTY = "?", "-"
"""Stand for a field that the site does not collect, and for one that the author left empty."""
_LINK_WORD = "link"
"""Replaces an address in the text. Its words follow at the end."""
_SEPARATOR = " ; "
_WORD = re.compile(r"[^\W_]+")
_MAX_NAME_LENGTH = 100
_MAX_URL_LENGTH = 200
_MAX_LINKS = 8
_MAX_LINK_LENGTH = 100
_FRONT_LENGTH, _END_LENGTH = 800, 400
"""Letters of a long text that are read, from its front and its end."""


class ReaderInput(NamedTuple):
    """Three texts of one comment. `author` has the name and the words of the address, `links` those of the links."""

    author: str
    text: str
    links: str

    @classmethod
    def of(cls, parsed: ParsedComment) -> "ReaderInput":
        """Return what the reader sees of a comment. Its length is bounded."""
        comment = parsed.comment
        name = _field(comment.author, lambda value: value[:_MAX_NAME_LENGTH])
        address = _field(comment.url, lambda value: _link_words(parsed.url) or _words(value[:_MAX_URL_LENGTH]))
        links = map(_link_words, parsed.external_links[:_MAX_LINKS])
        return cls(name + _SEPARATOR + address, _shortened(parsed.body.text), _SEPARATOR.join(links))


def _field(value: str | None, describe: Callable[[str], str]) -> str:
    if value is None:
        return _UNKNOWN
    stripped = value.strip()
    return (describe(stripped) if stripped else "") or _EMPTY


def _link_words(link: Link | None) -> str:
    return _words(f"{link.host} {link.path}"[:_MAX_LINK_LENGTH]) if link else ""


def _words(text: str) -> str:
    return " ".join(_WORD.findall(text))


def _shortened(text: str) -> str:
    """Return the front and the end of a text, with a word in place of each address."""
    if len(text) > _FRONT_LENGTH + _END_LENGTH:
        text = f"{text[:_FRONT_LENGTH]} {text[-_END_LENGTH:]}"
    return text.replace(URL_TOKEN, _LINK_WORD)
