"""Compare a comment with the lists of an operator: one reason for each list that matches.

All keys that are texts are found in one pass over the comment, by the Aho-Corasick algorithm: its time does not grow
with their number. Domains and mailboxes are looked up.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from ahocorasick_rs import AhoCorasick, MatchKind

from moderation.domain.decision import Reason, Span
from moderation.domain.lists import ALLOWED, LISTED, EntryKind, ListEntry, OperatorList
from moderation.features.list_keys import SearchedParts
from moderation.features.parsed_comment import ParsedComment

DESCRIPTIONS = {
    LISTED: "an entry of a list that the operator keeps",
    ALLOWED: "an entry of a list that the operator allows",
}
_APOSTROPHES = ("'", "\u2019")
_MAX_ENDING_LENGTH = 2
_MAX_KEYS_NAMED = 3
_MAX_QUOTED_LENGTH = 60
_QUOTED = re.compile("“([^”]+)”")


class Match(NamedTuple):
    """An entry that matches a comment, with its list."""

    entry: ListEntry
    list: OperatorList


_Index = Mapping[str, Sequence[Match]]


class ListMatcher:
    """The entries of some lists, indexed."""

    def __init__(self, lists: Iterable[OperatorList]) -> None:
        by_kind: dict[EntryKind, list[Match]] = defaultdict(list)
        for each in lists:
            for entry in each.entries:
                by_kind[entry.kind].append(Match(entry, each))
        self._texts = [*by_kind[EntryKind.WORDS], *by_kind[EntryKind.SUBSTRING]]
        self._words = len(by_kind[EntryKind.WORDS])
        keys = [match.entry.key for match in self._texts]
        self._automaton = AhoCorasick(keys, matchkind=MatchKind.Standard, store_patterns=False) if keys else None
        self._domains = _index(by_kind[EntryKind.DOMAIN])
        self._mailboxes = _index(by_kind[EntryKind.MAILBOX])

    def find(self, searched: SearchedParts, now: datetime) -> list[Match]:
        """Return the entries that match and have not expired."""
        found = _find_keys(self._automaton, self._texts, self._words, searched.text) if self._automaton else []
        if self._mailboxes and searched.mailboxes:
            found += self._find_mailboxes(searched)
        if self._domains and searched.hosts:
            found += self._find_domains(searched, now)
        return [match for match in found if not match.entry.is_expired(now)]

    def _find_mailboxes(self, searched: SearchedParts) -> Iterator[Match]:
        """Yield the entries for a mailbox, or for all of a domain. Only the author's own one is allowed by a list."""
        for mailbox in searched.mailboxes:
            for key in (mailbox, f"@{mailbox.rpartition('@')[2]}"):
                for match in self._mailboxes.get(key, ()):
                    if not match.list.allows or mailbox == searched.email:
                        yield match

    def _find_domains(self, searched: SearchedParts, now: datetime) -> Iterator[Match]:
        """Yield the entries for a host or a domain above it.

        A list allows a comment only if it has every site that is linked: else one allowed link would cover the others.
        """
        listed = self._domains
        found = [
            (match, host)
            for host in searched.hosts
            for domain in _with_parents(host)
            if domain in listed
            for match in listed[domain]
            if not match.entry.is_expired(now)
        ]
        if not found:
            return
        covered: dict[str, set[str]] = defaultdict(set)
        for match, host in found:
            covered[match.list.name].add(host)
        linked = searched.linked_hosts
        for match, host in found:
            if not match.list.allows or (host in linked and linked <= covered[match.list.name]):
                yield match


def list_reasons(
    matchers: Sequence[ListMatcher], parsed: ParsedComment, now: datetime, *, spans: bool = False
) -> list[Reason]:
    """Return one reason for each list with entries that match. Its weight is that of the list, and counts once.

    The detail names the list and its first matching entries.
    """
    if not matchers:
        return []
    searched = SearchedParts(parsed)
    keys: dict[str, tuple[OperatorList, set[str]]] = {}
    for matcher in matchers:
        for entry, owner in matcher.find(searched, now):
            keys.setdefault(owner.name, (owner, set()))[1].add(entry.key)
    reasons = [
        Reason(ALLOWED if owner.allows else LISTED, owner.weight, f"{owner.name}: {_enumerate(sorted(found))}")
        for owner, found in keys.values()
    ]
    return [with_list_spans(reason, parsed) for reason in reasons] if spans else reasons


def with_list_spans(reason: Reason, parsed: ParsedComment) -> Reason:
    """Return the reason of a list with the spans of the entries that it names: their places in the text, else a field.

    The list itself is not read: it may have changed since.
    """
    keys = _QUOTED.findall(reason.detail)
    return reason._replace(spans=tuple(dict.fromkeys(_spans(parsed, SearchedParts(parsed), keys))))


def _enumerate(keys: Sequence[str]) -> str:
    more = len(keys) - _MAX_KEYS_NAMED
    named = ", ".join(f"“{key[:_MAX_QUOTED_LENGTH]}”" for key in keys[:_MAX_KEYS_NAMED])
    return f"{named} and {more} more" if more > 0 else named


def _index(matches: Iterable[Match]) -> _Index:
    index: dict[str, list[Match]] = defaultdict(list)
    for match in matches:
        index[match.entry.key].append(match)
    return dict(index)


def _find_keys(automaton: AhoCorasick, texts: Sequence[Match], words: int, text: str) -> list[Match]:
    """Return the entries whose keys are in a text, each once. The first `words` of them match whole words only."""
    hits = automaton.find_matches_as_indexes(text, overlapping=True)
    # Most hits of a large list are short words within longer ones: without a call for them, this takes half the time.
    found = {
        number
        for number, start, end in hits
        if number >= words
        or (not (text[start - 1 : start].isalnum() and text[start].isalnum()) and _is_whole(text, start, end))
    }
    return [texts[number] for number in found]


def _is_whole(text: str, start: int, end: int) -> bool:
    """Return whether no word continues beyond either end of `text[start:end]`.

    The ending of a contraction, as in `I've`, is no word.
    """
    before = text[start - 1 : start]
    if text[start].isalnum() and (before.isalnum() or (before in _APOSTROPHES and end - start <= _MAX_ENDING_LENGTH)):
        return False
    return not (text[end - 1].isalnum() and text[end : end + 1].isalnum())


def _with_parents(host: str) -> list[str]:
    """Return a host and each domain above it."""
    domains = [host]
    while parent := domains[-1].partition(".")[2]:
        domains.append(parent)
    return domains


def _spans(parsed: ParsedComment, searched: SearchedParts, keys: Sequence[str]) -> Iterator[Span]:
    """Yield where keys are in the comment as sent: their places in the text, else a whole field or link."""
    text, comment = parsed.normalized.text, parsed.comment
    offsets = parsed.normalized.offset_map() if any(key in text for key in keys) else None
    fields = (("author", parsed.author), ("url", searched.url), ("email", searched.email))
    for key in keys:
        if offsets and (start := text.find(key)) >= 0:
            yield Span("text", *offsets.original_span(start, start + len(key)))
        for name, value in fields:
            if key in value:
                yield Span(name, 0, len(getattr(comment, name)))
        for link in searched.links:
            if key in link.url.lower():
                yield Span("text", link.start, link.end)
