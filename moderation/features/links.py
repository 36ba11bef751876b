"""Finds every link of a comment, whatever it is written in, and says where it leads."""

import html
import re
from functools import cache, lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from publicsuffixlist import PublicSuffixList

from moderation.features.normalize import MAX_LENGTH

MAX_LINKS = 200
"""Links read of one comment; a comment with more has told enough."""

_LONGEST = 2_000
"""Characters of an address in BBCode."""

_REMEMBERED = 1 << 11
"""Hosts whose registrable domain is remembered."""
_LONGEST_HOST = 253
"""Characters of a host name (RFC 1035); whoever sends longer ones fills no memory with them."""

_ENDINGS = "com|net|org|info|biz|ru|xyz|top|club|shop|site|online|store|co|io|me"
_REST = r"""[^\s<>"'\[\]]"""
"""What an address goes on with."""
_SCHEMED = rf"[hH](?i:ttps?)://{_REST}+"
_WWW = rf"[wW](?<![\w.@].)(?i:ww)\.{_REST}+"
_NAKED = rf"[a-zA-Z0-9-](?<![\w@./:-].)[a-zA-Z0-9-]*+\.(?:[a-zA-Z0-9-]++\.)*(?i:{_ENDINGS})(?:/{_REST}*)?(?![\w@.-])"
"""Each form begins with a character of its own, which tells most places apart at once."""
ADDRESS = re.compile(f"{_SCHEMED}|{_WWW}|{_NAKED}")
"""An address that is written without markup."""
ADDRESS_HINT = re.compile(rf"://|www\.|\.(?:{_ENDINGS})\b")
"""What a small-letter text with such an address has."""
_LINK = re.compile(
    rf"""
    <[aA]\s(?=[^<>]*+>)[^<>]*?(?i:href)\s*+=\s*+\\*+["']?+\s*+(?P<html>[^\s"'<>\\]++)[^<>]*+>
        (?P<html_anchor>.*?)(?:</[aA]\s*>|$)
    | \[(?i:url|link)=["']?(?P<bbcode>[^\]"'\s]{{1,{_LONGEST}}}+)["']?\s*+\]
        (?P<bbcode_anchor>.*?)(?:\[/(?i:url|link)\]|$)
    | \[(?i:url|link)\]\s*(?P<bbcode_bare>[^\[\]\s]+)\s*\[/(?i:url|link)\]
    | \[(?<!\w.)(?P<markdown_anchor>[^\[\]]{{1,300}})\]
        \((?P<markdown>(?i:https?)://{_REST}+|(?i:www)\.[^\s<>"'\[\]()]+)\)
    | {_SCHEMED}(?P<bare>)
    | {_WWW}(?P<bare_www>)
    | {_NAKED}(?P<naked>)
    """,
    re.VERBOSE | re.DOTALL,
)
_MARKUP_HINTS = ("href", "[url", "[link", "http")
_TAGS = re.compile(r"<[^<>]*>")
_TAIL = ".,;:!?)\u2019\u201d\u00bb'\""
_AUTHORITY = re.compile(r"^(?:[a-z][a-z0-9+.-]*:)?/{0,3}(?:[^/?#@\s]*@)?([^/?#:\s\\]+)", re.IGNORECASE)
_WRITTEN = re.compile(r"(?P<host>[\w.-]+\.\w{2,})[.,;:!?]?(?:[/?#]\S*)?")
"""An address without its scheme."""
_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")


class Link(NamedTuple):
    """One link. `form` is `html`, `bbcode`, `markdown`, `bare` (a written address) or `naked` (a host without scheme).

    `host` and `domain` (the registrable domain) are lower case without `www.`; `path` is what follows the host.
    `start` and `end` are code points of the text it was found in; the whole construct, anchor included.
    `is_worded` tells whether the link is put on words, not on an address with its scheme or on its own host.
    """

    url: str
    host: str
    domain: str
    path: str
    anchor: str
    form: str
    start: int
    end: int
    is_worded: bool


def find_links(text: str) -> list[Link]:
    """Every link of the first `MAX_LENGTH` code points in reading order, at most `MAX_LINKS`."""
    text = text[:MAX_LENGTH]
    small = text.lower()
    if not any(hint in small for hint in _MARKUP_HINTS) and not ADDRESS_HINT.search(small):
        return []
    links: list[Link] = []
    for match in _LINK.finditer(text):
        link = _read(match)
        if link is not None:
            links.append(link)
            if len(links) == MAX_LINKS:
                break
    return links


def parse_url(url: str) -> Link | None:
    """The link that a lone address makes (an author's URL field), or `None` where it names no host."""
    url = html.unescape(url).strip()
    return _link(url, "", "bare", 0, len(url))


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def registrable_domain(host: str) -> str:
    """`news.example.co.uk` -> `example.co.uk`, by the public suffix list; an address or a lone name stays itself."""
    return _remembered_domain(host) if len(host) <= _LONGEST_HOST else _domain(host)


def _domain(host: str) -> str:
    if _ADDRESS.fullmatch(host):
        return host
    return _suffixes().privatesuffix(host) or host


_remembered_domain = lru_cache(_REMEMBERED)(_domain)


def _read(match: re.Match[str]) -> Link | None:
    form = (match.lastgroup or "").split("_")[0]
    group = match.group
    start, end = match.span()
    if form == "html":
        return _link(html.unescape(group("html")), _plain(group("html_anchor")), form, start, end)
    if form == "bbcode":
        address = group("bbcode") or group("bbcode_bare")
        return _link(html.unescape(address), _plain(group("bbcode_anchor") or ""), form, start, end)
    if form == "markdown":
        return _link(html.unescape(group("markdown")), group("markdown_anchor"), form, start, end)
    address = match[0].rstrip(_TAIL)
    return _link(html.unescape(address), "", form, start, start + len(address))


def _plain(anchor: str) -> str:
    return html.unescape(_TAGS.sub("", anchor)).strip()


def _link(url: str, anchor: str, form: str, start: int, end: int) -> Link | None:
    authority = _AUTHORITY.match(url)
    if authority is None:
        return None
    host = unquote(authority[1]).lower().strip(".").removeprefix("www.")
    if "." not in host or url.lower().startswith("mailto:"):
        return None
    domain = registrable_domain(host)
    worded = bool(anchor) and _is_worded(anchor, domain)
    return Link(url, host, domain, url[authority.end() :], anchor, form, start, end, worded)


def _is_worded(anchor: str, domain: str) -> bool:
    written = _WRITTEN.fullmatch(anchor.lower())
    host = written["host"].removeprefix("www.") if written else ""
    return "://" not in anchor and host != domain and not host.endswith(f".{domain}")
