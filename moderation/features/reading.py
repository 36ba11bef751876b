"""One comment, read once: what the signals and the n-grams look at."""

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from moderation.domain.comment import Comment
from moderation.features.lexicon import topics_of
from moderation.features.links import Link, find_links, parse_url
from moderation.features.ngrams import URL_MARK, find_words, words_of
from moderation.features.normalize import Canonical, Draft, canonical_text, canonicalize

_ADDRESS_HINT = re.compile(r"://|www\.|\.(?:com|net|org|info|biz|ru|xyz|top|club|shop|site|online)")
_ADDRESS = re.compile(
    r"https?://[^\s<>\"'\[\]]+|(?<![\w.@])www\.[^\s<>\"'\[\]]+"
    r"|(?<![\w@./:-])(?:[a-z0-9-]+\.)+(?:com|net|org|info|biz|ru|xyz|top|club|shop|site|online)(?:/[^\s<>\"'\[\]]*)?(?![\w@.-])"
)
PICTURE = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\u2b50]")
"""An emoji or another little picture."""
_BEGINNING = 5_000
_HOLLOW = re.compile(r"<!--[^<>]{0,200}-->|<(\w{1,20})[^<>]{0,200}></\1>")
_TAG = re.compile(r"<[a-zA-Z/!?][^<>]*>")


@dataclass(frozen=True)
class Reading:
    """A comment with everything that more than one feature needs, each worked out at most once.

    `links` lead out, `home_links` lead back to the site of the permalink.
    """

    comment: Comment

    @cached_property
    def canonical(self) -> Canonical:
        """The canonical text."""
        return canonicalize(self.comment.text)

    @cached_property
    def prose(self) -> Canonical:
        """The canonical text with one mark for each address that leads out, and without those that lead home.

        Pictures are left out, they would water down what is said. Origins still point into the comment as it was sent.
        """
        canonical = self.canonical
        text = canonical.text if canonical.text.isascii() else PICTURE.sub(" ", canonical.text)
        draft = Draft(text)
        if _ADDRESS_HINT.search(text):
            draft.replace(_ADDRESS, self._mark if self.home else f" {URL_MARK} ")
        if draft.text == canonical.text:
            return canonical
        starts, ends = canonical.starts[draft.starts], canonical.ends[draft.ends - 1]
        return Canonical(draft.text, draft.text, starts, ends)

    @cached_property
    def markup(self) -> str:
        """The beginning of the text as it was sent, without tags that hold nothing."""
        text = self.comment.text[:_BEGINNING]
        return _HOLLOW.sub("", text) if "<" in text else text

    @cached_property
    def lines(self) -> str:
        """The beginning of the text as it was sent, without any tag: where lines begin and end still shows."""
        return _TAG.sub("", self.markup) if "<" in self.markup else self.markup

    @cached_property
    def word_matches(self) -> list[re.Match[str]]:
        """Every word of the prose, the URL mark included."""
        return find_words(self.prose.text)

    @cached_property
    def words(self) -> list[str]:
        """The words of the prose, without the URL marks."""
        return [word for match in self.word_matches if (word := match[0]) != URL_MARK]

    @cached_property
    def word_lengths(self) -> list[int]:
        """How long each of `words` is."""
        return list(map(len, self.words))

    @cached_property
    def topics(self) -> Counter[str]:
        """Hits of each word list in the prose."""
        return topics_of(self.words)

    @cached_property
    def home(self) -> Link | None:
        """The page commented on."""
        return parse_url(self.comment.permalink) if self.comment.permalink else None

    @cached_property
    def all_links(self) -> list[Link]:
        """Every link of the text."""
        return find_links(self.comment.text)

    @cached_property
    def home_links(self) -> list[Link]:
        """Links back to the page commented on, or to another page of a site that has a host of its own."""
        return [link for link in self.all_links if self._leads_home(link)]

    @cached_property
    def links(self) -> list[Link]:
        """Links that lead away from the page."""
        return [link for link in self.all_links if not self._leads_home(link)] if self.home else self.all_links

    @cached_property
    def anchors(self) -> list[str]:
        """The canonical text of each link's anchor, empty where it has none."""
        return [canonical_text(link.anchor) if link.anchor else "" for link in self.links]

    @cached_property
    def worded_anchors(self) -> list[str]:
        """Those of `anchors` that are words, not addresses."""
        return [text for link, text in zip(self.links, self.anchors, strict=True) if link.is_worded]

    @cached_property
    def author(self) -> str | None:
        """The canonical author name; empty where it was left empty."""
        return None if self.comment.author is None else canonical_text(self.comment.author[:200])

    @cached_property
    def author_words(self) -> list[str]:
        """The words of the author name."""
        return words_of(self.author or "")

    @cached_property
    def url(self) -> Link | None:
        """The author's own address, where it is one."""
        return parse_url(self.comment.url[:2000]) if self.comment.url else None

    @cached_property
    def email(self) -> tuple[str, str] | None:
        """Local part (as typed) and domain (lower case) of the e-mail, where it is one."""
        local, at, domain = (self.comment.email or "")[:320].strip().rpartition("@")
        return (local, domain.lower()) if at and local and domain else None

    @cached_property
    def context(self) -> set[str]:
        """The longer words of the page's title."""
        title = canonical_text((self.comment.context or "")[:500])
        return {word for word in words_of(title) if len(word) > 3}

    def _leads_home(self, link: Link) -> bool:
        home = self.home
        if home is None:
            return False
        watched = _video(home)
        if watched:
            return _video(link) == watched
        if link.host != home.host:
            return False
        return _page(link) == _page(home) if home.host in _SHARED_HOSTS else True

    def _mark(self, address: re.Match[str]) -> str:
        link = parse_url(address[0])
        return " " if link and self._leads_home(link) else f" {URL_MARK} "


_SHARED_HOSTS = frozenset({"facebook.com", "medium.com", "instagram.com", "reddit.com", "youtube.com", "m.youtube.com"})
_VIDEO = re.compile(r"/(?:watch/?\?(?:[^#]*&)?v=|embed/|v/|shorts/|live/)([\w-]+)", re.IGNORECASE)
_SHORT_VIDEO = re.compile(r"/([\w-]+)")


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
