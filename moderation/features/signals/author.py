"""Signals that read the author's name, URL and e-mail address."""

import re
from collections.abc import Callable, Sequence
from math import log1p, nan

from disposable_email_domains import blocklist

from moderation.features.lexicon import COMMERCIAL_TOPICS, count_topics, word_list
from moderation.features.links import Link, registrable_domain
from moderation.features.parsed_comment import MAX_NAME_LENGTH, ParsedComment
from moderation.features.scripts import CASED_LETTER, DENSE_LETTER, count_unpronounceable
from moderation.features.signals import links
from moderation.features.signals.signal import Measurement, amount, presence

_DICTIONARY_WORDS = frozenset(word_list("dictionary_words"))
_NAME_PARTICLES = frozenset(word_list("name_particles"))
_FREE_EMAIL_DOMAINS = frozenset(word_list("free_email_domains"))
_LEADING_NON_WORD = re.compile(r"^\W+")
_LONG_CONSONANT_RUN = 6
_LONG_VOWEL_RUN = 5
"""Shorter ones than in texts: names are single words, and most have few letters."""


def _name_words(parsed: ParsedComment) -> tuple[float, ...]:
    words = parsed.author_words
    topics = count_topics(words)
    is_dense = not parsed.author.isascii() and bool(DENSE_LETTER.search(parsed.author))
    return (
        nan if is_dense else max(0.0, log1p(len(words)) - 0.69),
        nan if is_dense else log1p(len(parsed.author)) / 2,
        log1p(sum([topics.get(topic, 0) for topic in COMMERCIAL_TOPICS])) if topics else 0.0,
        _dictionary_word_rate([word for word in words if len(word) > 1]),
    )


def _dictionary_word_rate(words: Sequence[str]) -> float:
    dictionary_words = [
        word
        for word in words
        if word in _DICTIONARY_WORDS or (len(word) > 3 and word.removesuffix("s") in _DICTIONARY_WORDS)
    ]
    return len(dictionary_words) / max(1, len(words))


def _name_letters(parsed: ParsedComment) -> tuple[float, ...]:
    name = (parsed.comment.author or "")[:MAX_NAME_LENGTH]
    is_lower, is_address = name.islower(), _name_is_address(parsed)
    has_case = bool(CASED_LETTER.search(name))
    return (
        float(is_lower and not is_address and _is_phrase(name)) if has_case else nan,
        float(_has_odd_capitals(name.strip())) if has_case else nan,
        float(is_lower) if has_case else nan,
        float(any(map(str.isdigit, parsed.author))),
        float(bool(count_unpronounceable(parsed.author, _LONG_CONSONANT_RUN, _LONG_VOWEL_RUN))),
        float(is_address),
        float(is_address and _name_is_link(parsed)),
    )


def _is_phrase(name: str) -> bool:
    """Return whether a name has three or more words, particles such as `van der` aside."""
    return len([word for word in name.split() if word not in _NAME_PARTICLES]) > 2


def _has_odd_capitals(name: str) -> bool:
    """Return whether a name is one word with capitals in its middle, or in capitals only."""
    return len(name) > 4 and name.isalpha() and not (name.islower() or name[1:].islower())


def _name_elsewhere(parsed: ParsedComment) -> tuple[float, ...]:
    name, anchors = parsed.author, parsed.anchors
    return (
        float(len(name) > 3 and bool(anchors) and name in " ".join(parsed.descriptive_anchors)),
        float(bool(name) and name in anchors),
        float(_name_begins_line(parsed)),
    )


def _name_begins_line(parsed: ParsedComment) -> bool:
    """Return whether a name of several words begins a line of the text."""
    name = parsed.author
    if len(name) < 7 or " " not in name or name not in parsed.body.text:
        return False
    return any(_LEADING_NON_WORD.sub("", line).startswith(name) for line in parsed.text_head.lower().splitlines())


def _name_is_link(parsed: ParsedComment) -> bool:
    """Return whether a name has a link, which the canonical name shows only without markup."""
    typed = f"{(parsed.comment.author or '')[:MAX_NAME_LENGTH].lower()} {parsed.author}"
    return "http" in typed or "www." in typed


def _name_is_address(parsed: ParsedComment) -> bool:
    return _name_is_link(parsed) or ("." in parsed.author and any(map(_is_host, parsed.author.split())))


def _is_host(word: str) -> bool:
    """Return whether a word is a host below a domain. Initials, as in `j.r.r.`, are none."""
    return "." in word[2:] and word[1] != "." and registrable_domain(word) != word


def _nothing_promoted(parsed: ParsedComment) -> tuple[float, ...]:
    """Return 1 if the form asked for a URL, none was given, and the text has no link or contact either."""
    is_empty = not (parsed.comment.url or parsed.external_links or parsed.contacts)
    return (float(is_empty and not _name_is_address(parsed)),)


def _url(parsed: ParsedComment) -> tuple[float, ...]:
    url, has_query = parsed.url, float("?" in (parsed.comment.url or ""))
    if url is None:
        return (*_NO_URL, has_query, 0.0, 0.0)
    return (
        float(len(url.path) > 1),
        log1p(len(url.path)) / 3 if len(url.path) > 1 else 0.0,
        *[float(test(url)) for test in _URL_TESTS],
        log1p(links.readable_host(url).count("-")),
        float(any(map(str.isdigit, links.readable_host(url)))),
        has_query,
        float(any(link.domain == url.domain for link in parsed.external_links)),
        _name_in_host_rate(parsed.author_words, url.host.replace("-", "")) if parsed.author.isascii() else nan,
    )


_URL_TESTS: tuple[Callable[[Link], float], ...] = (
    links.has_cheap_tld,
    links.has_commercial_term,
    links.is_free_hosting,
    links.is_shortener,
    links.is_well_known_site,
    links.has_keyword_path,
    links.is_forum_profile,
    links.host_randomness,
)
_NO_URL = (0.0,) * (len(_URL_TESTS) + 4)


def _name_in_host_rate(words: Sequence[str], host: str) -> float:
    long_words = [word for word in words if len(word) > 3]
    return len([word for word in long_words if word in host]) / len(long_words) if long_words else 0.0


def _email(parsed: ParsedComment) -> tuple[float, ...]:
    domain = parsed.email[1] if parsed.email else ""
    return (
        float(domain in _FREE_EMAIL_DOMAINS),
        float(domain in blocklist),
        float(domain.rpartition(".")[2] in links.CHEAP_TLDS),
        float(parsed.url is not None and registrable_domain(domain) == parsed.url.domain),
    )


NAME_SIGNALS: tuple[Measurement, ...] = (
    Measurement(
        {
            "NAME_WORDS": amount("more words in the name than usual", "fewer words in the name than usual"),
            "NAME_LENGTH": amount("a longer name than usual", "a shorter name than usual"),
            "NAME_COMMERCE": presence("goods or services in the name", "no goods or services in the name"),
            "NAME_DICTIONARY_WORDS": presence("dictionary words in the name", "no dictionary words in the name"),
        },
        _name_words,
    ),
    Measurement(
        {
            "NAME_PHRASE": presence(
                "three or more words in lower case as the name", "not three words in lower case as the name"
            ),
            "NAME_CASE": presence("odd capitals in the name", "no odd capitals in the name"),
            "NAME_LOWER": presence("a name in lower case", "a name not in lower case"),
            "NAME_DIGITS": presence("digits in the name", "no digits in the name"),
            "NAME_GIBBERISH": presence(
                "long runs of consonants or vowels in the name", "no long run of consonants or vowels in the name"
            ),
            "NAME_ADDRESS": presence("a web address as the name", "no web address as the name"),
            "NAME_LINK": presence("a link in the name", "no link in the name"),
        },
        _name_letters,
    ),
    Measurement(
        {
            "NAME_IN_ANCHOR": presence("the name inside a link text", "the name in no link text"),
            "NAME_IS_ANCHOR": presence("a link text that is exactly the name", "no link text that is exactly the name"),
            "NAME_IN_TEXT": presence(
                "the name at the start of a line of the text", "the name not at the start of a line of the text"
            ),
        },
        _name_elsewhere,
    ),
)

URL_SIGNALS: tuple[Measurement, ...] = (
    Measurement(
        {
            "NOTHING_PROMOTED": presence(
                "nothing to promote: no link given, none and no contact in the text",
                "a link, an address or a contact that may promote something",
            )
        },
        _nothing_promoted,
    ),
    Measurement(
        {
            "URL_PATH": presence("a page inside a site as URL", "no page inside a site as URL"),
            "URL_PATH_LENGTH": amount("a longer URL path than usual", "a shorter URL path than usual", "no URL path"),
            "URL_CHEAP_TLD": presence("a URL under a cheap top-level domain", "no URL under a cheap top-level domain"),
            "URL_COMMERCE": presence("goods or services in the URL", "no goods or services in the URL"),
            "URL_FREE_HOSTING": presence("a page on a free host as URL", "no page on a free host as URL"),
            "URL_SHORTENED": presence("a shortened URL", "no shortened URL"),
            "URL_WELL_KNOWN_SITE": presence("a well-known site as URL", "no well-known site as URL"),
            "URL_KEYWORD_PATH": presence("a search phrase in the URL path", "no search phrase in the URL path"),
            "URL_FORUM_PROFILE": presence("a forum profile as URL", "no forum profile as URL"),
            "URL_RANDOM": presence("random-looking letters in the URL", "no such letters in the URL"),
            "URL_HYPHENS": presence("hyphens in the URL's host", "no hyphens in the URL's host"),
            "URL_DIGITS": presence("digits in the URL's host", "no digits in the URL's host"),
            "URL_QUERY": presence("a query in the URL", "no query in the URL"),
            "URL_IN_LINKS": presence(
                "the URL's site linked in the text too", "no URL whose site is linked in the text"
            ),
            "URL_NAME_IN_HOST": presence(
                "words of the name in the URL's host", "no word of the name in the URL's host"
            ),
        },
        _url,
    ),
)

EMAIL_SIGNALS: tuple[Measurement, ...] = (
    Measurement(
        {
            "EMAIL_FREE": presence("a free e-mail provider", "no free e-mail provider"),
            "EMAIL_DISPOSABLE": presence("a disposable e-mail address", "no disposable e-mail address"),
            "EMAIL_CHEAP_TLD": presence(
                "an e-mail address under a cheap top-level domain", "no e-mail address under a cheap top-level domain"
            ),
            "EMAIL_OWN_DOMAIN": presence(
                "e-mail address and URL at the same domain", "e-mail address and URL not at the same domain"
            ),
        },
        _email,
    ),
)
