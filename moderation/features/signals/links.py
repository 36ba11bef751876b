"""Signals that read the links of the text."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from math import log1p

from moderation.features.lexicon import has_sales_term, word_list
from moderation.features.links import Link
from moderation.features.parsed_comment import ParsedComment, long_words
from moderation.features.scripts import UNSPACED_LETTER, count_scripts
from moderation.features.signals.signal import Measurement, presence

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
_PUNYCODE = re.compile(r"xn--[^.]*", re.IGNORECASE)
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


def readable_host(link: Link) -> str:
    """Return the host without labels in Punycode, whose hyphens and digits are an encoding."""
    return _PUNYCODE.sub("", link.host) if "xn--" in link.host else link.host


def has_keyword_path(link: Link) -> bool:
    """Return whether the path reads like a search phrase: three hyphens or more."""
    return link.path.count("-") >= 3


def is_forum_profile(link: Link) -> bool:
    """Return whether the path is typical of a profile or a topic of a forum."""
    return bool(_FORUM_PATHS.search(link.path))


def host_randomness(link: Link) -> float:
    """Return how random the host looks as typed: digits among letters, odd capitals, long runs of consonants."""
    typed = _HOST.sub("", link.url)[: len(link.host)]
    return log1p(len(_RANDOM.findall(_PUNYCODE.sub("", typed) if "xn--" in link.host else typed)))


def _counts(parsed: ParsedComment) -> tuple[float, ...]:
    links, text = parsed.external_links, parsed.comment.text
    if not links:
        return (0.0,) * 10
    domains = {link.domain for link in links}
    forms = {link.form for link in links}
    return (
        log1p(len(links)),
        1.0,
        min(2.0, 5 * len(links) / (parsed.word_count + 5)),
        float(links[0].start < 5),
        log1p(len(domains)),
        log1p(len(links) - len(domains)),
        float(len(forms - {"naked", "disguised"}) > 1),
        float("[" in text and bool(_BBCODE.search(text))),
        float("naked" in forms),
        float("disguised" in forms),
    )


def _anchors(parsed: ParsedComment) -> tuple[float, ...]:
    links = parsed.external_links
    if not links:
        return (0.0,) * 5
    letters_after = _count_letters_after_last_link(parsed)
    return (
        _anchor_words(links),
        float(links[-1].has_descriptive_anchor and letters_after < 3),
        _anchor_off_topic(parsed),
        sum(map(_is_search_phrase, links)) / len(links),
        float(letters_after < 3 and _is_own_paragraph(parsed.comment.text[: links[-1].start])),
    )


def _means(parsed: ParsedComment) -> list[float]:
    """Return the mean over the links of each test of a link."""
    links = parsed.external_links
    count = len(links)
    if not count:
        return [0.0] * (len(_TESTS) + 1)
    commerce, *others = [sum(map(test, links)) / count for test in _TESTS]
    text = parsed.comment.text
    return [commerce, sum([_is_unintroduced(text, link) for link in links]) / count, *others]


def _anchor_words(links: Sequence[Link]) -> float:
    anchors = [link.anchor for link in links if link.has_descriptive_anchor]
    return min(2.0, sum(len(anchor.split()) for anchor in anchors) / len(anchors) / 3) if anchors else 0.0


def _anchor_off_topic(parsed: ParsedComment) -> float:
    """Return the proportion of links on words that share no long word with the rest of the text or the title."""
    # Without spaces a phrase is one word, which no other phrase is equal to.
    anchors = [long_words(anchor) for anchor in parsed.descriptive_anchors if not UNSPACED_LETTER.search(anchor)]
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


def _is_unintroduced(text: str, link: Link) -> bool:
    """Return whether a link begins a line after a finished sentence."""
    before = text[max(0, link.start - _LOOKBEHIND_LENGTH) : link.start]
    sentence = before.rstrip()
    return "\n" in before[len(sentence) :] and sentence.endswith(_SENTENCE_ENDS)


def _is_own_paragraph(before: str) -> bool:
    """Return whether the text before the last link ends in a paragraph with hardly a word."""
    introduction = _PARAGRAPH.split(before)[-1]
    length = len(introduction.strip()) + count_scripts(introduction).extra_length
    return len(introduction) < len(before) and length < 50


_TESTS: tuple[Callable[[Link], float], ...] = (
    has_commercial_term,
    has_cheap_tld,
    is_free_hosting,
    is_shortener,
    is_forum_profile,
    lambda link: "-" in readable_host(link),
    host_randomness,
    lambda link: any(map(str.isdigit, readable_host(link))),
    lambda link: len(link.path) < 2,
)

LINK_SIGNALS: tuple[Measurement, ...] = (
    Measurement(
        {
            "LINKS": presence("links to other sites", "no links to other sites"),
            "LINK_ANY": presence("a link to another site", "no link to another site"),
            "LINKS_PER_WORD": presence("links, compared with the number of words", "no links among the words"),
            "LINK_FIRST": presence("a link at the start of the text", "no link at the start of the text"),
            "LINK_DOMAINS": presence("other sites that are linked", "no site linked"),
            "LINK_REPEATS": presence("several links to the same site", "no second link to the same site"),
            "LINK_FORMS": presence("links in several kinds of markup", "at most one kind of links"),
            "LINK_BBCODE": presence("links in BBCode, even in broken one", "no links in BBCode"),
            "LINK_NAKED": presence("a host without http", "no host without http"),
            "LINK_DISGUISED": presence("an address that programs are meant to miss", "no disguised address"),
        },
        _counts,
    ),
    Measurement(
        {
            "ANCHOR_WORDS": presence("words as link texts", "no words as link texts"),
            "ANCHOR_LAST": presence(
                "a link on words at the end of the text", "no link on words at the end of the text"
            ),
            "ANCHOR_OFF_TOPIC": presence("link text unrelated to the comment", "no link text unrelated to the comment"),
            "ANCHOR_PHRASE": presence("link text like a search phrase", "no link text like a search phrase"),
            "LINK_PARAGRAPH": presence(
                "a last paragraph that is hardly more than a link", "no last paragraph that is hardly more than a link"
            ),
        },
        _anchors,
    ),
    Measurement(
        {
            "LINK_COMMERCE": presence(
                "goods or services in linked addresses", "no goods or services in linked addresses"
            ),
            "LINK_UNINTRODUCED": presence(
                "links on a line by themselves after a finished sentence", "no link on a line by itself"
            ),
            "LINK_CHEAP_TLD": presence("links to cheap top-level domains", "no link to a cheap top-level domain"),
            "LINK_FREE_HOSTING": presence("links to pages on free hosts", "no link to a page on a free host"),
            "LINK_SHORTENED": presence("shortened links", "no shortened link"),
            "LINK_FORUM_PROFILE": presence("links to forum profiles", "no link to a forum profile"),
            "LINK_HYPHENS": presence("hyphens in linked hosts", "no hyphens in linked hosts"),
            "LINK_RANDOM": presence("random-looking letters in linked hosts", "no such letters in linked hosts"),
            "LINK_DIGITS": presence("digits in linked hosts", "no digits in linked hosts"),
            "LINK_HOME_PAGE": presence("links to home pages", "no link to a home page"),
        },
        _means,
    ),
    Measurement(
        {"LINK_INTERNAL": presence("links within the site of the page", "no link within the site of the page")},
        lambda parsed: (float(bool(parsed.internal_links)),),
    ),
)
