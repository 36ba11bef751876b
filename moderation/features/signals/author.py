"""Signals that read the author's name, URL and e-mail address."""

import re
from collections.abc import Callable
from math import log1p

from disposable_email_domains import blocklist

from moderation.features.lexicon import COMMERCIAL_TOPICS, count_topics, word_list
from moderation.features.links import Link, registrable_domain
from moderation.features.parsed_comment import ParsedComment
from moderation.features.signals import links
from moderation.features.signals.signal import Signal

_DICTIONARY_WORDS = frozenset(word_list("dictionary_words"))
_NAME_PARTICLES = frozenset(word_list("name_particles"))
_FREE_EMAIL_DOMAINS = frozenset(word_list("free_email_domains"))
_LEADING_NON_WORD = re.compile(r"^\W+")
_LETTER_RUN = re.compile(r"[bcdfghjklmnpqrstvwxz]{4}|[aeiou]{4}")


def _name_commerce(parsed: ParsedComment) -> float:
    topics = count_topics(parsed.author_words)
    return log1p(sum([topics.get(topic, 0) for topic in COMMERCIAL_TOPICS])) if topics else 0.0


def _name_case(parsed: ParsedComment) -> float:
    """Return 1 for a name of one word with capitals in its middle, or in capitals only."""
    name = (parsed.comment.author or "").strip()
    has_odd_capitals = name.isalpha() and len(name) > 4 and not (name.islower() or name[1:].islower())
    return float(has_odd_capitals)


def _name_dictionary_words(parsed: ParsedComment) -> float:
    """Return the proportion of dictionary words in the name."""
    words = [word for word in parsed.author_words if len(word) > 1]
    dictionary_words = [
        word
        for word in words
        if word in _DICTIONARY_WORDS or (len(word) > 3 and word.removesuffix("s") in _DICTIONARY_WORDS)
    ]
    return len(dictionary_words) / max(1, len(words))


def _name_phrase(parsed: ParsedComment) -> float:
    """Return 1 for three or more words in lower case, particles such as `van der` aside."""
    name = parsed.comment.author or ""
    words = [word for word in name.split() if word not in _NAME_PARTICLES]
    return float(len(words) > 2 and name.islower() and not _name_is_address(parsed))


def _name_gibberish(parsed: ParsedComment) -> float:
    return float(bool(_LETTER_RUN.search(parsed.author)))


def _name_in_anchor(parsed: ParsedComment) -> float:
    name = parsed.author
    return float(len(name) > 3 and name in " ".join(parsed.descriptive_anchors))


def _name_is_anchor(parsed: ParsedComment) -> float:
    return float(bool(parsed.author) and parsed.author in parsed.anchors)


def _name_in_text(parsed: ParsedComment) -> float:
    """Return 1 if a name of several words begins a line of the text."""
    name = parsed.author
    if len(name) < 7 or " " not in name or name not in parsed.body.text:
        return 0.0
    return float(
        any(_LEADING_NON_WORD.sub("", line).startswith(name) for line in parsed.text_head.lower().splitlines())
    )


def _name_in_host(parsed: ParsedComment) -> float:
    if parsed.url is None:
        return 0.0
    host = parsed.url.host.replace("-", "")
    words = [word for word in parsed.author_words if len(word) > 3]
    return sum(1 for word in words if word in host) / len(words) if words else 0.0


def _url_in_links(parsed: ParsedComment) -> float:
    return float(parsed.url is not None and any(link.domain == parsed.url.domain for link in parsed.external_links))


def _of_url(test: Callable[[Link], float]) -> Callable[[ParsedComment], float]:
    """Return a measure that applies a test of links to the author's URL."""
    return lambda parsed: float(test(parsed.url)) if parsed.url else 0.0


def _nothing_promoted(parsed: ParsedComment) -> float:
    """Return 1 if the form asked for a URL, none was given, and the text has no link or e-mail address either."""
    no_link = not parsed.comment.url and not parsed.external_links
    return float(no_link and "@" not in parsed.normalized.text and not _name_is_address(parsed))


def _name_is_address(parsed: ParsedComment) -> bool:
    name = parsed.author
    return ("." in name and registrable_domain(name) != name) or "http" in name or "www." in name


NAME_SIGNALS: tuple[Signal, ...] = (
    Signal(
        "NAME_WORDS", "how many words the name has", lambda parsed: max(0.0, log1p(len(parsed.author_words)) - 0.69)
    ),
    Signal("NAME_LENGTH", "how long the name is", lambda parsed: log1p(len(parsed.author)) / 2),
    Signal("NAME_COMMERCE", "goods or services in the name", _name_commerce),
    Signal("NAME_DICTIONARY_WORDS", "dictionary words in the name", _name_dictionary_words),
    Signal("NAME_PHRASE", "three or more words in lower case as the name", _name_phrase),
    Signal("NAME_CASE", "odd capitals in the name", _name_case),
    Signal("NAME_LOWER", "a name in lower case", lambda parsed: float((parsed.comment.author or "").islower())),
    Signal("NAME_DIGITS", "digits in the name", lambda parsed: float(any(map(str.isdigit, parsed.author)))),
    Signal("NAME_GIBBERISH", "letter sequences in the name that no language has", _name_gibberish),
    Signal("NAME_ADDRESS", "a web address as the name", lambda parsed: float(_name_is_address(parsed))),
    Signal("NAME_IN_ANCHOR", "the name inside a link text", _name_in_anchor),
    Signal("NAME_IS_ANCHOR", "a link text that is exactly the name", _name_is_anchor),
    Signal("NAME_IN_TEXT", "the name at the start of a line of the text", _name_in_text),
)

URL_SIGNALS: tuple[Signal, ...] = (
    Signal("NOTHING_PROMOTED", "nothing to promote: no link given, none in the text", _nothing_promoted),
    Signal(
        "URL_PATH",
        "a page inside a site as URL",
        lambda parsed: float(parsed.url is not None and len(parsed.url.path) > 1),
    ),
    Signal("URL_PATH_LENGTH", "a long URL path", lambda parsed: log1p(len(parsed.url.path)) / 3 if parsed.url else 0.0),
    Signal("URL_CHEAP_TLD", "a URL under a cheap top-level domain", _of_url(links.has_cheap_tld)),
    Signal("URL_COMMERCE", "goods or services in the URL", _of_url(links.has_commercial_term)),
    Signal("URL_FREE_HOSTING", "a page on a free host as URL", _of_url(links.is_free_hosting)),
    Signal("URL_SHORTENED", "a shortened URL", _of_url(links.is_shortener)),
    Signal("URL_WELL_KNOWN_SITE", "a well-known site as URL", _of_url(links.is_well_known_site)),
    Signal("URL_KEYWORD_PATH", "a search phrase in the URL path", _of_url(links.has_keyword_path)),
    Signal("URL_FORUM_PROFILE", "a forum profile as URL", _of_url(links.is_forum_profile)),
    Signal("URL_RANDOM", "random letters in the URL", _of_url(links.host_randomness)),
    Signal(
        "URL_HYPHENS",
        "hyphens in the URL's host",
        lambda parsed: log1p(parsed.url.host.count("-")) if parsed.url else 0.0,
    ),
    Signal(
        "URL_DIGITS",
        "digits in the URL's host",
        lambda parsed: float(parsed.url is not None and any(map(str.isdigit, parsed.url.host))),
    ),
    Signal("URL_QUERY", "a query in the URL", lambda parsed: float("?" in (parsed.comment.url or ""))),
    Signal("URL_IN_LINKS", "the URL's site linked in the text too", _url_in_links),
    Signal("URL_NAME_IN_HOST", "words of the name in the URL's host", _name_in_host),
)

EMAIL_SIGNALS: tuple[Signal, ...] = (
    Signal(
        "EMAIL_FREE",
        "a free e-mail provider",
        lambda parsed: float(parsed.email is not None and parsed.email[1] in _FREE_EMAIL_DOMAINS),
    ),
    Signal(
        "EMAIL_DISPOSABLE",
        "a disposable e-mail address",
        lambda parsed: float(parsed.email is not None and parsed.email[1] in blocklist),
    ),
    Signal(
        "EMAIL_CHEAP_TLD",
        "an e-mail address under a cheap top-level domain",
        lambda parsed: float(parsed.email is not None and parsed.email[1].rpartition(".")[2] in links.CHEAP_TLDS),
    ),
    Signal(
        "EMAIL_OWN_DOMAIN",
        "e-mail address and URL at the same domain",
        lambda parsed: float(
            bool(parsed.email and parsed.url and registrable_domain(parsed.email[1]) == parsed.url.domain)
        ),
    ),
)
