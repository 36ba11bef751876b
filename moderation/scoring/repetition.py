"""Evidence from repetition: where traits of a comment appeared on this installation lately, and what people said.

Other people with the same site, contact or text are the sign of a campaign; one person who comments often is not, and
neither are many people who write alike on one page. A trait that a person approved is no evidence.
"""

from collections.abc import Iterable
from math import log2
from typing import NamedTuple

from moderation.domain.decision import Reason
from moderation.features.traits import AUTHOR_SITE, CONTACT, LINKED_SITE, TEXT

MINUTES_PER_WEEK = 7 * 24 * 60
MAX_APPEARANCES = 32
"""Appearances that are remembered of one trait, the newest ones."""
MAX_WEIGHT = 3.0
"""Limit of all repetition together, in units of the logit: it cannot make an ordinary comment spam by itself."""
WEIGHTS = {TEXT: 0.75, AUTHOR_SITE: 1.73, LINKED_SITE: 0.8, CONTACT: 0.51}
"""Weight of the binary logarithm of one plus the number of other authors, by kind of trait."""
SPAM_LABEL_WEIGHT = 2.58
"""Weight of the binary logarithm of one plus the number of spam labels. These numbers are the output of the benchmark
`repetition`."""
LINK_WINDOW_MINUTES = 60
"""Time within which repetition of a linked site counts: people refer to the same new page for days."""
CODES = {
    TEXT: "REPEATED_TEXT",
    AUTHOR_SITE: "REPEATED_AUTHOR_SITE",
    LINKED_SITE: "REPEATED_LINK",
    CONTACT: "REPEATED_CONTACT",
}
SPAM_LABEL_CODE = "SEEN_SPAM"

REPETITION_DESCRIPTIONS = {
    "REPEATED_TEXT": "nearly the same text from other authors on other pages",
    "REPEATED_AUTHOR_SITE": "the author's site under other names",
    "REPEATED_LINK": "the linked site in comments of other authors on other pages",
    "REPEATED_CONTACT": "the e-mail address or phone number under other names",
    "SEEN_SPAM": "a text, site or contact that people labelled spam",
}
"""The subject of each reason, by code."""

_WINDOWS = (("hour", 60), ("day", 24 * 60), ("week", MINUTES_PER_WEEK))


class Appearance(NamedTuple):
    """One comment with a trait: minutes since 1970, the id of its site, and small hashes of its page and author.

    A hash is 0 if the site did not say. Different pages or authors may share a hash, which hides a repetition at most.
    """

    minute: int
    site: int
    page: int
    author: int


class TraitHistory(NamedTuple):
    """The last appearances of one trait, the newest first, and the numbers of labels in force on comments with it."""

    kind: str
    appearances: tuple[Appearance, ...]
    ham_labels: int = 0
    spam_labels: int = 0


class Repeats(NamedTuple):
    """The appearances of a trait within the last week that count as repetition, and the number of their authors."""

    appearances: tuple[Appearance, ...]
    authors: int


def find_repeats(history: TraitHistory, current: Appearance) -> Repeats:
    """Return the appearances under other names within a week; for texts and links on other pages only.

    Links count within `LINK_WINDOW_MINUTES`. A time after `current` counts too: the clock may have been set back.
    Nothing counts without an author, or after a ham label.
    """
    if history.ham_labels or not current.author:
        return Repeats((), 0)
    needs_other_page = history.kind in (TEXT, LINKED_SITE)
    window = LINK_WINDOW_MINUTES if history.kind == LINKED_SITE else MINUTES_PER_WEEK
    found = tuple(
        seen
        for seen in history.appearances
        if seen.author not in (0, current.author)
        and abs(current.minute - seen.minute) <= window
        and not (needs_other_page and (not seen.page or not current.page or _page(seen) == _page(current)))
    )
    return Repeats(found, len({seen.author for seen in found}))


def weigh(histories: Iterable[TraitHistory], current: Appearance) -> list[Reason]:
    """Return the reasons for a comment with these traits. Their weights are positive, `MAX_WEIGHT` at most together."""
    strongest: dict[str, Repeats] = {}
    spam_labels = 0
    for history in histories:
        repeats = find_repeats(history, current)
        if repeats.authors and repeats.authors > strongest.get(history.kind, Repeats((), 0)).authors:
            strongest[history.kind] = repeats
        if not history.ham_labels:
            spam_labels = max(spam_labels, history.spam_labels)
    reasons = [
        Reason(CODES[kind], WEIGHTS[kind] * log2(1 + repeats.authors), _describe(repeats, current))
        for kind, repeats in strongest.items()
    ]
    if spam_labels:
        times = "1 comment" if spam_labels == 1 else f"{spam_labels} comments"
        detail = f"people labelled {times} with it spam, and none ham"
        reasons.append(Reason(SPAM_LABEL_CODE, SPAM_LABEL_WEIGHT * log2(1 + spam_labels), detail))
    total = sum([reason.weight for reason in reasons])
    if total > MAX_WEIGHT:
        reasons = [reason._replace(weight=reason.weight * MAX_WEIGHT / total) for reason in reasons]
    return [reason for reason in reasons if reason.weight]


def _page(seen: Appearance) -> tuple[int, int]:
    return seen.site, seen.page


def _describe(repeats: Repeats, current: Appearance) -> str:
    """Return the counts in the shortest window that has all repeats: how often, by how many, on how many pages."""
    appearances = repeats.appearances
    age = max(abs(current.minute - seen.minute) for seen in appearances)
    window = next(name for name, minutes in _WINDOWS if age <= minutes)
    count = f"at least {len(appearances)}" if len(appearances) == MAX_APPEARANCES else str(len(appearances))
    pages = len({_page(seen) for seen in appearances if seen.page})
    sites = len({seen.site for seen in appearances})
    sentence = f"sent {_times(count)} in the last {window}, under {_plural(repeats.authors, 'other name')}"
    if pages:
        sentence += f", on {_plural(pages, 'page')}"
    return f"{sentence} of {sites} sites" if sites > 1 else sentence


def _times(count: str) -> str:
    return "once" if count == "1" else f"{count} times"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
