"""Links of a comment in HTML, BBCode, Markdown or plain text."""

import html
import re
from functools import cache, lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from publicsuffixlist import PublicSuffixList

from moderation.features.normalize import MAX_FIELD_LENGTH

MAX_LINKS = 200

_MAX_BBCODE_URL_LENGTH = 2_000
_DOMAIN_CACHE_SIZE = 1 << 11
_MAX_HOST_LENGTH = 253
"""Length of a host name by RFC 1035. Longer ones are not cached: they could fill the memory."""

_NAKED_TLDS = "com|net|org|info|biz|ru|xyz|top|club|shop|site|online|store|co|io|me|cn|kr|tw|ua|uk|vn|vip|icu"
_URL_CHAR = r"""[^\s<>"'\[\]]"""
_WITH_SCHEME = rf"[hH](?i:ttps?)://{_URL_CHAR}+"
_WWW = rf"[wW](?<![\w.@].)(?i:ww)\.{_URL_CHAR}+"
_NAKED_HOST = (
    rf"[a-zA-Z0-9-](?<![\w@./:-].)[a-zA-Z0-9-]*+\.(?:[a-zA-Z0-9-]++\.)*(?i:{_NAKED_TLDS})(?:/{_URL_CHAR}*)?(?![\w@.-])"
)
"""Each pattern begins with one character and then looks behind it, so that the search skips most of the text."""
PLAIN_URL = re.compile(f"{_WITH_SCHEME}|{_WWW}|{_NAKED_HOST}")
"""A URL without markup."""
_NAKED_TLD = re.compile(rf"\.(?:{_NAKED_TLDS})\b")
_LINK = re.compile(
    rf"""
    <[aA]\s(?=[^<>]*+>)[^<>]*?(?i:href)\s*+=\s*+\\*+["'“”„‘’]?+\s*+(?P<html>[^\s"'<>\\“”„‘’]++)[^<>]*+>
        (?P<html_anchor>.*?)(?:</[aA]\s*>|$)
    | \[(?i:url|link)=["']?(?P<bbcode>[^\]"'\s]{{1,{_MAX_BBCODE_URL_LENGTH}}}+)["']?\s*+\]
        (?P<bbcode_anchor>.*?)(?:\[/(?i:url|link)\]|$)
    | \[(?i:url|link)\]\s*(?P<bbcode_bare>[^\[\]\s]+)\s*\[/(?i:url|link)\]
    | \[(?<!\w.)(?P<markdown_anchor>[^\[\]]{{1,300}})\]
        \((?P<markdown>(?i:https?)://{_URL_CHAR}+|(?i:www)\.[^\s<>"'\[\]()]+)\)
    | {_WITH_SCHEME}(?P<bare>)
    | {_WWW}(?P<bare_www>)
    | {_NAKED_HOST}(?P<naked>)
    """,
    re.VERBOSE | re.DOTALL,
)
_MARKUP_HINTS = ("href", "[url", "[link", "http")
_TAG = re.compile(r"<[^<>]*>")
TRAILING_PUNCTUATION = ".,;:!?)\u2019\u201d\u00bb'\""
_AUTHORITY = re.compile(r"^(?:[a-z][a-z0-9+.-]*:)?/{0,3}(?:[^/?#@\s]*@)?([^/?#:\s\\]+)", re.IGNORECASE)
_URL_WITHOUT_SCHEME = re.compile(r"(?P<host>[\w.-]+\.\w{2,})[.,;:!?]?(?:[/?#]\S*)?")
_IPV4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")


class Link(NamedTuple):
    """One link.

    `form` is `html`, `bbcode`, `markdown`, `bare` (a plain URL), `naked` (a host without scheme) or `disguised`: only
    its canonical form is an address.

    `host` and `domain` (the registrable domain) are lower case without `www.`; `path` is the rest of the URL.
    `start` and `end` are offsets of the whole construct in the text, in code points.
    `has_descriptive_anchor` is true if the anchor is words, not a URL with its scheme or the link's host.
    """

    url: str
    host: str
    domain: str
    path: str
    anchor: str
    form: str
    start: int
    end: int
    has_descriptive_anchor: bool


def find_links(text: str) -> list[Link]:
    """Return the first `MAX_LINKS` links within the first `MAX_FIELD_LENGTH` code points, in reading order."""
    text = text[:MAX_FIELD_LENGTH]
    lower = text.lower()
    if not may_have_plain_url(lower) and not any(hint in lower for hint in _MARKUP_HINTS):
        return []
    links: list[Link] = []
    for match in _LINK.finditer(text):
        link = _parse_match(match)
        if link is not None:
            links.append(link)
            if len(links) == MAX_LINKS:
                break
    return links


def may_have_plain_url(lower: str) -> bool:
    """Return whether a lower-case text has a part that every text with a plain URL has."""
    return "://" in lower or "www." in lower or bool(_NAKED_TLD.search(lower))


def parse_url(url: str) -> Link | None:
    """Return the link of a lone URL, as in the author's URL field; `None` if it has no host."""
    url = html.unescape(url).strip()
    return _make_link(url, "", "bare", 0, len(url))


@cache
def _public_suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def registrable_domain(host: str) -> str:
    """Return the registrable domain of a host by the public suffix list: `example.co.uk` for `news.example.co.uk`.

    An IP address or a public suffix is returned unchanged.
    """
    return _cached_domain(host) if len(host) <= _MAX_HOST_LENGTH else _find_domain(host)


def _find_domain(host: str) -> str:
    if _IPV4.fullmatch(host):
        return host
    return _public_suffixes().privatesuffix(host) or host


_cached_domain = lru_cache(_DOMAIN_CACHE_SIZE)(_find_domain)


def _parse_match(match: re.Match[str]) -> Link | None:
    form = (match.lastgroup or "").split("_")[0]
    group = match.group
    start, end = match.span()
    if form == "html":
        return _make_link(html.unescape(group("html")), _strip_tags(group("html_anchor")), form, start, end)
    if form == "bbcode":
        url = group("bbcode") or group("bbcode_bare")
        return _make_link(html.unescape(url), _strip_tags(group("bbcode_anchor") or ""), form, start, end)
    if form == "markdown":
        return _make_link(html.unescape(group("markdown")), group("markdown_anchor"), form, start, end)
    url = match[0].rstrip(TRAILING_PUNCTUATION)
    return _make_link(html.unescape(url), "", form, start, start + len(url))


def _strip_tags(anchor: str) -> str:
    return html.unescape(_TAG.sub("", anchor)).strip()


def _make_link(url: str, anchor: str, form: str, start: int, end: int) -> Link | None:
    authority = _AUTHORITY.match(url)
    if authority is None:
        return None
    host = unquote(authority[1]).lower().strip(".").removeprefix("www.")
    if "." not in host or url.lower().startswith("mailto:"):
        return None
    domain = registrable_domain(host)
    is_descriptive = bool(anchor) and _is_descriptive(anchor, domain)
    return Link(url, host, domain, url[authority.end() :], anchor, form, start, end, is_descriptive)


def _is_descriptive(anchor: str, domain: str) -> bool:
    """Return whether an anchor is words, not a URL with its scheme or a host of the linked domain."""
    url = _URL_WITHOUT_SCHEME.fullmatch(anchor.lower())
    host = url["host"].removeprefix("www.") if url else ""
    return "://" not in anchor and host != domain and not host.endswith(f".{domain}")
