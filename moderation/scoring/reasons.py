"""Turns the shares of a logit into reasons that a person can read, without losing any of it."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from moderation.domain.judgement import Reason, Span
from moderation.features import ngrams
from moderation.features.evidence import Evidence
from moderation.features.ngrams import TITLE_MARK, URL_MARK
from moderation.features.reading import Reading
from moderation.features.signals import SIGNALS
from moderation.features.signals.visits import GIVEN_SIGNALS

MOST_FOR = 5
"""Reasons for spam, and wordings for it, that come first; as many against are `MOST_AGAINST`."""
MOST_AGAINST = 3

_LEAST = 1e-3
_LONGEST_DETAIL = 60
_WORDS_OF_PHRASE = 4
_MARKS = (URL_MARK, TITLE_MARK)

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

_CODES = [signal.code for signal in SIGNALS]


def explain(
    evidence: Evidence, shares: Sequence[dict[str, float]], signal_shares: Sequence[float]
) -> tuple[Reason, ...]:
    """All reasons, heaviest first; their weights add up to the sum of both and of what the evidence gives.

    `shares` has what each word adds, for each segment of the page, `signal_shares` one entry a signal.
    """
    reasons = [Reason(code, weight) for code, weight in zip(_CODES, signal_shares, strict=True) if weight]
    reasons += [Reason(code, weight) for code, weight in evidence.given.items()]
    for segment, words in zip(evidence.page, shares, strict=True):
        if segment.block == ngrams.WORDS:
            reasons += _wordings(evidence, words)
        elif weight := sum(words.values()):
            reasons.append(_block_reason(evidence, segment.block, weight))
    return tuple(sorted(reasons, key=heaviest_first))


def strongest(reasons: Sequence[Reason], most_for: int = MOST_FOR, most_against: int = MOST_AGAINST) -> list[Reason]:
    """Of reasons that are ordered by weight the heaviest for spam, then the heaviest against it."""
    pro = [reason for reason in reasons if reason.weight > 0][:most_for]
    return pro + [reason for reason in reasons if reason.weight < 0][:most_against]


def parted(reasons: Sequence[Reason]) -> tuple[list[Reason], list[Reason]]:
    """The `strongest` of reasons in any order, and all others, the heaviest first."""
    ranked = sorted(reasons, key=heaviest_first)
    first = strongest(ranked)
    chosen = set(map(id, first))
    return first, [reason for reason in ranked if id(reason) not in chosen]


def heaviest_first(reason: Reason) -> float:
    """What reasons are sorted by."""
    return -abs(reason.weight)


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


class _Places:
    """Where the words that are wanted stand in the prose: for each its places, as number of the word, start and end."""

    def __init__(self, reading: Reading, wanted: Collection[str]) -> None:
        self._text = reading.prose.text
        self._origins = reading.prose.origins()
        self.places: dict[str, list[tuple[int, int, int]]] = {word: [] for word in wanted}
        end = 0
        for number, word in enumerate(reading.tokens):
            start = self._text.find(word, end)
            end = start + len(word)
            if word in self.places:
                self.places[word].append((number, start, end))

    def touch(self, one: str, other: str) -> bool:
        """Whether the other follows the one wherever either stands, with nothing but white space between."""
        before, after = self.places[one], self.places[other]
        if [number - 1 for number, _, _ in after] != [number for number, _, _ in before]:
            return False
        gaps = zip(before, after, strict=True)
        return all(self._text[end:start].isspace() for (_, _, end), (_, start, _) in gaps)

    def spans(self, phrase: Sequence[str]) -> tuple[Span, ...]:
        """Every place of the phrase in the comment as it was sent."""
        bounds = zip(self.places[phrase[0]], self.places[phrase[-1]], strict=True)
        return tuple([Span("text", *self._origins.stretch(start, end)) for (_, start, _), (_, _, end) in bounds])


def _wordings(evidence: Evidence, shares: Mapping[str, float]) -> list[Reason]:
    """The heaviest phrases by themselves, each with all its places; the other words as one reason."""
    order = sorted(shares, key=shares.__getitem__)
    spam = [word for word in order[: -2 * MOST_FOR - 1 : -1] if shares[word] > _LEAST and word not in _MARKS]
    ham = [word for word in order[: 2 * MOST_AGAINST] if shares[word] < -_LEAST and word not in _MARKS]
    found = _Places(evidence.reading, {*spam, *ham})
    reasons = _named(found, spam, shares, MOST_FOR) + _named(found, ham, shares, MOST_AGAINST)
    rest = sum(shares.values()) - sum([reason.weight for reason in reasons])
    return [*reasons, Reason("OTHER_WORDING", rest)] if rest else reasons


def _named(found: _Places, chosen: Sequence[str], weights: Mapping[str, float], most: int) -> list[Reason]:
    """Reasons for the heaviest phrases that the chosen words make."""
    phrases = [(sum([weights[word] for word in phrase]), phrase) for phrase in _phrases(found, chosen)]
    phrases.sort(key=lambda weighed: -abs(weighed[0]))
    return [
        Reason("WORDING", weight, " ".join(phrase)[:_LONGEST_DETAIL], found.spans(phrase))
        for weight, phrase in phrases[:most]
    ]


def _phrases(found: _Places, chosen: Sequence[str]) -> Iterator[list[str]]:
    """Each word once: those that stand next to each other wherever they stand are one phrase of a few words."""
    by_first = {found.places[word][0][0]: word for word in chosen}
    following: dict[str, str] = {}
    for first, word in by_first.items():
        other = by_first.get(first + 1)
        if other and found.touch(word, other):
            following[word] = other
    later = set(following.values())
    for word in chosen:
        if word not in later:
            phrase = [word]
            while word in following:
                word = following[word]
                if len(phrase) == _WORDS_OF_PHRASE:
                    yield phrase
                    phrase = []
                phrase.append(word)
            yield phrase
