"""Signals that read the links of the text."""

import re
from collections import Counter
from collections.abc import Callable
from math import log1p

from moderation.features.lexicon import has_sales_term, word_list
from moderation.features.links import Link
from moderation.features.parsed_comment import ParsedComment, long_words
from moderation.features.signals.signal import Signal

CHEAP_TLDS = frozenset(word_list("cheap_tlds"))

_WELL_KNOWN_DOMAINS = frozenset(word_list("well_known_domains"))
_URL_SHORTENERS = frozenset(word_list("url_shorteners"))
_FREE_HOSTING = re.compile("|".join(map(re.escape, word_list("free_hosting"))))
_RANDOM = re.compile(r"[a-z]\d+[a-z]{2}|[a-z][A-Z]|[bcdfghjklmnpqrstvwxz]{6}")
_MAX_TAIL_LENGTH = 50
_MAX_PATH_LENGTH = 80
_LOOKBEHIND_LENGTH = 50
_SENTENCE_ENDS = (".", "!", "…", "。", "！")
_BBCODE = re.compile(r"(?<!\w)\[/?(?:url|link)\s*[=\]]", re.IGNORECASE)
_PARAGRAPH = re.compile(r"\n\s*\n")
_HOST = re.compile(r"^https?://(?:www\.)?")
_FORUM_PATHS = re.compile(
    r"viewtopic|showthread|profile|member|user|index\.php\?|/wp-|/forum|u=\d|uid=\d|/cgi", re.IGNORECASE
)


def tld(link: Link) -> str:
    """Return the last label of the host."""
    return link.host.rpartition(".")[2]


def has_cheap_tld(link: Link) -> bool:
    """Return whether the top-level domain is cheap to register."""
    return tld(link) in CHEAP_TLDS


def has_commercial_term(link: Link) -> bool:
    """Return whether host or path has a sales term, the top-level domain and paths on well-known sites aside."""
    name = link.host.removesuffix(f".{tld(link)}")
    return has_sales_term(name if is_well_known_site(link) else f"{name} {link.path[:_MAX_PATH_LENGTH]}".lower())


def is_free_hosting(link: Link) -> bool:
    """Return whether anybody can publish a page on the host without paying."""
    return bool(_FREE_HOSTING.search(link.host))


def is_shortener(link: Link) -> bool:
    """Return whether the domain is a URL shortener."""
    return link.domain in _URL_SHORTENERS


def is_well_known_site(link: Link) -> bool:
    """Return whether the domain is a well-known site, which an author hardly owns."""
    return link.domain in _WELL_KNOWN_DOMAINS


def has_keyword_path(link: Link) -> bool:
    """Return whether the path reads like a search phrase: three hyphens or more."""
    return link.path.count("-") >= 3


def is_forum_profile(link: Link) -> bool:
    """Return whether the path is typical of a profile or a topic of a forum."""
    return bool(_FORUM_PATHS.search(link.path))


def host_randomness(link: Link) -> float:
    """Return how random the host looks as typed: digits among letters, odd capitals, long runs of consonants."""
    return log1p(len(_RANDOM.findall(_HOST.sub("", link.url)[: len(link.host)])))


def _mean(links: list[Link], test: Callable[[Link], float]) -> float:
    return sum(map(test, links)) / len(links) if links else 0.0


def _anchor_words(parsed: ParsedComment) -> float:
    anchors = [link.anchor for link in parsed.external_links if link.has_descriptive_anchor]
    return min(2.0, sum(len(anchor.split()) for anchor in anchors) / len(anchors) / 3) if anchors else 0.0


def _anchor_last(parsed: ParsedComment) -> float:
    """Return 1 if the text ends in a link on words."""
    return float(
        bool(parsed.external_links)
        and parsed.external_links[-1].has_descriptive_anchor
        and _count_letters_after_last_link(parsed) < 3
    )


def _anchor_off_topic(parsed: ParsedComment) -> float:
    """Return the proportion of links on words that share no long word with the rest of the text or the title."""
    anchors = [long_words(anchor) for anchor in parsed.descriptive_anchors]
    if not anchors:
        return 0.0
    anchor_counts = Counter(word for words in anchors for word in words)
    text_counts = Counter(word for word in parsed.words if word in anchor_counts)
    on_topic = {word for word, count in text_counts.items() if count > anchor_counts[word]} | parsed.title_words
    return sum(map(on_topic.isdisjoint, anchors)) / len(anchors)


def _is_search_phrase(link: Link) -> bool:
    """Return whether the link text is two words or more in lower case, as typed into a search box."""
    return link.has_descriptive_anchor and " " in link.anchor and link.anchor.islower()


def _count_letters_after_last_link(parsed: ParsedComment) -> int:
    """Return the number of letters and digits within `_MAX_TAIL_LENGTH` characters after the last link."""
    return sum(map(str.isalnum, parsed.comment.text[parsed.external_links[-1].end :][:_MAX_TAIL_LENGTH]))


def _unintroduced(parsed: ParsedComment) -> float:
    """Return the proportion of links that begin a line after a finished sentence."""
    text = parsed.comment.text

    def is_unintroduced(link: Link) -> bool:
        before = text[max(0, link.start - _LOOKBEHIND_LENGTH) : link.start]
        sentence = before.rstrip()
        return "\n" in before[len(sentence) :] and sentence.endswith(_SENTENCE_ENDS)

    return _mean(parsed.external_links, is_unintroduced)


def _own_paragraph(parsed: ParsedComment) -> float:
    """Return 1 if the last paragraph is hardly more than a link."""
    if not parsed.external_links or _count_letters_after_last_link(parsed) > 2:
        return 0.0
    before = parsed.comment.text[: parsed.external_links[-1].start]
    introduction = _PARAGRAPH.split(before)[-1]
    return float(len(introduction) < len(before) and len(introduction.strip()) < 50)


def _repeats(parsed: ParsedComment) -> float:
    domains = [link.domain for link in parsed.external_links]
    return log1p(len(domains) - len(set(domains)))


def _forms(parsed: ParsedComment) -> float:
    return float(len({link.form for link in parsed.external_links} - {"naked"}) > 1)


def _naked(parsed: ParsedComment) -> float:
    return float(any(link.form == "naked" for link in parsed.external_links))


def _bbcode(parsed: ParsedComment) -> float:
    text = parsed.comment.text
    return float(bool(parsed.external_links) and "[" in text and bool(_BBCODE.search(text)))


LINK_SIGNALS: tuple[Signal, ...] = (
    Signal("LINKS", "how many links to other sites", lambda parsed: log1p(len(parsed.external_links))),
    Signal("LINK_ANY", "a link to another site", lambda parsed: float(bool(parsed.external_links))),
    Signal(
        "LINKS_PER_WORD",
        "links per word",
        lambda parsed: min(2.0, 5 * len(parsed.external_links) / (len(parsed.words) + 5)),
    ),
    Signal(
        "LINK_FIRST",
        "a link at the start of the text",
        lambda parsed: float(bool(parsed.external_links) and parsed.external_links[0].start < 5),
    ),
    Signal(
        "LINK_DOMAINS",
        "how many sites are linked",
        lambda parsed: log1p(len({link.domain for link in parsed.external_links})),
    ),
    Signal("LINK_REPEATS", "several links to the same site", _repeats),
    Signal("LINK_FORMS", "links in several kinds of markup", _forms),
    Signal("LINK_BBCODE", "links in BBCode, even in broken one", _bbcode),
    Signal("LINK_NAKED", "a host without http", _naked),
    Signal("ANCHOR_WORDS", "the number of words in link texts", _anchor_words),
    Signal("ANCHOR_LAST", "a link on words at the end of the text", _anchor_last),
    Signal("ANCHOR_OFF_TOPIC", "link text unrelated to the comment", _anchor_off_topic),
    Signal(
        "ANCHOR_PHRASE",
        "link text like a search phrase",
        lambda parsed: _mean(parsed.external_links, _is_search_phrase),
    ),
    Signal("LINK_PARAGRAPH", "a last paragraph that is hardly more than a link", _own_paragraph),
    Signal(
        "LINK_COMMERCE",
        "goods or services in linked addresses",
        lambda parsed: _mean(parsed.external_links, has_commercial_term),
    ),
    Signal("LINK_UNINTRODUCED", "links on a line by themselves after a finished sentence", _unintroduced),
    Signal(
        "LINK_CHEAP_TLD", "links to cheap top-level domains", lambda parsed: _mean(parsed.external_links, has_cheap_tld)
    ),
    Signal(
        "LINK_FREE_HOSTING",
        "links to pages on free hosts",
        lambda parsed: _mean(parsed.external_links, is_free_hosting),
    ),
    Signal("LINK_SHORTENED", "shortened links", lambda parsed: _mean(parsed.external_links, is_shortener)),
    Signal(
        "LINK_FORUM_PROFILE", "links to forum profiles", lambda parsed: _mean(parsed.external_links, is_forum_profile)
    ),
    Signal(
        "LINK_HYPHENS",
        "hyphens in linked hosts",
        lambda parsed: _mean(parsed.external_links, lambda link: "-" in link.host),
    ),
    Signal(
        "LINK_RANDOM", "random letters in linked hosts", lambda parsed: _mean(parsed.external_links, host_randomness)
    ),
    Signal(
        "LINK_DIGITS",
        "digits in linked hosts",
        lambda parsed: _mean(parsed.external_links, lambda link: any(map(str.isdigit, link.host))),
    ),
    Signal(
        "LINK_HOME_PAGE",
        "links to home pages",
        lambda parsed: _mean(parsed.external_links, lambda link: len(link.path) < 2),
    ),
    Signal("LINK_INTERNAL", "links within the site of the page", lambda parsed: float(bool(parsed.internal_links))),
)
