"""Lines of an operator's list as canonical keys, and the parts of a comment that keys are compared with."""

import html
import re
import unicodedata
from functools import cache, cached_property
from ipaddress import ip_network

from publicsuffixlist import PublicSuffixList

from moderation.domain.errors import InvalidInput
from moderation.domain.lists import EntryKind
from moderation.features.homoglyphs import MIXED_SCRIPT_WORD
from moderation.features.normalize import normalized
from moderation.features.parsed_comment import ParsedComment

MAX_KEY_LENGTH = 200

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_PARTIAL_IP = re.compile(r"(?:\d{1,3}\.){1,3}\*?|[0-9a-f]{1,4}(?::[0-9a-f]{0,4}){2,7}")
_SCHEME = re.compile(r"(?:https?://)?(?:www\.|\*\.)?")
_HOST = re.compile(r"(?<![\w-])[\w-]++(?:\.[\w-]++)++")
_INNER_DOT = re.compile(r"\.(?=\w)")
_MAILBOX = re.compile(r"(?<![\w.+%'-])[\w.+%'-]*+@[\w-]++(?:\.[\w-]++)++")
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]"
)
"""A letter of a script without spaces between words, or of Korean, whose particles are written onto the word."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_PUNYCODE = "xn--"
_MIN_LETTERS = 2
_MAX_HOST_LENGTH = 253


def parse_key(line: str, *, substring: bool = False) -> tuple[EntryKind, str]:
    """Return kind and canonical key of a line of a list.

    With `substring` each key matches anywhere, also within words, as in WordPress. Raises `InvalidInput` with the
    reason why a line cannot be a key.
    """
    if len(line) > MAX_KEY_LENGTH:
        raise InvalidInput(f"longer than {MAX_KEY_LENGTH} characters")
    if _CONTROL.search(line):
        raise InvalidInput("a control character")
    plain = " ".join(unicodedata.normalize("NFKC", html.unescape(line)).lower().split())
    if _is_ip_address(plain):
        raise InvalidInput("an IP address, which this service does not store")
    canonical = normalized(line)
    # One character may stand for many: canonical keys are limited too, as an index of PostgreSQL holds them.
    if max(len(canonical), len(plain)) > MAX_KEY_LENGTH:
        raise InvalidInput(f"longer than {MAX_KEY_LENGTH} characters")
    if canonical != plain:
        if MIXED_SCRIPT_WORD.search(plain) or len(canonical) != len(plain):
            # Its canonical form would match the plain word too, which the line does not name.
            raise InvalidInput(
                "markup or a disguised spelling; comments are read without either, so name the plain word"
            )
        # Beside words of the same script, the word keeps its letters.
        canonical = plain
    if sum(map(str.isalnum, canonical)) < _MIN_LETTERS:
        raise InvalidInput("fewer than two letters or digits")
    if substring:
        return EntryKind.SUBSTRING, canonical
    return _classify(canonical)


def _classify(canonical: str) -> tuple[EntryKind, str]:
    if _MAILBOX.fullmatch(canonical):
        return EntryKind.MAILBOX, canonical
    host = _SCHEME.sub("", canonical, count=1).removesuffix("/")
    if _HOST.fullmatch(host) and _has_known_suffix(host):
        return EntryKind.DOMAIN, to_unicode(host)
    return (EntryKind.SUBSTRING if _UNSPACED.search(canonical) else EntryKind.WORDS), canonical


def _is_ip_address(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return bool(_PARTIAL_IP.fullmatch(text))
    return True


@cache
def _public_suffixes() -> PublicSuffixList:
    return PublicSuffixList(accept_unknown=False)


def _has_known_suffix(host: str) -> bool:
    return _public_suffixes().privatesuffix(host) is not None


def to_unicode(host: str) -> str:
    """Return a host with the letters that Punycode stands for."""
    if _PUNYCODE not in host:
        return host
    try:
        return host.encode("ascii").decode("idna").lower()
    except UnicodeError:
        return host


class SearchedParts:
    """The parts of a comment that the keys of lists are compared with, each computed when a list needs it.

    `text` has the canonical text, the author's name, URL and e-mail address, and the URLs of links that are markup, on
    a line each.
    """

    def __init__(self, parsed: ParsedComment) -> None:
        comment = parsed.comment
        self.links = [*parsed.external_links, *parsed.internal_links]
        self.url = normalized(comment.url[:2_000]) if comment.url else ""
        self.email = normalized(comment.email[:320]) if comment.email else ""
        self._written = f"{parsed.normalized.text}\n{parsed.author}"
        self.text = "\n".join([self._written, self.url, self.email, *self._markup_urls()])
        self.linked_hosts = {to_unicode(link.host) for link in self.links}
        if parsed.url:
            self.linked_hosts.add(to_unicode(parsed.url.host))

    @cached_property
    def hosts(self) -> set[str]:
        """All that may be a host: of links, addresses, and in the text without markup."""
        hosts = self.linked_hosts | {self.email.rpartition("@")[2]}
        if _INNER_DOT.search(self._written):
            found = {host for host in _HOST.findall(self._written) if len(host) <= _MAX_HOST_LENGTH}
            hosts |= set(map(to_unicode, found))
        return hosts

    @cached_property
    def mailboxes(self) -> set[str]:
        """The author's mailbox, and those in the text."""
        return set(_MAILBOX.findall(self.text)) if "@" in self.text else set()

    def _markup_urls(self) -> list[str]:
        return [_SURROGATE.sub("\ufffd", link.url.lower()) for link in self.links if link.form in ("html", "bbcode")]
