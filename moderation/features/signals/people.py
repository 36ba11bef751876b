"""Signals that read the author's name, address and e-mail."""

import re
from collections.abc import Callable
from math import log1p

from disposable_email_domains import blocklist

from moderation.features.lexicon import COMMERCE, ORDINARY, topics_of
from moderation.features.links import Link, registrable_domain
from moderation.features.reading import Reading
from moderation.features.signals import targets
from moderation.features.signals.signal import Signal

_PARTICLES = frozenset("al bin da de den der di do dos du el ibn la le van von".split())
_NO_WORD = re.compile(r"^\W+")
_RUN = re.compile(r"[bcdfghjklmnpqrstvwxz]{4}|[aeiou]{4}")
_FREE_MAIL = frozenset(
    """
    gmail.com yahoo.com hotmail.com outlook.com aol.com live.com msn.com mail.ru yandex.ru gmx.de gmx.net web.de
    mail.com inbox.com googlemail.com ymail.com yahoo.co.uk hotmail.co.uk o2.pl wp.pl bk.ru list.ru rambler.ru
    hotmail.fr 163.com qq.com
    """.split()
)


def _name_commerce(reading: Reading) -> float:
    topics = topics_of(reading.author_words)
    return log1p(sum([topics.get(topic, 0) for topic in COMMERCE])) if topics else 0.0


def _name_case(reading: Reading) -> float:
    """Capitals in the middle of a name of one word, or capitals only."""
    name = (reading.comment.author or "").strip()
    odd = name.isalpha() and len(name) > 4 and not (name.islower() or name[1:].islower())
    return float(odd)


def _name_ordinary(reading: Reading) -> float:
    """The share of the name's words that are common words, as names of people seldom are."""
    words = [word for word in reading.author_words if len(word) > 1]
    ordinary = [word for word in words if word in ORDINARY or (len(word) > 3 and word.removesuffix("s") in ORDINARY)]
    return len(ordinary) / max(1, len(words))


def _name_phrase(reading: Reading) -> float:
    """Three words or more in small letters, not counting what noble and other families have in their names."""
    name = reading.comment.author or ""
    words = [word for word in name.split() if word not in _PARTICLES]
    return float(len(words) > 2 and name.islower() and not _name_is_address(reading))


def _name_gibberish(reading: Reading) -> float:
    return float(bool(_RUN.search(reading.author)))


def _name_in_anchor(reading: Reading) -> float:
    name = reading.author
    return float(len(name) > 3 and name in " ".join(reading.worded_anchors))


def _name_is_anchor(reading: Reading) -> float:
    return float(bool(reading.author) and reading.author in reading.anchors)


def _name_in_text(reading: Reading) -> float:
    """A full name stands at the start of a line."""
    name = reading.author
    if len(name) < 7 or " " not in name or name not in reading.prose.text:
        return 0.0
    return float(any(_NO_WORD.sub("", line).startswith(name) for line in reading.lines.lower().splitlines()))


def _name_in_host(reading: Reading) -> float:
    if reading.url is None:
        return 0.0
    host = reading.url.host.replace("-", "")
    words = [word for word in reading.author_words if len(word) > 3]
    return sum(1 for word in words if word in host) / len(words) if words else 0.0


def _url_in_links(reading: Reading) -> float:
    return float(reading.url is not None and any(link.domain == reading.url.domain for link in reading.links))


def _of_url(test: Callable[[Link], float]) -> Callable[[Reading], float]:
    return lambda reading: float(test(reading.url)) if reading.url else 0.0


def _empty_handed(reading: Reading) -> float:
    """The form asked for an address, none was given, and the text carries nothing to promote either."""
    bare = not reading.comment.url and not reading.links
    return float(bare and "@" not in reading.canonical.text and not _name_is_address(reading))


def _name_is_address(reading: Reading) -> bool:
    name = reading.author
    return ("." in name and registrable_domain(name) != name) or "http" in name or "www." in name


NAME_SIGNALS: tuple[Signal, ...] = (
    Signal("NAME_WORDS", "how many words the name has", lambda r: max(0.0, log1p(len(r.author_words)) - 0.69)),
    Signal("NAME_LENGTH", "how long the name is", lambda r: log1p(len(r.author)) / 2),
    Signal("NAME_COMMERCE", "goods or services as a name", _name_commerce),
    Signal("NAME_ORDINARY", "ordinary words as a name", _name_ordinary),
    Signal("NAME_PHRASE", "three words or more in small letters as a name", _name_phrase),
    Signal("NAME_CASE", "odd capitals in the name", _name_case),
    Signal("NAME_LOWER", "a name in small letters", lambda r: float((r.comment.author or "").islower())),
    Signal("NAME_DIGITS", "digits in the name", lambda r: float(any(map(str.isdigit, r.author)))),
    Signal("NAME_GIBBERISH", "a name no language has", _name_gibberish),
    Signal("NAME_ADDRESS", "an address as a name", lambda r: float(_name_is_address(r))),
    Signal("NAME_IN_ANCHOR", "the name used as link text", _name_in_anchor),
    Signal("NAME_IS_ANCHOR", "the name is the whole link text", _name_is_anchor),
    Signal("NAME_IN_TEXT", "the name opens a line of the text", _name_in_text),
)

URL_SIGNALS: tuple[Signal, ...] = (
    Signal("EMPTY_HANDED", "nothing to promote: no address given, none in the text", _empty_handed),
    Signal("URL_PATH", "an address deep inside a site", lambda r: float(r.url is not None and len(r.url.path) > 1)),
    Signal("URL_PATH_LENGTH", "a long path", lambda r: log1p(len(r.url.path)) / 3 if r.url else 0.0),
    Signal("URL_CHEAP", "an address with a cheap ending", _of_url(targets.is_cheap)),
    Signal("URL_COMMERCE", "goods or services in the address", _of_url(targets.is_commerce)),
    Signal("URL_FREE_PAGE", "a free page as address", _of_url(targets.is_free_page)),
    Signal("URL_SHORTENED", "a shortened address", _of_url(targets.is_shortener)),
    Signal("URL_REFERENCE", "somebody else's site as address", _of_url(targets.is_reference)),
    Signal("URL_KEYWORD_PATH", "search words as path", _of_url(targets.keyword_path)),
    Signal("URL_PARCEL_PATH", "a forum profile as address", _of_url(targets.parcel_path)),
    Signal("URL_RANDOM", "an address of random letters", _of_url(targets.randomness)),
    Signal("URL_HYPHENS", "hyphens in the host", lambda r: log1p(r.url.host.count("-")) if r.url else 0.0),
    Signal(
        "URL_DIGITS", "digits in the host", lambda r: float(r.url is not None and any(map(str.isdigit, r.url.host)))
    ),
    Signal("URL_QUERY", "a query in the address", lambda r: float("?" in (r.comment.url or ""))),
    Signal("URL_IN_LINKS", "the address linked from the text too", _url_in_links),
    Signal("URL_NAME_IN_HOST", "the name found in the host", _name_in_host),
)

EMAIL_SIGNALS: tuple[Signal, ...] = (
    Signal("EMAIL_FREE", "a free mailbox", lambda r: float(r.email is not None and r.email[1] in _FREE_MAIL)),
    Signal(
        "EMAIL_DISPOSABLE", "a throw-away mailbox", lambda r: float(r.email is not None and r.email[1] in blocklist)
    ),
    Signal(
        "EMAIL_CHEAP",
        "a mailbox under a cheap ending",
        lambda r: float(r.email is not None and r.email[1].rpartition(".")[2] in targets.CHEAP_ENDINGS),
    ),
    Signal(
        "EMAIL_OWN_DOMAIN",
        "mailbox and address under one name",
        lambda r: float(bool(r.email and r.url and registrable_domain(r.email[1]) == r.url.domain)),
    ),
)
