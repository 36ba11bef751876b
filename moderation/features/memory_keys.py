"""Keys by which a comment is recognized that a person labelled before: itself, its near-duplicates, its advertiser.

The similarity of two texts is the Jaccard index of their sets of five-letter shingles, estimated by bottom-k sketches:
the smallest hashes of either set (Broder 1997). Digits, links, contacts and the words of the page's title do not count,
as senders fill them in anew for each page.
"""

import re
from collections.abc import Iterable
from hashlib import blake2b
from typing import NamedTuple

import numpy as np

from moderation.features.minhash import shingle_hashes
from moderation.features.parsed_comment import ParsedComment
from moderation.features.traits import MAX_TRAITS, find_load

SKETCH_SIZE = 16
"""Hashes in a sketch. Two texts share at least half of them with probability 86 % at similarity .6, .7 % at .2."""
MIN_SKETCHED_WORDS = 8
"""A shorter text has no sketch: many people write it."""

_MAX_LETTERS = 10_000
_HALF_BITS = np.uint64(32)
_DIGITS = re.compile(r"\d+")


MAX_SITES = MAX_TRAITS - 1
KEY_RECORD = np.dtype(
    [
        ("identity", "<u8"),
        ("load", "<u8"),
        ("author", "<u8"),
        ("short_text", "<u8"),
        ("sites", "<u8", MAX_SITES),
        ("sketch", "<u4", SKETCH_SIZE),
    ]
)
"""Memory keys as they are stored, unused places filled with 0."""


class MemoryKeys(NamedTuple):
    """What a label remembers of a comment, as hashes of 64 bits; 0 for nothing.

    - `identity`: the text, all links, the author's name, URL and e-mail address.
    - `load`: the hosts of links, the author's URL, the e-mail address and all contacts in the text.
    - `author`: the author's name. `short_text`: the words of a text that is too short for a sketch.
    - `sites`: what the comment advertises: sites of its links and its author that are not well known, and contacts.
    - `sketch`: the bottom-k sketch of the text, ascending hashes of 32 bits. A text of few letters has fewer.
    """

    identity: int
    load: int
    author: int
    short_text: int
    sites: tuple[int, ...]
    sketch: tuple[int, ...]

    @property
    def is_unsigned(self) -> bool:
        """Whether this is a short text without author, address, link and contact: anybody may have written it."""
        return bool(self.short_text) and not self.author and self.load == _NO_LOAD

    def to_bytes(self) -> bytes:
        """Return the keys as one `KEY_RECORD`."""
        record = np.zeros(1, dtype=KEY_RECORD)
        for name, value in zip(self._fields[:4], self, strict=False):
            record[name] = value
        record["sites"][0, : len(self.sites)] = self.sites
        record["sketch"][0, : len(self.sketch)] = self.sketch
        return record.tobytes()


def find_memory_keys(parsed: ParsedComment) -> MemoryKeys:
    """Return the keys of a comment."""
    comment = parsed.comment
    fields = [field or "" for field in (comment.author, comment.url, comment.email)]
    hosts = sorted({link.host for link in parsed.external_links})
    contacts = sorted({contact.value for contact in parsed.contacts})
    url, email = (comment.url or "").strip().lower(), (comment.email or "").strip().lower()
    words = _remembered_words(parsed)
    is_short = parsed.word_count < MIN_SKETCHED_WORDS or sum(map(len, words)) < MIN_SKETCHED_WORDS
    return MemoryKeys(
        identity=_hash([parsed.normalized.text, *fields, *[link.url for link in parsed.external_links]]),
        load=_hash([url, email, *hosts, *contacts]),
        author=_hash([parsed.author]) if parsed.author else 0,
        short_text=_hash(words) if is_short else 0,
        sites=tuple({_hash([trait.value]): None for trait in find_load(parsed)}),
        sketch=() if is_short else _sketch(" ".join(words)[:_MAX_LETTERS]),
    )


def similarity(left: Iterable[int], right: Iterable[int]) -> float:
    """Return the Jaccard index of two texts as their sketches estimate it: the shared part of the smallest hashes."""
    left, right = set(left), set(right)
    smallest = sorted(left | right)[:SKETCH_SIZE]
    return len((left & right).intersection(smallest)) / max(1, len(smallest))


def _remembered_words(parsed: ParsedComment) -> list[str]:
    """Return the words of a comment without digits and without the words of the page's title."""
    words = parsed.words
    if not parsed.title_words.isdisjoint(words):
        words = [word for word in words if word not in parsed.title_words]
    return [bare for word in words if (bare := word if word.isalpha() else _DIGITS.sub("", word))]


def _sketch(text: str) -> tuple[int, ...]:
    smallest = np.unique(shingle_hashes(text) >> _HALF_BITS)[: SKETCH_SIZE + 1].tolist()
    # 0 stands for no hash.
    return tuple([value for value in smallest if value][:SKETCH_SIZE])


def _hash(parts: Iterable[str]) -> int:
    """Return a hash of 64 bits. To find another text for it takes too long for an attack."""
    joined = "\0".join(parts).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(joined, digest_size=8).digest(), "little") or 1


_NO_LOAD = _hash(["", ""])
