"""One comment, read once: what the signals and the n-grams look at."""

import re
from functools import lru_cache

from moderation.domain.comment import Comment
from moderation.features.lexicon import topics_of
from moderation.features.links import ADDRESS, ADDRESS_HINT, Link, find_links, parse_url
from moderation.features.ngrams import URL_MARK, words_of
from moderation.features.normalize import Canonical, Draft, canonical_text, canonicalize

PICTURE = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\u2b50]")
"""An emoji or another little picture."""
_BEGINNING = 5_000
_HOLLOW = re.compile(r"<!--[^<>]{0,200}-->|<(\w{1,20})[^<>]{0,200}></\1>")
_TAG = re.compile(r"<[a-zA-Z/!?][^<>]*>")
_DIGITS = b"0123456789"
_TITLES = 1 << 8
"""Titles of pages whose longer words are remembered."""


class Reading:
    """A `comment` with everything that more than one feature needs.

    What is read of an absent field is empty; `home`, `url` and `email` are then `None`.
    `canonical` is the canonical text, and `prose` what people say in it: see `prose_of`.
    `tokens` are the words of the prose, marks included, `words` those without the URL marks, `lengths` how long these
    are, `topics` how often they hit each word list, `digits` the number of digits in the prose.
    `markup` is the beginning of the text as it was sent, without tags that hold nothing; `lines` that without any tag:
    where lines begin and end still shows.
    `home` is the page commented on; `links` lead out, `home_links` back to it. `anchors` has the canonical text of each
    anchor of `links`, empty where it has none, `worded_anchors` only of those that are words, not addresses.
    `author` is the canonical name, `author_words` its words, `url` the author's own address where it is one, `email`
    local part (as typed) and domain (lower case) of the e-mail where it is one, `context` the longer words of the
    page's title.
    """

    def __init__(self, comment: Comment) -> None:
        self.comment = comment
        self.canonical = canonicalize(comment.text)
        self.home = parse_url(comment.permalink) if comment.permalink else None
        self.prose = prose_of(self.canonical, self.home)
        self.tokens = words_of(self.prose.text)
        self.words = [word for word in self.tokens if word != URL_MARK] if URL_MARK in self.tokens else self.tokens
        self.lengths = list(map(len, self.words))
        self.topics = topics_of(self.words)
        self.digits = count_ascii(_DIGITS, self.prose.text)
        self.markup = _without_hollow_tags(comment.text[:_BEGINNING])
        self.lines = _TAG.sub("", self.markup) if "<" in self.markup else self.markup
        self.links, self.home_links = _parted(find_links(comment.text), self.home)
        self.anchors = [canonical_text(link.anchor) if link.anchor else "" for link in self.links]
        self.worded_anchors = [text for link, text in zip(self.links, self.anchors, strict=True) if link.is_worded]
        self.author = canonical_text(comment.author[:200]) if comment.author else ""
        self.author_words = words_of(self.author)
        self.url = parse_url(comment.url[:2000]) if comment.url else None
        self.email = _mailbox(comment.email) if comment.email else None
        self.context = _title_words(comment.context[:500]) if comment.context else frozenset()


def prose_of(canonical: Canonical, home: Link | None) -> Canonical:
    """The canonical text with one mark for each address that leads out, and without those that lead home.

    Pictures are left out, they would water down what is said. Origins still point into the comment as it was sent.
    """

    def mark(address: re.Match[str]) -> str:
        link = parse_url(address[0]) if home else None
        return " " if link and _leads_home(link, home) else f" {URL_MARK} "

    draft = Draft.of(canonical)
    if not draft.text.isascii():
        draft.text = PICTURE.sub(" ", draft.text)
    if ADDRESS_HINT.search(draft.text):
        draft.replace(ADDRESS, mark)
    return draft.done() if draft.text != canonical.text else canonical


def count_ascii(characters: bytes, text: str) -> int:
    """How many characters of the text are one of these, which are all ASCII."""
    letters = text.encode("utf-8", "surrogatepass")
    return len(letters) - len(letters.translate(None, characters))


def long_words(text: str) -> list[str]:
    """The words of a canonical text that are long enough to say what it is about."""
    return [word for word in words_of(text) if len(word) > 3]


def _without_hollow_tags(text: str) -> str:
    return _HOLLOW.sub("", text) if "<" in text else text


def _mailbox(email: str) -> tuple[str, str] | None:
    local, at, domain = email[:320].strip().rpartition("@")
    return (local, domain.lower()) if at and local and domain else None


@lru_cache(_TITLES)
def _title_words(title: str) -> frozenset[str]:
    return frozenset(long_words(canonical_text(title)))


_SHARED_HOSTS = frozenset({"facebook.com", "medium.com", "instagram.com", "reddit.com", "youtube.com", "m.youtube.com"})
_VIDEO = re.compile(r"/(?:watch/?\?(?:[^#]*&)?v=|embed/|v/|shorts/|live/)([\w-]+)", re.IGNORECASE)
_SHORT_VIDEO = re.compile(r"/([\w-]+)")


def _parted(links: list[Link], home: Link | None) -> tuple[list[Link], list[Link]]:
    """The links that lead out, and those that lead home."""
    out: list[Link] = []
    back: list[Link] = []
    for link in links:
        (back if _leads_home(link, home) else out).append(link)
    return out, back


def _leads_home(link: Link, home: Link | None) -> bool:
    """Whether it leads to the page commented on, or to another page of a site that has a host of its own."""
    if home is None:
        return False
    watched = _video(home)
    if watched:
        return _video(link) == watched
    if link.host != home.host:
        return False
    return _page(link) == _page(home) if home.host in _SHARED_HOSTS else True


def _page(link: Link) -> str:
    return link.path.split("?")[0].split("#")[0].rstrip("/")


def _video(link: Link) -> str | None:
    """What the link has people watch: the id of a video, in small letters, since canonical text has no others."""
    if link.domain == "youtube.com":
        found = _VIDEO.match(link.path)
    elif link.host == "youtu.be":
        found = _SHORT_VIDEO.match(link.path)
    else:
        return None
    return found[1].lower() if found else None
