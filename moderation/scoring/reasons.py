"""Turns the shares of a logit into reasons that a person can read, without losing any of it."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from moderation.domain.judgement import Reason, Span
from moderation.features import ngrams
from moderation.features.evidence import Evidence
from moderation.features.ngrams import URL_MARK
from moderation.features.signals import SIGNALS
from moderation.features.signals.visits import GIVEN_SIGNALS

MOST_FOR = 5
"""Wordings named for spam; as many against are `MOST_AGAINST`."""
MOST_AGAINST = 3

_LEAST = 1e-3
_LONGEST_DETAIL = 60

BLOCK_REASONS: dict[int, tuple[str, str]] = {
    ngrams.AUTHOR: ("AUTHOR_NAME", "author"),
    ngrams.ANCHOR: ("LINK_TEXT", "text"),
    ngrams.TARGET: ("LINK_TARGET", "text"),
    ngrams.URL: ("AUTHOR_URL", "url"),
}
"""Code and field of the reason that each block of hashed features, other than those of the text, is summed up in."""

SENTENCES: dict[str, str] = {
    "WORDING": "these words, and what they are made of",
    "OTHER_WORDING": "all other words of the text together",
    "AUTHOR_NAME": "the name of the author",
    "LINK_TEXT": "the words that the links are put on",
    "LINK_TARGET": "where the links lead",
    "AUTHOR_URL": "the address the author gave",
    "NO_MODEL": "no model was at hand, so a person has to look",
    **{signal.code: signal.sentence for signal in SIGNALS},
    **{signal.code: signal.sentence for signal in GIVEN_SIGNALS},
}
"""A plain sentence for every code."""


def explain(evidence: Evidence, shares: NDArray[np.float64], signal_shares: NDArray[np.float64]) -> tuple[Reason, ...]:
    """All reasons, heaviest first; their weights add up to the sum of both arrays and of what the evidence gives.

    `shares` has one entry a hashed column of the evidence, `signal_shares` one a signal.
    """
    reasons = [Reason(SIGNALS[i].code, float(signal_shares[i])) for i in np.flatnonzero(signal_shares)]
    reasons += [Reason(GIVEN_SIGNALS[i].code, float(evidence.given[i])) for i in np.flatnonzero(evidence.given)]
    sums = np.bincount(evidence.grams.blocks, weights=shares, minlength=len(ngrams.BLOCKS))
    reasons += [_block_reason(evidence, block, float(sums[block])) for block in BLOCK_REASONS if sums[block]]
    reasons += _wordings(evidence, shares)
    return tuple(sorted(reasons, key=lambda reason: -abs(reason.weight)))


def _block_reason(evidence: Evidence, block: int, weight: float) -> Reason:
    code, field = BLOCK_REASONS[block]
    if field == "text":
        links = evidence.reading.links
        spans = tuple(Span("text", link.start, link.end) for link in links)
        detail = ", ".join(dict.fromkeys(link.anchor if block == ngrams.ANCHOR else link.domain for link in links))
    else:
        value: str = getattr(evidence.reading.comment, field) or ""
        spans = (Span(field, 0, len(value)),)
        detail = value
    return Reason(code, weight, detail[:_LONGEST_DETAIL], spans)


def _wordings(evidence: Evidence, shares: NDArray[np.float64]) -> list[Reason]:
    """The heaviest words by themselves, each with all its places; the other words as one reason."""
    total = float(shares[evidence.grams.blocks <= ngrams.CHARS].sum())
    places: defaultdict[str, list[int]] = defaultdict(list)
    for number, match in enumerate(evidence.reading.word_matches):
        places[match[0]].append(number)
    places.pop(URL_MARK, None)
    by_place = _by_place(evidence, shares) if places else []
    weights = {word: sum(by_place[number] for number in numbers) for word, numbers in places.items()}
    order = sorted(weights, key=lambda word: -weights[word])
    named = [word for word in order[:MOST_FOR] if weights[word] > _LEAST]
    named += [word for word in order[::-1][:MOST_AGAINST] if weights[word] < -_LEAST]
    reasons = [
        Reason("WORDING", float(weights[word]), word[:_LONGEST_DETAIL], _spans(evidence, places[word]))
        for word in named
    ]
    rest = total - sum(reason.weight for reason in reasons)
    return [*reasons, Reason("OTHER_WORDING", rest)] if rest else reasons


def _by_place(evidence: Evidence, shares: NDArray[np.float64]) -> list[float]:
    """The share of each word of the prose: an n-gram's share goes to the word that holds its middle."""
    grams = evidence.grams
    of_text = grams.occurrences < ngrams.OFFSETS[ngrams.AUTHOR]
    where = np.searchsorted(grams.columns, grams.occurrences[of_text])
    middles = (grams.starts[of_text] + grams.ends[of_text]) // 2 - 1
    starts = np.array([match.start() for match in evidence.reading.word_matches])
    words = np.maximum(np.searchsorted(starts, middles, side="right") - 1, 0)
    sums: list[float] = np.bincount(words, weights=(shares / grams.counts)[where], minlength=len(starts)).tolist()
    return sums


def _spans(evidence: Evidence, numbers: Sequence[int]) -> tuple[Span, ...]:
    reading = evidence.reading
    matches = [reading.word_matches[number] for number in numbers]
    return tuple(Span("text", *reading.prose.original(match.start(), match.end())) for match in matches)


def strongest(reasons: Sequence[Reason], most_for: int = MOST_FOR, most_against: int = MOST_AGAINST) -> list[Reason]:
    """The heaviest reasons for spam, then the heaviest against it."""
    pro = [reason for reason in reasons if reason.weight > 0][:most_for]
    return pro + [reason for reason in reasons if reason.weight < 0][:most_against]
