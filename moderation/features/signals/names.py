"""Signals of a name, an address or a link text that sells, and of a name that no person has."""

import re
from collections.abc import Sequence
from functools import lru_cache
from math import nan
from urllib.parse import unquote

from moderation.features.character_model import is_readable, letters_of, name_logits, strip_accents
from moderation.features.lexicon import word_list
from moderation.features.links import Link
from moderation.features.parsed_comment import ParsedComment
from moderation.features.signals.links import is_well_known_site
from moderation.features.signals.probes import unlikelihood, unlikelihoods
from moderation.features.signals.signal import Measurement, amount, presence
from moderation.features.word_cache import WordCache

_MIN_PART_LENGTH = 5
"""Shorter trades begin and end too many other words, as `shop` ends `bishop`."""
_MIN_LONG_WORD_LENGTH = 4
_MAX_PATH_LENGTH = 200
_ADDRESS_CACHE_SIZE = 1 << 10
_TRADE_CACHE_WORDS = 1 << 12
_MAX_LINKS = 10
_MAX_LOGIT = 3.0
_MIN_GIVEN_NAME_LENGTH = 4
_MAX_NAME_LENGTH = 20
_ADDED_LETTERS = range(2, 8)
_NON_LETTERS = re.compile(r"[\W\d_]+")
_UNSPACED = re.compile("[ \u0e00-\u0e7f\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff]")
_SCRIPTS = (
    re.compile("[\u0370-\u03ff]"),  # Greek
    re.compile("[\u0400-\u052f]"),  # Cyrillic
    re.compile("[\u0530-\u058f]"),  # Armenian
    re.compile("[\u0590-\u05ff]"),  # Hebrew
    re.compile("[\u0600-\u06ff]"),  # Arabic
    re.compile("[\u0900-\u0dff]"),  # scripts of India
    re.compile("[\u0e00-\u0e7f]"),  # Thai
    re.compile("[\u10a0-\u10ff]"),  # Georgian
    re.compile("[\u1100-\u11ff\uac00-\ud7af]"),  # Korean
    re.compile("[\u3040-\u30ff\u3400-\u9fff]"),  # Chinese and Japanese
)
_SUBJECTS = ("service", "security", "store", "magazin", "constructi", "propert", "realit", "xxx")
"""Beginnings of trades that links to manuals, magazines and mathematics name too."""
_GIVEN_NAMES = frozenset(word_list("given_names"))
_SURNAME_ENDINGS = frozenset(word_list("surname_endings"))


def _trades() -> tuple[frozenset[str], tuple[str, ...], re.Pattern[str]]:
    """Return trades that are whole words, longer ones that may be a part of a word, and a pattern of all others."""
    entries = [strip_accents(entry) for entry in word_list("trades")]
    anywhere = [entry for entry in entries if _UNSPACED.search(entry)]
    whole = frozenset(entries).difference(anywhere)
    parts = tuple(sorted(entry for entry in whole if len(entry) >= _MIN_PART_LENGTH))
    return whole, parts, re.compile("|".join(map(re.escape, anywhere)))


_WHOLE, _PARTS, _ANYWHERE = _trades()
_FIRST_LETTERS = frozenset(part[:_MIN_PART_LENGTH] for part in _PARTS)
_LAST_LETTERS = frozenset(part[-_MIN_PART_LENGTH:] for part in _PARTS)


def _is_trade(word: str) -> bool:
    # A word is compared with all trades only if one of them begins or ends alike.
    return (
        word in _WHOLE
        or (word[-_MIN_PART_LENGTH:] in _LAST_LETTERS and word.endswith(_PARTS))
        or (word[:_MIN_PART_LENGTH] in _FIRST_LETTERS and word.startswith(_PARTS))
    )


_trade_words = WordCache(_is_trade, _TRADE_CACHE_WORDS)
_linked_trade_words = WordCache(lambda word: not word.startswith(_SUBJECTS) and _trade_words[word], _TRADE_CACHE_WORDS)


def count_trades(text: str, trade_words: WordCache[bool] = _trade_words) -> int:
    """Return how many words of a lower-case name or address are or contain an entry of `trades.txt`."""
    text = strip_accents(text)
    words = [word for word in _NON_LETTERS.split(text) if word]
    anywhere = 0 if text.isascii() and " " not in text else len(_ANYWHERE.findall(text))
    return anywhere + sum(map(trade_words.__getitem__, words))


def address_words(link: Link) -> str:
    """Return host and path of an address in lower case, decoded, and without the top-level domain."""
    return _address_words(link.host, link.path[:_MAX_PATH_LENGTH])


@lru_cache(_ADDRESS_CACHE_SIZE)
def _address_words(host: str, path: str) -> str:
    name = host.rpartition(".")[0]
    if "xn--" in name:
        name = ".".join(map(_decode_label, name.split(".")))
    return f"{name} {unquote(path) if '%' in path else path}".lower()


def _decode_label(label: str) -> str:
    """Return a label of a host in its own script, unchanged if it is not valid Punycode (RFC 3492)."""
    if not label.startswith("xn--"):
        return label
    try:
        return label.removeprefix("xn--").encode("ascii").decode("punycode")
    except (UnicodeError, ValueError, IndexError, OverflowError):
        return label


def person_likeness(parsed: ParsedComment) -> float:
    """Return how much the words of the name are like names of people: 0 to 3.

    NaN for a name without words, and in scripts without spaces between words.
    """
    words = [word for word in parsed.author_words if len(word) > 1]
    if not words or not is_readable(parsed.author):
        return nan
    logits = [max(-_MAX_LOGIT, min(_MAX_LOGIT, name_logits[word])) for word in words]
    return (sum(logits) / len(logits) + _MAX_LOGIT) / 2


def _name(parsed: ParsedComment) -> tuple[float, ...]:
    name, links = parsed.author, parsed.external_links[:_MAX_LINKS]
    return (
        person_likeness(parsed),
        max(map(unlikelihoods.__getitem__, parsed.author_words), default=0.0),
        min(2.0, float(count_trades(name))),
        _is_in_another_script(name, parsed.body.text),
        float(_is_lettered(name)),
        max([_rate_in_address(parsed.author_words, address_words(link)) for link in links], default=0.0),
    )


def _is_in_another_script(name: str, text: str) -> float:
    """Return 1 if a name or an address has letters of a script other than Latin, and the text none of any such."""
    if name.isascii() or not text:
        return 0.0
    scripts = [letters for letters in _SCRIPTS if letters.search(name)]
    return float(bool(scripts) and not any(letters.search(text) for letters in scripts))


def _is_lettered(name: str) -> bool:
    """Return whether a lower-case name is a given name and some letters that make no other name of it: `henrybouth`."""
    if not (name.isascii() and name.isalpha() and len(name) <= _MAX_NAME_LENGTH):
        return False
    for length in range(len(name) - _ADDED_LETTERS[0], _MIN_GIVEN_NAME_LENGTH - 1, -1):
        if name[:length] in _GIVEN_NAMES:
            rest = name[length:]
            is_name = rest in _SURNAME_ENDINGS or rest in _GIVEN_NAMES or letters_of[rest][1]
            return len(rest) in _ADDED_LETTERS and not is_name and not letters_of[name][1]
    return False


def _rate_in_address(words: Sequence[str], address: str) -> float:
    """Return the proportion of the long words of a name that an address contains, 1 if it has them all as one word."""
    words, address = list(map(strip_accents, words)), strip_accents(address)
    joined = "".join(words)
    if len(joined) > _MIN_LONG_WORD_LENGTH and joined in address.replace("-", ""):
        return 1.0
    long_words = [word for word in words if len(word) >= _MIN_LONG_WORD_LENGTH]
    return sum(word in address for word in long_words) / len(long_words) if long_words else 0.0


def _url(parsed: ParsedComment) -> tuple[float, ...]:
    if parsed.url is None:
        return 0.0, 0.0, 0.0, 0.0
    address = address_words(parsed.url)
    host = address.partition(" ")[0]
    return (
        _trades_in_address(parsed.url),
        _is_in_another_script(address, parsed.body.text),
        _phrase_in_address(parsed, address),
        max(map(unlikelihood, _NON_LETTERS.split(host)), default=0.0),
    )


def _trades_in_address(link: Link) -> float:
    """Return how many trades an address names, 2 at most. On a well-known site only the host counts."""
    address = address_words(link)
    return min(2.0, float(count_trades(address.partition(" ")[0] if is_well_known_site(link) else address)))


@lru_cache(_ADDRESS_CACHE_SIZE)
def _trades_in_host(host: str) -> float:
    """Return how many trades the host of a link names, 2 at most. Its path may name the subject of an article."""
    return min(2.0, float(count_trades(_address_words(host, ""), _linked_trade_words)))


def _links(parsed: ParsedComment) -> tuple[float, ...]:
    links, anchors = parsed.external_links[:_MAX_LINKS], parsed.descriptive_anchors[:_MAX_LINKS]
    return (
        sum([_trades_in_host(link.host) for link in links]) / max(1, len(links)),
        max([min(2.0, float(count_trades(anchor, _linked_trade_words))) for anchor in anchors], default=0.0),
    )


def _phrase_in_address(parsed: ParsedComment, address: str) -> float:
    """Return how much of a name of several words an address contains, from 2 for no person's name to 0 for one."""
    if len(parsed.author_words) < 2:
        return 0.0
    likeness = person_likeness(parsed) - count_trades(parsed.author)
    if not likeness < 2.0:
        return 0.0
    return _rate_in_address(parsed.author_words, address) * min(2.0, 2.0 - likeness)


NAME_KIND_SIGNALS: tuple[Measurement, ...] = (
    Measurement(
        {
            "NAME_PERSON": amount("a name more like a person's than usual", "a name less like a person's than usual"),
            "NAME_UNLIKELY": presence(
                "a name with letters that no language joins",
                "no name with letters that no language joins",
            ),
            "NAME_TRADE": presence("a trade or goods as the name", "no trade or goods as the name"),
            "NAME_OTHER_SCRIPT": presence(
                "a name in a script that the text does not use", "no name in a script that the text does not use"
            ),
            "NAME_LETTERED": presence("a given name with letters added", "no given name with letters added"),
            "NAME_IN_LINK": presence(
                "words of the name in a linked address", "no word of the name in a linked address"
            ),
        },
        _name,
    ),
)

LINK_KIND_SIGNALS: tuple[Measurement, ...] = (
    Measurement(
        {
            "LINK_TRADE": presence("trades or goods in linked hosts", "no trade or goods in linked hosts"),
            "ANCHOR_TRADE": presence("a trade or goods as a link text", "no trade or goods as a link text"),
        },
        _links,
    ),
)

URL_KIND_SIGNALS: tuple[Measurement, ...] = (
    Measurement(
        {
            "URL_TRADE": presence("a trade or goods in the URL", "no trade or goods in the URL"),
            "URL_OTHER_SCRIPT": presence(
                "a URL in a script that the text does not use", "no URL in a script that the text does not use"
            ),
            "URL_NAME_PHRASE": presence(
                "words of a name that is no person's in the URL",
                "no words of a name that is no person's in the URL",
            ),
            "URL_UNLIKELY": presence(
                "a host with letters that no language joins",
                "no host with letters that no language joins",
            ),
        },
        _url,
    ),
)
