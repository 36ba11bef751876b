"""Reasons of a score: the contributions to its logit, summed up for people without losing any."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Any

from moderation.domain.authors import AUTHOR_CODES, BLOCKED_AUTHOR, TRUSTED_AUTHOR
from moderation.domain.decision import Occurrence, Reason, Span
from moderation.features import ngrams
from moderation.features.extraction import Features
from moderation.features.ngrams import PLACEHOLDER_TOKENS
from moderation.features.normalize import OffsetMap
from moderation.features.signals import SIGNALS, signal_codes
from moderation.features.signals.submission import RULE_SIGNALS, SUBMISSION_CODES
from moderation.scoring.lists import DESCRIPTIONS as LIST_DESCRIPTIONS
from moderation.scoring.repetition import REPETITION_DESCRIPTIONS
from moderation.scoring.second_reader import READER_SKIPPED, SECOND_READER
from moderation.scoring.site_weights import LEARNT_HERE

MAX_SPAM_REASONS = 5
MAX_HAM_REASONS = 3

_MIN_WEIGHT = 1e-3
_MAX_DETAIL_LENGTH = 60
_MAX_PHRASE_WORDS = 4

NAMESPACE_REASONS: dict[int, tuple[str, str]] = {
    ngrams.AUTHOR: ("AUTHOR_NAME", "author"),
    ngrams.ANCHOR: ("LINK_TEXT", "text"),
    ngrams.TARGET: ("LINK_TARGET", "text"),
    ngrams.URL: ("AUTHOR_URL", "url"),
}
"""Code and field of the one reason that sums up each namespace other than that of the text."""

DESCRIPTIONS: dict[str, str] = {
    "WORDING": "these words and their parts",
    "OTHER_WORDING": "all other words of the text together",
    "AUTHOR_NAME": "the name of the author",
    "LINK_TEXT": "the link texts",
    "LINK_TARGET": "the sites and paths that are linked",
    "AUTHOR_URL": "the URL of the author",
    "PASSAGE": "a passage of this long text, which is scored alone",
    "NO_MODEL": "no model was available, so a person must decide",
    **{signal.code: signal.description for signal in RULE_SIGNALS},
    **REPETITION_DESCRIPTIONS,
    **LIST_DESCRIPTIONS,
    SECOND_READER: "a language model that reads the whole comment",
    READER_SKIPPED: "the language model was not asked",
    LEARNT_HERE: "labels that people gave on this site",
    TRUSTED_AUTHOR: "an author whom the site trusts",
    BLOCKED_AUTHOR: "an author whom the site blocks",
}
"""The sentence for each reason that is no signal of the model, by code. It is given only where it is true."""

SENTENCES: dict[str, Mapping[Occurrence | None, str]] = {
    **{code: {None: sentence} for code, sentence in DESCRIPTIONS.items()},
    **{signal.code: signal.wording.sentences for signal in SIGNALS},
}
"""The sentences for every reason by code and occurrence."""
OUTSIDE_CODES = (
    SUBMISSION_CODES | REPETITION_DESCRIPTIONS.keys() | LIST_DESCRIPTIONS.keys() | {LEARNT_HERE, *AUTHOR_CODES}
)
"""Codes of reasons whose facts are outside the comment, so that no model can find them in it again."""
_OCCURRENCES = [signal.wording.occurrences for signal in SIGNALS]
_new_reason: Callable[[tuple[Any, ...]], Reason] = partial(tuple.__new__, Reason)
"""`Reason` of all its fields. `Reason(…)` takes half as long again, for some ninety signals of each comment."""


def describe(reason: Reason) -> str:
    """Return the sentence that is true of the comment, or the code in words if only another version has it.

    Older versions did not store the occurrence. Their signals get all sentences, one of which is true.
    """
    sentences = SENTENCES.get(reason.code)
    if sentences is None:
        return reason.code.replace("_", " ").lower()
    return sentences.get(reason.occurrence) or ", or ".join(sentences.values())


def reasons_of_zeros(centered_weights: Sequence[tuple[float, float]]) -> list[Reason]:
    """Return the reason of each signal at a value of zero, which most signals of a comment have, by mean and weight."""
    return [
        Reason(code, weight * (0.0 - mean), occurrence=occurrences[0])
        for code, (mean, weight), occurrences in zip(signal_codes(), centered_weights, _OCCURRENCES, strict=True)
    ]


def explain(
    features: Features,
    contributions: Sequence[dict[str, float]],
    signal_contributions: Sequence[float],
    means: Sequence[float],
    zero_reasons: Sequence[Reason],
    *,
    evidence: Sequence[Reason],
    spans: bool,
) -> tuple[Reason, ...]:
    """Return all reasons, heaviest first. Their weights add up to all contributions and the weights of the evidence.

    Parameters
    ----------
    features : Features
        Features of the comment.
    contributions : sequence of dict
        For each field of the document, the contribution of each word.
    signal_contributions : sequence of float
        The contribution of each signal, in the order of `SIGNALS`.
    means : sequence of float
        The usual value of each signal.
    zero_reasons : sequence of Reason
        The reason that each signal gives at a value of zero, as `reasons_of_zeros` returns them.
    evidence : sequence of Reason
        Reasons that are known outside the comment.
    spans : bool
        If true, reasons of the model have their spans in the comment as sent.
    """
    signals = zip(features.signals, means, signal_contributions, _OCCURRENCES, zero_reasons, strict=True)
    reasons = [
        _new_reason((of_zero.code, weight, "", (), occurrences[(value >= mean) + 1])) if value else of_zero
        for value, mean, weight, occurrences, of_zero in signals
        if weight
    ]
    reasons += [Reason(code, weight) for code, weight in features.rule_contributions.items()]
    reasons += evidence
    for field, words in zip(features.document, contributions, strict=True):
        if field.namespace == ngrams.WORDS:
            reasons += _wording_reasons(features, words, spans=spans)
        elif weight := sum(words.values()):
            reasons.append(_namespace_reason(features, field.namespace, weight, spans=spans))
    first, others = split_strongest(reasons)
    return tuple(first + others)


def strongest(
    reasons: Sequence[Reason], max_spam: int = MAX_SPAM_REASONS, max_ham: int = MAX_HAM_REASONS
) -> list[Reason]:
    """Return the first reasons for spam, then the first for ham, of reasons ordered by weight."""
    spam = [reason for reason in reasons if reason.weight > 0][:max_spam]
    return spam + [reason for reason in reasons if reason.weight < 0][:max_ham]


def split_strongest(reasons: Sequence[Reason]) -> tuple[list[Reason], list[Reason]]:
    """Return the strongest reasons, and all others by weight, of reasons in any order."""
    ordered = sorted(reasons, key=by_abs_weight)
    spam: list[Reason] = []
    ham: list[Reason] = []
    others: list[Reason] = []
    for number, reason in enumerate(ordered):
        if len(spam) == MAX_SPAM_REASONS and len(ham) == MAX_HAM_REASONS:
            others += ordered[number:]
            break
        if reason.weight > 0 and len(spam) < MAX_SPAM_REASONS:
            spam.append(reason)
        elif reason.weight < 0 and len(ham) < MAX_HAM_REASONS:
            ham.append(reason)
        else:
            others.append(reason)
    return spam + ham, others


def by_abs_weight(reason: Reason) -> float:
    """Return the sort key of a reason."""
    return -abs(reason.weight)


def _namespace_reason(features: Features, namespace: int, weight: float, *, spans: bool) -> Reason:
    """Return the one reason that sums up the words of a name, of an address or of links."""
    code, field = NAMESPACE_REASONS[namespace]
    if field == "text":
        links = features.parsed.external_links
        detail = ", ".join(dict.fromkeys(link.anchor if namespace == ngrams.ANCHOR else link.domain for link in links))
        places = [Span("text", features.start + link.start, features.start + link.end) for link in links]
    else:
        detail = getattr(features.parsed.comment, field) or ""
        places = [Span(field, 0, len(detail))]
    return Reason(code, weight, detail[:_MAX_DETAIL_LENGTH], tuple(places) if spans else ())


def passage_reason(features: Features, weight: float, *, spans: bool) -> Reason:
    """Return the reason that quotes the passage that was scored. Its weight is the discount of a passage."""
    text = features.parsed.comment.text
    span = Span("text", features.start, features.start + len(text))
    return Reason("PASSAGE", weight, text.strip()[:_MAX_DETAIL_LENGTH], (span,) if spans else ())


class _TokenPositions:
    """Positions of some words in the body of a comment.

    `of_word` has the token number, start and end of each occurrence, by word.
    """

    def __init__(self, features: Features, words: Collection[str]) -> None:
        parsed = features.parsed
        self._body = parsed.body
        self._text = parsed.body.text
        self._start = features.start
        self.of_word: dict[str, list[tuple[int, int, int]]] = {word: [] for word in words}
        find = self._text.find
        end = 0
        for number, word in enumerate(parsed.tokens):
            start = find(word, end)
            end = start + len(word)
            if word in words:
                self.of_word[word].append((number, start, end))

    def are_adjacent(self, first: str, second: str) -> bool:
        """Return whether each occurrence of either word is next to one of the other, with white space between."""
        before, after = self.of_word[first], self.of_word[second]
        if len(before) != len(after):
            return False
        for (number, _, end), (next_number, start, _) in zip(before, after, strict=True):
            if next_number != number + 1 or not self._text[end:start].isspace():
                return False
        return True

    def spans(self, phrase: Sequence[str]) -> tuple[Span, ...]:
        """Return the spans of all occurrences of a phrase in the comment as sent."""
        bounds = zip(self.of_word[phrase[0]], self.of_word[phrase[-1]], strict=True)
        spans = [self._offset_map.original_span(start, end) for (_, start, _), (_, _, end) in bounds]
        return tuple([Span("text", self._start + start, self._start + end) for start, end in spans])

    @cached_property
    def _offset_map(self) -> OffsetMap:
        return self._body.offset_map()


def _wording_reasons(features: Features, contributions: Mapping[str, float], *, spans: bool) -> list[Reason]:
    """Return a reason for each of the heaviest phrases, and one for all other words together."""
    order = sorted(contributions, key=contributions.__getitem__)
    heaviest, lightest = order[: -2 * MAX_SPAM_REASONS - 1 : -1], order[: 2 * MAX_HAM_REASONS]
    spam = [word for word in heaviest if contributions[word] > _MIN_WEIGHT and word not in PLACEHOLDER_TOKENS]
    ham = [word for word in lightest if contributions[word] < -_MIN_WEIGHT and word not in PLACEHOLDER_TOKENS]
    positions = _TokenPositions(features, {*spam, *ham})
    phrases = [
        *_heaviest_phrases(positions, spam, contributions, MAX_SPAM_REASONS),
        *_heaviest_phrases(positions, ham, contributions, MAX_HAM_REASONS),
    ]
    reasons = [
        Reason("WORDING", weight, " ".join(phrase)[:_MAX_DETAIL_LENGTH], positions.spans(phrase) if spans else ())
        for weight, phrase in phrases
    ]
    rest = sum(contributions.values()) - sum([reason.weight for reason in reasons])
    return [*reasons, Reason("OTHER_WORDING", rest)] if rest else reasons


def _heaviest_phrases(
    positions: _TokenPositions, words: Sequence[str], weights: Mapping[str, float], limit: int
) -> list[tuple[float, list[str]]]:
    """Return the heaviest phrases of the words, with their weights."""
    phrases = [(sum([weights[word] for word in phrase]), phrase) for phrase in _phrases(positions, words)]
    return sorted(phrases, key=lambda weighted: -abs(weighted[0]))[:limit]


def _phrases(positions: _TokenPositions, words: Sequence[str]) -> Iterator[list[str]]:
    """Yield phrases of up to `_MAX_PHRASE_WORDS` words that are always adjacent. Each word is in one phrase."""
    by_token = {positions.of_word[word][0][0]: word for word in words}
    successors: dict[str, str] = {}
    for number, word in by_token.items():
        successor = by_token.get(number + 1)
        if successor and positions.are_adjacent(word, successor):
            successors[word] = successor
    continuations = set(successors.values())
    for word in words:
        if word not in continuations:
            phrase = [word]
            while word in successors:
                word = successors[word]
                if len(phrase) == _MAX_PHRASE_WORDS:
                    yield phrase
                    phrase = []
                phrase.append(word)
            yield phrase
