"""Signals that read the links of the text."""

import re
from collections import Counter
from collections.abc import Callable
from math import log1p

from moderation.features.lexicon import sells
from moderation.features.links import Link
from moderation.features.reading import Reading, long_words
from moderation.features.signals.signal import Signal

REFERENCE_DOMAINS = frozenset(
    """
    wikipedia.org wikimedia.org github.com github.io githubusercontent.com gitlab.com stackoverflow.com
    stackexchange.com serverfault.com superuser.com microsoft.com msdn.com asp.net mozilla.org w3.org ietf.org
    python.org pypi.org npmjs.com ruby-lang.org rubygems.org apache.org gnu.org kernel.org debian.org ubuntu.com
    launchpad.net archlinux.org freebsd.org sourceforge.net codeplex.com bitbucket.org google.com apple.com
    oracle.com ibm.com intel.com nvidia.com arxiv.org doi.org acm.org ieee.org nature.com sciencemag.org nih.gov
    cdc.gov who.int nasa.gov europa.eu archive.org imdb.com xkcd.com nytimes.com washingtonpost.com
    facebook.com yahoo.com msn.com live.com bing.com baidu.com aol.com youtube.com
    theguardian.com bbc.co.uk bbc.com cnn.com reuters.com bloomberg.com economist.com theatlantic.com wired.com
    arstechnica.com slashdot.org ycombinator.com reddit.com lwn.net jsfiddle.net codepen.io pastebin.com
    spiegel.de zeit.de faz.net sueddeutsche.de welt.de lemonde.fr elpais.com uol.com.br globo.com idnes.cz
    seznam.cz root.cz heise.de golem.de jstor.org springer.com sciencedirect.com ssrn.com plos.org
    researchgate.net twitter.com nuget.org uservoice.com
    """.split()
)
CHEAP_ENDINGS = frozenset(
    """
    xyz top club shop site online store info biz ru cn tk ml ga cf gq pw cc ws click link loan win bid trade
    date racing review science party stream download accountant faith men icu buzz live life world today space
    website tech pl ua
    """.split()
)
_SHORTENERS = frozenset(
    """
    bit.ly tinyurl.com goo.gl t.co is.gd ow.ly adf.ly bit.do cutt.ly rebrand.ly s.id t.me wa.me lnkd.in su.pr
    """.split()
)
_FREE_PAGES = re.compile(
    r"blogspot|wordpress\.com|tumblr|weebly|wix|livejournal|webs\.com|jimdo|blog\.com|typepad|squidoo|hubpages|sites\.google"
    r"|tripod|angelfire|xanga|posterous|edublogs|formspring|bravejournal|blogdrive|myspace|free|beep\.com|yolasite"
)
_RANDOM = re.compile(r"[a-z]\d+[a-z]{2}|[a-z][A-Z]|[bcdfghjklmnpqrstvwxz]{6}")
_NOTED = 50
_READ_OF_PATH = 80
_READ_BEFORE = 50
_STOPS = (".", "!", "…", "。", "！")
_BBCODE = re.compile(r"(?<!\w)\[/?(?:url|link)\s*[=\]]", re.IGNORECASE)
_PARAGRAPH = re.compile(r"\n\s*\n")
_HOST = re.compile(r"^https?://(?:www\.)?")
_PARCELS = re.compile(
    r"viewtopic|showthread|profile|member|user|index\.php\?|/wp-|/forum|u=\d|uid=\d|/cgi", re.IGNORECASE
)


def ending(link: Link) -> str:
    """The last label of the host."""
    return link.host.rpartition(".")[2]


def is_cheap(link: Link) -> bool:
    """Whether the host ends in a label that is sold for next to nothing."""
    return ending(link) in CHEAP_ENDINGS


def is_commerce(link: Link) -> bool:
    """Whether the address names what is for sale; its ending does not count, nor a path on somebody else's site."""
    name = link.host.removesuffix(f".{ending(link)}")
    return sells(name if is_reference(link) else f"{name} {link.path[:_READ_OF_PATH]}".lower())


def is_free_page(link: Link) -> bool:
    """Whether anybody can open a page there."""
    return bool(_FREE_PAGES.search(link.host))


def is_shortener(link: Link) -> bool:
    """Whether the address hides another."""
    return link.domain in _SHORTENERS


def is_reference(link: Link) -> bool:
    """Whether the site is hardly the author's own: people refer to it, or everybody has a page there."""
    return link.domain in REFERENCE_DOMAINS


def keyword_path(link: Link) -> bool:
    """Whether the path reads like a search phrase: three hyphens or more."""
    return link.path.count("-") >= 3


def parcel_path(link: Link) -> bool:
    """Whether the path is that of a profile or a topic on somebody else's forum."""
    return bool(_PARCELS.search(link.path))


def randomness(link: Link) -> float:
    """How random the host looks as it was typed: digits among letters, odd capitals, too many consonants."""
    return log1p(len(_RANDOM.findall(_HOST.sub("", link.url)[: len(link.host)])))


def _share(links: list[Link], test: Callable[[Link], float]) -> float:
    return sum(map(test, links)) / len(links) if links else 0.0


def _anchor_words(reading: Reading) -> float:
    worded = [link.anchor for link in reading.links if link.is_worded]
    return min(2.0, sum(len(anchor.split()) for anchor in worded) / max(1, len(worded)) / 3) if worded else 0.0


def _anchor_last(reading: Reading) -> float:
    """Words that are a link close the text."""
    return float(bool(reading.links) and reading.links[-1].is_worded and _after_last(reading) < 3)


def _anchor_astray(reading: Reading) -> float:
    """The share of worded links that have no longer word in common with the rest of the text or the title."""
    anchors = [long_words(anchor) for anchor in reading.worded_anchors]
    if not anchors:
        return 0.0
    own = Counter(word for words in anchors for word in words)
    said = Counter(word for word in reading.words if word in own)
    about = {word for word, times in said.items() if times > own[word]} | reading.context
    return sum(map(about.isdisjoint, anchors)) / len(anchors)


def _search_phrase(link: Link) -> bool:
    """Two words or more in small letters, as people type them into a search box."""
    return link.is_worded and " " in link.anchor and link.anchor.islower()


def _after_last(reading: Reading) -> int:
    """Letters and digits after the last link, as far as they count."""
    return sum(map(str.isalnum, reading.comment.text[reading.links[-1].end :][:_NOTED]))


def _abrupt(reading: Reading) -> float:
    """The share of links that begin a line after a finished sentence: nothing leads up to them."""
    text = reading.comment.text

    def is_abrupt(link: Link) -> bool:
        before = text[max(0, link.start - _READ_BEFORE) : link.start]
        said = before.rstrip()
        return "\n" in before[len(said) :] and said.endswith(_STOPS)

    return _share(reading.links, is_abrupt)


def _own_paragraph(reading: Reading) -> float:
    """The text ends in a paragraph that is hardly more than a link."""
    if not reading.links or _after_last(reading) > 2:
        return 0.0
    before = reading.comment.text[: reading.links[-1].start]
    introduction = _PARAGRAPH.split(before)[-1]
    return float(len(introduction) < len(before) and len(introduction.strip()) < 50)


def _repeats(reading: Reading) -> float:
    domains = [link.domain for link in reading.links]
    return log1p(len(domains) - len(set(domains)))


def _forms(reading: Reading) -> float:
    return float(len({link.form for link in reading.links} - {"naked"}) > 1)


def _naked(reading: Reading) -> float:
    return float(any(link.form == "naked" for link in reading.links))


def _bbcode(reading: Reading) -> float:
    text = reading.comment.text
    return float(bool(reading.links) and "[" in text and bool(_BBCODE.search(text)))


LINK_SIGNALS: tuple[Signal, ...] = (
    Signal("LINKS", "how many links lead away", lambda r: log1p(len(r.links))),
    Signal("LINK_ANY", "a link that leads away", lambda r: float(bool(r.links))),
    Signal("LINKS_PER_WORD", "links for each word", lambda r: min(2.0, 5 * len(r.links) / (len(r.words) + 5))),
    Signal("LINK_FIRST", "a link at the very start", lambda r: float(bool(r.links) and r.links[0].start < 5)),
    Signal("LINK_DOMAINS", "how many sites are linked", lambda r: log1p(len({link.domain for link in r.links}))),
    Signal("LINK_REPEATS", "the same site linked again", _repeats),
    Signal("LINK_FORMS", "one link written in several markups", _forms),
    Signal("LINK_BBCODE", "links in BBCode, or in what should have been", _bbcode),
    Signal("LINK_NAKED", "a host named without http", _naked),
    Signal("ANCHOR_WORDS", "words used as link text", _anchor_words),
    Signal("ANCHOR_LAST", "words that are a link close the text", _anchor_last),
    Signal("ANCHOR_ASTRAY", "link text about something else", _anchor_astray),
    Signal("ANCHOR_PHRASE", "link text like a search phrase", lambda r: _share(r.links, _search_phrase)),
    Signal("LINK_PARAGRAPH", "a last paragraph that is hardly more than a link", _own_paragraph),
    Signal("LINK_COMMERCE", "goods or services in linked addresses", lambda r: _share(r.links, is_commerce)),
    Signal("LINK_ABRUPT", "links that nothing leads up to", _abrupt),
    Signal("LINK_CHEAP", "links to cheap endings", lambda r: _share(r.links, is_cheap)),
    Signal("LINK_FREE_PAGE", "links to free pages", lambda r: _share(r.links, is_free_page)),
    Signal("LINK_SHORTENED", "shortened links", lambda r: _share(r.links, is_shortener)),
    Signal("LINK_PARCEL_PATH", "links to forum profiles", lambda r: _share(r.links, parcel_path)),
    Signal("LINK_HYPHENS", "hyphens in linked hosts", lambda r: _share(r.links, lambda link: "-" in link.host)),
    Signal("LINK_RANDOM", "linked hosts of random letters", lambda r: _share(r.links, randomness)),
    Signal(
        "LINK_DIGITS",
        "digits in linked hosts",
        lambda r: _share(r.links, lambda link: any(map(str.isdigit, link.host))),
    ),
    Signal("LINK_ROOT", "links to bare home pages", lambda r: _share(r.links, lambda link: len(link.path) < 2)),
    Signal("LINK_HOME", "links back to the page commented on", lambda r: float(bool(r.home_links))),
)
