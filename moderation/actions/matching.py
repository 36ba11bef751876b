"""Compare a comment with the terms of a query, in Python: SQLite and PostgreSQL differ beyond ASCII."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from moderation.domain.decision import Reason
from moderation.domain.search import Operator, Term
from moderation.features.links import find_links, parse_url
from moderation.features.normalize import normalized
from moderation.scoring.reasons import split_strongest, strongest
from moderation.storage.columns import storable
from moderation.storage.packed_reasons import unpack_reasons
from moderation.storage.queue_search import Candidate

MAX_SPAM_CHIPS, MAX_HAM_CHIPS = 3, 2
"""The reasons of a comment that `reason:` compares, the chips of a list."""

_MAYBE_ENCODED = re.compile("[%&]")
_BETWEEN_LANGUAGES = re.compile(r"[\s,;]+")


class Comparison(NamedTuple):
    """Whether a term holds of a comment, and the fields that it reads."""

    fields: tuple[str, ...]
    holds: Callable[[Candidate], bool]


def compile_term(term: Term) -> Comparison | None:
    """Return the comparison of a term without regard to its minus; `None` if the database compares it."""
    text = storable(term.text)
    match term.operator:
        case None:
            return Comparison(
                ("text", "author", "url", "context"),
                lambda one: any(_contains(field, text) for field in (one.text, one.author, one.url, one.context)),
            )
        case Operator.AUTHOR:
            return Comparison(("author", "author_id"), lambda one: one.author_id == text or _contains(one.author, text))
        case Operator.EMAIL:
            return Comparison(("email",), lambda one: _is_email(one.email, text.casefold()))
        case Operator.DOMAIN:
            host = _host(text)
            return Comparison(("text", "url", "email"), lambda one: _has_host(one, host))
        case Operator.URL:
            host = _host(text)
            return Comparison(("url",), lambda one: any(_is_below(own, host) for own in hosts_of_author(one)))
        case Operator.REASON:
            name = text.casefold()
            return Comparison(("reasons",), lambda one: name in set(_reason_names(one)))
        case Operator.LANG:
            language = _language(text)
            return Comparison(("lang",), lambda one: any(_speaks(own, language) for own in languages_of(one)))
    return None


def sites_named(text: str, urls: Mapping[int, str]) -> set[int]:
    """Return the sites with this address, else all sites with the text in their addresses."""
    wanted = text.casefold().rstrip("/")
    addresses = {site_id: url.casefold() for site_id, url in urls.items()}
    exact = {number for number, url in addresses.items() if wanted in (url, url.partition("://")[2])}
    return exact or {number for number, url in addresses.items() if wanted in url}


def strongest_reasons(candidate: Candidate) -> list[Reason]:
    """Return the reasons of a comment that a list shows, none if they were not read."""
    if not candidate.reasons:
        return []
    first, _ = split_strongest(unpack_reasons(candidate.reasons))
    return strongest(first, MAX_SPAM_CHIPS, MAX_HAM_CHIPS)


def hosts_of_author(candidate: Candidate) -> list[str]:
    """Return the host of the author's address, none without one."""
    link = parse_url(candidate.url) if candidate.url else None
    return [link.host] if link else []


def languages_of(candidate: Candidate) -> list[str]:
    """Return the languages of the comment's page such as `en-us`."""
    return [_language(each) for each in _BETWEEN_LANGUAGES.split(candidate.lang or "") if each]


@lru_cache(maxsize=16)
def _fold(text: str) -> str:
    """Return the canonical form of a text without regard to case. Terms of a query meet the same texts in turn."""
    return normalized(text).casefold()


def _contains(field: str | None, text: str) -> bool:
    """Return whether a field contains a text, as it is or in canonical form. The latter lacks markup and disguise."""
    if not field:
        return False
    folded = _fold(text)
    return (bool(folded) and folded in _fold(field)) or text.casefold() in field.casefold()


def _is_email(email: str | None, wanted: str) -> bool:
    # No part of the name before the @: the queue does not show it, so that a search must not tell it bit by bit.
    own = (email or "").strip().casefold()
    if wanted.rpartition("@")[0]:
        return own == wanted
    return _is_below(own.rpartition("@")[2], wanted.lstrip("@"))


def _has_host(candidate: Candidate, host: str) -> bool:
    if _is_email(candidate.email, host) or any(_is_below(own, host) for own in hosts_of_author(candidate)):
        return True
    text = candidate.text or ""
    # To find all links takes longer than to see that there is no such one.
    if host not in text.casefold() and not _MAYBE_ENCODED.search(text) and host not in _fold(text):
        return False
    return any(_is_below(link.host, host) for link in find_links(text))


def _host(text: str) -> str:
    link = parse_url(text)
    return link.host if link else text.casefold()


def _is_below(host: str, wanted: str) -> bool:
    return host == wanted or host.endswith(f".{wanted}")


def _reason_names(candidate: Candidate) -> Iterator[str]:
    for reason in strongest_reasons(candidate):
        yield reason.code.casefold()
        yield reason.name.casefold()


def _language(text: str) -> str:
    return text.strip().casefold().replace("_", "-")


def _speaks(own: str, wanted: str) -> bool:
    return own == wanted or own.startswith(f"{wanted}-")
