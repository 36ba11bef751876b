"""Signals of markup and lines as programs write them: broken links, encoded letters, images and a line said twice."""

import re

from moderation.features.parsed_comment import ParsedComment
from moderation.features.scripts import count_scripts
from moderation.features.signals.signal import Measurement, presence

_UNQUOTED_LINK = re.compile(r"href\s?=\s?(?:https?:|[“”„‘’])", re.IGNORECASE)
_HALF_BBCODE = re.compile(r"\[/?url(?=[\s>/])|/url\](?<!\[/....)", re.IGNORECASE)
_IMAGE = re.compile(r"<img\s|\[img\b", re.IGNORECASE)
_ENCODED_LETTER = re.compile("%(?:3[0-9]|[46][1-9a-f]|[57][0-9a])", re.IGNORECASE)
"""A letter or a digit of ASCII, which no URL needs to encode (RFC 3986, section 2.3)."""
_MIN_ENCODED_LETTERS = 4
_MAX_LINKS = 10
_MIN_LINE_LENGTH = 13


def _markup(parsed: ParsedComment) -> tuple[float, ...]:
    html = parsed.html_head
    return (
        float(_is_careless(html)),
        float(("img" in html or "IMG" in html) and bool(_IMAGE.search(html))),
        float(_has_encoded_letters(parsed)),
        float("\n" in parsed.text_head and _repeats_first_line(parsed.text_head)),
    )


def _is_careless(html: str) -> bool:
    """Return whether a link has no address, none in quotes, or half a tag of BBCode. `<A>` is a type in a program."""
    return (
        "<a>" in html
        or (("href" in html or "HREF" in html) and bool(_UNQUOTED_LINK.search(html)))
        or (("url" in html or "URL" in html) and bool(_HALF_BBCODE.search(html)))
    )


def _has_encoded_letters(parsed: ParsedComment) -> bool:
    """Return whether the author's URL or a link hides letters that need no encoding."""
    links = parsed.external_links[:_MAX_LINKS]
    urls = [link.url for link in ([*links, parsed.url] if parsed.url else links) if "%" in link.url]
    return any(len(_ENCODED_LETTER.findall(url)) >= _MIN_ENCODED_LETTERS for url in urls)


def _repeats_first_line(text: str) -> bool:
    """Return whether the first line, unless it is short as a greeting, stands in the rest of the text again."""
    line, _, rest = text.strip().partition("\n")
    line = line.strip()
    return len(line) + count_scripts(line).extra_length >= _MIN_LINE_LENGTH and line in rest


MARKUP_SIGNALS: tuple[Measurement, ...] = (
    Measurement(
        {
            "LINK_CARELESS": presence(
                "link markup that is broken or without quotes", "no link markup that is broken or without quotes"
            ),
            "IMAGE": presence("an image in HTML or BBCode", "no image in HTML or BBCode"),
            "LINK_ENCODED": presence("plain letters of an address encoded", "no plain letters of an address encoded"),
            "LINE_REPEATED": presence("the first line again further down", "the first line not again further down"),
        },
        _markup,
    ),
)
