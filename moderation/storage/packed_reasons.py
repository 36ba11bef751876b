"""Reasons as a decision stores them: names compressed, weights as they are, about a third of their JSON."""

import json
import zlib
from collections.abc import Iterable
from struct import calcsize, pack, unpack

import orjson

from moderation.domain.decision import Occurrence, Reason
from moderation.storage.columns import storable

_FREQUENT_CODES = """
    ADULT ANCHOR_LAST ANCHOR_OFF_TOPIC ANCHOR_PHRASE ANCHOR_WORDS AUTHOR_NAME AUTHOR_URL BARGAIN CALL_TO_ACTION
    CAPITALS CODE COMMAS CONVERSATION DIGITS EMAIL_CHEAP_TLD EMAIL_DISPOSABLE EMAIL_FREE EMAIL_IN_TEXT
    EMAIL_OWN_DOMAIN EMOJI EXCERPT EXCLAMATIONS FEW_KEYSTROKES FINANCE FOREIGN_SCRIPT GAMBLING GIBBERISH GOODS
    HEADLINE HONEYPOT INVISIBLE_CHARACTERS LEETSPEAK LENGTH LINKS LINKS_PER_WORD LINK_ANY LINK_BBCODE LINK_CHEAP_TLD
    LINK_COMMERCE LINK_DIGITS LINK_DOMAINS LINK_FIRST LINK_FORMS LINK_FORUM_PROFILE LINK_FREE_HOSTING LINK_HOME_PAGE
    LINK_HYPHENS LINK_INTERNAL LINK_NAKED LINK_PARAGRAPH LINK_RANDOM LINK_REPEATS LINK_SHORTENED LINK_TARGET
    LINK_TEXT LINK_UNINTRODUCED LONG LOOKALIKES MESSENGER_HANDLE MIXED_CASE MONEY_SUMS NAME_ADDRESS NAME_CASE
    NAME_COMMERCE NAME_DICTIONARY_WORDS NAME_DIGITS NAME_GIBBERISH NAME_IN_ANCHOR NAME_IN_TEXT NAME_IS_ANCHOR
    NAME_LENGTH NAME_LOWER NAME_PHRASE NAME_WORDS NOTHING_PROMOTED NO_MODEL NO_SCRIPT OLD_PAGE ON_TOPIC
    OPENS_WITH_REQUEST OTHER_WORDING OWN_LINK OWN_SITE PAGE_TAG_IN_TEXT PHONE PILLS PRAISE PRAISE_ALONE PUNCTUATION
    QUESTIONS QUOTES SERVICES SHORT SPACED_LETTERS SPINNING STYLED_LETTERS TECHNICAL TITLE_ECHO TOO_FAST
    URL_CHEAP_TLD URL_COMMERCE URL_DIGITS URL_FORUM_PROFILE URL_FREE_HOSTING URL_HYPHENS URL_IN_LINKS
    URL_KEYWORD_PATH URL_NAME_IN_HOST URL_PATH URL_PATH_LENGTH URL_QUERY URL_RANDOM URL_SHORTENED
    URL_WELL_KNOWN_SITE WORDING WORD_LENGTH WORD_VARIETY
"""
_DICTIONARY = orjson.dumps(_FREQUENT_CODES.split())
"""The text that zlib may refer to. Never change it: reasons in the databases could no longer be read.

A code that is missing here only takes more space.
"""
_MARKS = {None: ".", Occurrence.PRESENT: "+", Occurrence.ABSENT: "-", Occurrence.MORE: ">", Occurrence.LESS: "<"}
_OCCURRENCES = {mark: occurrence for occurrence, mark in _MARKS.items()}
_WEIGHT_BYTES = calcsize("<d")


def pack_reasons(reasons: Iterable[Reason]) -> bytes:
    """Return zlib-compressed JSON, `[marks, code or [code, detail], …]`, and the weights as little-endian doubles.

    The marks are those of the occurrences, a character each. Spans are left out, details are `storable`.
    """
    marks = ""
    names: list[str | tuple[str, str]] = []
    weights = []
    for code, weight, detail, _, occurrence in reasons:
        marks += _MARKS[occurrence]
        names.append((code, storable(detail)) if detail else code)
        weights.append(weight)
    # The fastest level: higher ones save a few bytes of a hundred.
    compressor = zlib.compressobj(level=1, zdict=_DICTIONARY)
    return compressor.compress(orjson.dumps([marks, *names])) + compressor.flush() + pack(f"<{len(weights)}d", *weights)


def unpack_reasons(stored: bytes) -> tuple[Reason, ...]:
    """Return the reasons that `pack_reasons` packed, without spans."""
    decompressor = zlib.decompressobj(zdict=_DICTIONARY)
    marks, *names = json.loads(decompressor.decompress(stored))
    packed = decompressor.unused_data
    weights = unpack(f"<{len(packed) // _WEIGHT_BYTES}d", packed)
    entries = ((name, "") if isinstance(name, str) else name for name in names)
    return tuple(
        Reason(code, weight, detail, (), _OCCURRENCES[mark])
        for mark, (code, detail), weight in zip(marks, entries, weights, strict=True)
    )
