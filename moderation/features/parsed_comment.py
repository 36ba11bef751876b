"""A comment parsed once: text, links and author as signals, n-grams and similarity read them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from hashlib import sha256

from moderation.domain.comment import Comment
from moderation.features.contacts import find_disguised_links, mask_contacts
from moderation.features.lexicon import count_topics, word_list
from moderation.features.links import PLAIN_URL, Link, find_links, may_have_plain_url, parse_url
from moderation.features.ngrams import PLACEHOLDER_TOKENS, URL_TOKEN, tokenize
from moderation.features.normalize import DIGITS, NormalizedText, TrackedText, count_ascii, normalize, normalized
from moderation.features.scripts import LATIN, UNSPACED_LETTER, Scripts, count_scripts

EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\u2b50]")
_HEAD_LENGTH = 5_000
_EMPTY_ELEMENT = re.compile(r"<!--[^<>]{0,200}-->|<(\w{1,20})[^<>]{0,200}></\1>")
_TAG = re.compile(r"<[a-zA-Z/!?][^<>]*>")
_PLAIN_FORMS = ("bare", "naked")
"""Forms of links that leave a URL in the canonical text."""
_SHARED_HOSTS = frozenset(word_list("shared_hosts"))
_VIDEO_PATH = re.compile(r"/(?:watch/?\?(?:[^#]*&)?v=|embed/|v/|shorts/|live/)([\w-]+)", re.IGNORECASE)
_SHORT_VIDEO_PATH = re.compile(r"/([\w-]+)")
_MIN_LONG_WORD_LENGTH = 4
_TITLE_CACHE_SIZE = 1 << 8
_CONTENT_HASH_BYTES = 16
MAX_NAME_LENGTH = 200
_FIELDS = ("page_link", "author", "author_words", "url", "email", "title_words")
"""Attributes of a parsed comment that do not depend on its text."""
_MAX_URL_LENGTH = 2_000
_MAX_TITLE_LENGTH = 500


class ParsedComment:
    """A `comment` with every intermediate result that more than one feature needs.

    An absent field gives empty results, and `None` for `page_link`, `url` and `email`.

    - `normalized`: the canonical text. `body`: the canonical text as `body_of` returns it, its contacts masked.
    - `contacts`: telephone numbers, mailboxes and the like.
    - `tokens`: the words of the body with the tokens of URLs and contacts. `words`: without. `word_lengths`: theirs.
    - `scripts`: letters of the body that write densely or without spaces. `word_count` and `text_length` estimate the
      words and the letters that the same text would have in Latin script.
    - `topic_counts`: how often the words hit each topic. `digit_count`: number of digits in the body.
    - `html_head`: the beginning of the raw text without empty elements. `text_head`: without any tag.
    - `page_link`: the page. `internal_links` lead back to it, `external_links` elsewhere.
    - `anchors`: canonical anchor of each external link, empty without one. `descriptive_anchors`: only words, not URLs.
    - `author`: the canonical name. `author_words`: its words.
    - `url`: the author's URL if it is valid. `email`: local part as typed and domain in lower case, if valid.
    - `title_words`: the long words of the page's title, if spaces separate them.
    """

    def __init__(self, comment: Comment, whole: "ParsedComment | None" = None) -> None:
        """Parse a comment, or only the text of one that has all other fields of `whole`."""
        self.comment = comment
        if whole is None:
            self._parse_fields()
        else:
            vars(self).update({name: getattr(whole, name) for name in _FIELDS})
        for step in self._TEXT_STEPS:
            step(self)

    @classmethod
    def parse_batch(cls, comments: Iterable[Comment]) -> "list[ParsedComment]":
        """Parse many comments, one step after the other, which keeps the processor's caches warm."""
        batch = []
        for comment in comments:
            parsed = cls.__new__(cls)
            parsed.comment = comment
            batch.append(parsed)
        for step in (cls._parse_fields, *cls._TEXT_STEPS):
            for parsed in batch:
                step(parsed)
        return batch

    def passage(self, start: int, end: int) -> "ParsedComment":
        """Return a passage of the text parsed alone. The other fields are those of the whole comment."""
        return ParsedComment(replace(self.comment, text=self.comment.text[start:end]), self)

    def _parse_fields(self) -> None:
        comment = self.comment
        self.page_link = parse_url(comment.permalink[:_MAX_URL_LENGTH]) if comment.permalink else None
        self.author = normalized(comment.author[:MAX_NAME_LENGTH]) if comment.author else ""
        self.author_words = tokenize(self.author)
        self.url = parse_url(comment.url[:_MAX_URL_LENGTH]) if comment.url else None
        self.email = _parse_email(comment.email) if comment.email else None
        self.title_words = _title_words(comment.context[:_MAX_TITLE_LENGTH]) if comment.context else frozenset()

    def _normalize(self) -> None:
        self.normalized = normalize(self.comment.text)
        self.body = body_of(self.normalized, self.page_link)
        self.tokens = tokenize(self.body.text)

    def _mask_contacts(self) -> None:
        unmasked = self.body
        self.body, self.contacts = mask_contacts(unmasked, self.tokens, self.normalized.cased)
        if self.body is not unmasked:
            self.tokens = tokenize(self.body.text)

    def _count(self) -> None:
        self.words = _without_placeholders(self.tokens)
        self.word_lengths = list(map(len, self.words))
        self.scripts = count_scripts(self.body.text)
        self.word_count = _count_words(self.words, self.scripts)
        self.text_length = len(self.body.text) + self.scripts.extra_length
        self.topic_counts = count_topics(self.words)
        self.digit_count = count_ascii(DIGITS, self.body.text)
        self.html_head = _remove_empty_elements(self.comment.text[:_HEAD_LENGTH])
        self.text_head = _TAG.sub("", self.html_head) if "<" in self.html_head else self.html_head

    def _find_links(self) -> None:
        text = self.comment.text
        links = find_links(text)
        self.external_links, self.internal_links = _split_links(links, self.page_link)
        if self.tokens.count(URL_TOKEN) > sum([link.form in _PLAIN_FORMS for link in self.external_links]):
            disguised = find_disguised_links(text, self.normalized, links)
            self.external_links += _split_links(disguised, self.page_link)[0]
        self.anchors = [normalized(link.anchor) if link.anchor else "" for link in self.external_links]
        self.descriptive_anchors = [
            anchor
            for link, anchor in zip(self.external_links, self.anchors, strict=True)
            if link.has_descriptive_anchor
        ]

    @property
    def content_hash(self) -> bytes:
        """The first half of the SHA-256 of the normalized text.

        It is equal for texts that differ only in case, markup or slashes.
        """
        return sha256(self.normalized.text.encode("utf-8", "surrogatepass")).digest()[:_CONTENT_HASH_BYTES]

    _TEXT_STEPS = (_normalize, _mask_contacts, _count, _find_links)
    """The steps that parse the text, in order: each needs the results of those before."""


def body_of(normalized: NormalizedText, page_link: Link | None) -> NormalizedText:
    """Return the canonical text with `URL_TOKEN` for each external URL, without internal URLs and emoji.

    Emoji would separate words, so that padding with them would hide bigrams. Origins still point into the raw text.
    """
    if normalized.text.isascii() and not may_have_plain_url(normalized.text):
        return normalized

    def replacement(url: re.Match[str]) -> str:
        link = parse_url(url[0]) if page_link else None
        return " " if link and _is_internal(link, page_link) else f" {URL_TOKEN} "

    tracked = TrackedText.from_normalized(normalized)
    if not tracked.text.isascii():
        tracked.text = EMOJI.sub(" ", tracked.text)
    if may_have_plain_url(tracked.text):
        tracked.replace(PLAIN_URL, replacement)
    return tracked.to_normalized() if tracked.text != normalized.text else normalized


def _count_words(words: Sequence[str], scripts: Scripts) -> float:
    """Return the number of words, estimated for a text in a script without spaces."""
    if scripts is LATIN or not scripts.unspaced_words:
        return len(words)
    return scripts.unspaced_words + sum(not UNSPACED_LETTER.search(word) for word in words)


def long_words(text: str) -> list[str]:
    """Return the words of a canonical text that are long enough to name its subject."""
    return [word for word in tokenize(text) if len(word) >= _MIN_LONG_WORD_LENGTH]


def _without_placeholders(tokens: list[str]) -> list[str]:
    """Return the words among the tokens of a text."""
    if PLACEHOLDER_TOKENS.isdisjoint(tokens):
        return tokens
    return [token for token in tokens if token not in PLACEHOLDER_TOKENS]


def _remove_empty_elements(text: str) -> str:
    return _EMPTY_ELEMENT.sub("", text) if "<" in text else text


def _parse_email(email: str) -> tuple[str, str] | None:
    local, at, domain = email[:320].strip().rpartition("@")
    return (local, domain.lower()) if at and local and domain else None


@lru_cache(_TITLE_CACHE_SIZE)
def _title_words(title: str) -> frozenset[str]:
    return frozenset(word for word in long_words(normalized(title)) if not UNSPACED_LETTER.search(word))


def _split_links(links: list[Link], page_link: Link | None) -> tuple[list[Link], list[Link]]:
    """Return the external and the internal links."""
    external: list[Link] = []
    internal: list[Link] = []
    for link in links:
        (internal if _is_internal(link, page_link) else external).append(link)
    return external, internal


def _is_internal(link: Link, page_link: Link | None) -> bool:
    """Return whether a link leads to the page itself, or to any page on the same host unless the host is shared."""
    if page_link is None:
        return False
    video_id = _video_id(page_link)
    if video_id:
        return _video_id(link) == video_id
    if link.host != page_link.host:
        return False
    return _path_without_query(link) == _path_without_query(page_link) if page_link.host in _SHARED_HOSTS else True


def _path_without_query(link: Link) -> str:
    return link.path.split("?")[0].split("#")[0].rstrip("/")


def _video_id(link: Link) -> str | None:
    """Return the id of the linked YouTube video. It is in lower case, as URLs in canonical text are."""
    if link.domain == "youtube.com":
        match = _VIDEO_PATH.match(link.path)
    elif link.host == "youtu.be":
        match = _SHORT_VIDEO_PATH.match(link.path)
    else:
        return None
    return match[1].lower() if match else None
