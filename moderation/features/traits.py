"""Traits of a comment that a campaign repeats: its text, the author's site, linked sites and contacts.

A trait that many people share for good reasons is left out: well-known sites, the site's own pages, short texts. So
two hundred people who wish a happy birthday share none.
"""

import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import NamedTuple
from zlib import crc32

from moderation.features.contacts import PHONE
from moderation.features.lexicon import word_list
from moderation.features.links import Link, registrable_domain
from moderation.features.parsed_comment import ParsedComment

TEXT, AUTHOR_SITE, LINKED_SITE, CONTACT = "text", "author site", "linked site", "contact"
TRAIT_KINDS = (TEXT, AUTHOR_SITE, LINKED_SITE, CONTACT)
MAX_TRAITS = 8
"""Limit of the traits of a comment: one text, one site of the author, three linked sites, three contacts."""

_MAX_LINKED_SITES = 3
_MAX_CONTACTS = 3
_MIN_WORDS, _MIN_WORDS_WITHOUT_LOAD = 8, 20
_MIN_LETTERS, _MIN_LETTERS_WITHOUT_LOAD = 64, 160
"""Length of a text, for scripts without spaces between words."""
_MAX_WORDS = 64
_SKETCH_SIZE = 2
_SHINGLE_MULTIPLIERS = (0x9E3779B1, 0x85EBCA77)
_DIGITS = re.compile(r"\d+")
_PHONE_DIGITS = 9
"""Last digits of a number that are compared, so that a country's code makes no difference."""
_WELL_KNOWN_DOMAINS = frozenset((*word_list("well_known_domains"), *word_list("shared_hosts")))
_PATH_DOMAINS = frozenset(word_list("url_shorteners"))
"""Domains where the path, not the host, is what a comment advertises."""
_PLACEHOLDERS = frozenset(
    ("admin", "anonymous", "guest", "info", "mail", "nobody", "none", "noreply", "no-reply", "null", "test")
)
"""Local parts that a blog sends for authors who gave no address."""
_EXAMPLE_DOMAINS = frozenset(("example.com", "example.net", "example.org", "localhost"))


class Trait(NamedTuple):
    """One trait: `kind` is one of `TRAIT_KINDS`; traits of one kind are equal if their values are."""

    kind: str
    value: str


def find_traits(parsed: ParsedComment, own_domain: str | None = None) -> list[Trait]:
    """Return the traits of a comment, `MAX_TRAITS` at most, without duplicates.

    Pages and mailboxes under `own_domain`, that of the site, are no traits; neither are those of the comment's page.
    """
    traits = find_load(parsed, own_domain)
    template = _template(parsed, has_load=bool(traits))
    return [Trait(TEXT, template), *traits] if template else traits


def find_load(parsed: ParsedComment, own_domain: str | None = None) -> list[Trait]:
    """Return the traits of a comment other than its text: the sites and the contacts that it promotes."""
    own = {own_domain, parsed.page_link.domain if parsed.page_link else None}
    sites = dict.fromkeys(name for link in parsed.external_links if (name := _promoted(link, link.domain, own)))
    traits = [Trait(LINKED_SITE, site) for site in list(sites)[:_MAX_LINKED_SITES]]
    if parsed.url is not None and (site := _promoted(parsed.url, parsed.url.host, own)):
        traits.append(Trait(AUTHOR_SITE, site))
    contacts = dict.fromkeys([*_email(parsed, own), *_named_in_text(parsed)])
    return traits + [Trait(CONTACT, contact) for contact in list(contacts)[:_MAX_CONTACTS]]


def _promoted(link: Link, name: str, own_domains: AbstractSet[str | None]) -> str | None:
    """Return the name of the site that a link promotes; `None` for a well-known or own site."""
    if link.domain in _WELL_KNOWN_DOMAINS or link.domain in own_domains:
        return None
    if link.domain in _PATH_DOMAINS:
        return f"{link.host}{link.path}"
    if link.path.startswith(("/~", "/@")):
        # A page of one of the many people of a university or of a server of the Fediverse.
        return f"{name}{link.path.split('/')[1]}"
    return name


def _email(parsed: ParsedComment, own_domains: AbstractSet[str | None]) -> Iterator[str]:
    """Yield the author's e-mail address, unless the blog sends it for everyone."""
    if parsed.email is not None:
        local, domain = parsed.email
        is_shared = domain in _EXAMPLE_DOMAINS or registrable_domain(domain) in own_domains
        if not is_shared and local.lower() not in _PLACEHOLDERS:
            yield f"{local.lower()}@{domain}"


def _named_in_text(parsed: ParsedComment) -> Iterator[str]:
    """Yield the numbers, mailboxes and the like of the text. Numbers are alike with and without a country's code."""
    for contact in parsed.contacts:
        if contact.value:
            yield contact.value[-_PHONE_DIGITS:] if contact.kind == PHONE else contact.value


def _template(parsed: ParsedComment, *, has_load: bool) -> str | None:
    """Return a key that texts with nearly the same words share; `None` for a text that is short for its load.

    The key is a bottom-k sketch (Broder 1997): the smallest hashes of the runs of three words. Digits, links and the
    words of the page's title do not count, as senders fill them in anew for each page. Two texts whose runs have the
    Jaccard index J share the key with probability close to `J ** _SKETCH_SIZE`.
    """
    min_words = _MIN_WORDS if has_load else _MIN_WORDS_WITHOUT_LOAD
    min_letters = _MIN_LETTERS if has_load else _MIN_LETTERS_WITHOUT_LOAD
    words = parsed.words[:_MAX_WORDS]
    if len(words) < min_words and len(parsed.body.text) < min_letters:
        return None
    if parsed.digit_count:
        words = [bare for word in words if (bare := word if word.isalpha() else _DIGITS.sub("", word))]
    if parsed.title_words:
        words = [word for word in words if word not in parsed.title_words]
    if len(words) < min_words and sum(map(len, words)) < min_letters:
        return None
    hashes = list(map(crc32, map(str.encode, words)))
    first, second = _SHINGLE_MULTIPLIERS
    runs = zip(hashes, [0, *hashes], [0, 0, *hashes], strict=False)
    shingles = {(a * first ^ (b * second + c)) * first & 0xFFFFFFFF for a, b, c in runs}
    return "-".join(map(str, sorted(shingles)[:_SKETCH_SIZE]))
