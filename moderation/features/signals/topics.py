"""Signals of what the text speaks about: topics by word lists, and the author's own site."""

import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from math import nan
from operator import itemgetter

from moderation.features.lexicon import TOPICS, word_list
from moderation.features.normalize import normalized
from moderation.features.parsed_comment import ParsedComment
from moderation.features.signals.signal import Measurement, presence

_OWN_SITE = re.compile(
    r"\b(?:my|our)\W{1,3}(?:\w+\W{1,3}){0,3}(?:web\W?)?(?:site|page|blog|weblog|homepage|channel|store|shop|posts?|profile)s?\b"
    r"|\b(?:mon (?:site|blog)|mein\w? (?:seite|blog)|mi (?:sitio|pagina|blog)|мой (?:сайт|блог))\b"
)
_END_LENGTH = 120
_MAX_ADVERT_LENGTH = 2_000
_MAX_ADVERT_PHRASES = 3


def _own_site(parsed: ParsedComment) -> tuple[float, ...]:
    end = parsed.body.text[-_END_LENGTH:]
    may_match = "my" in end or "our" in end or "mein" in end or "mi " in end or "mon " in end or "мой" in end
    own_site = float(may_match and bool(_OWN_SITE.search(end)))
    return own_site, own_site if parsed.external_links else 0.0


def _topics(parsed: ParsedComment) -> Sequence[float]:
    """Return hits per ten words, damped so that one hit in a short text stays far below the maximum."""
    hits, word_count = parsed.topic_counts, parsed.word_count
    if not hits:
        return _NO_TOPICS
    rates = [min(3.0, 10.0 * hits[topic] / (word_count + 10.0)) if topic in hits else 0.0 for topic in TOPICS]
    return [*rates, min(1.0, hits.get("praise", 0) / 3) / (1 + word_count / 30)]


def _adverts(parsed: ParsedComment) -> tuple[float, ...]:
    """Return how many different phrases of advertisements a text has. Only scripts of the list are searched."""
    if not (parsed.scripts.hangul or parsed.scripts.han_or_kana):
        return (nan,)
    # Advertisers put spaces between syllables, and Korean spelling is free to.
    text = parsed.body.text[:_MAX_ADVERT_LENGTH].replace(" ", "")
    return (float(min(_MAX_ADVERT_PHRASES, len(set(_ADVERT_PHRASE.findall(text))))),)


def _any_of(phrases: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern of all phrases. One branch for each first letter takes half the time of one for each phrase."""
    by_letter = groupby(sorted(phrases), key=itemgetter(0))
    branches = [(letter, "|".join(re.escape(phrase[1:]) for phrase in group)) for letter, group in by_letter]
    return re.compile("|".join(f"{re.escape(letter)}(?:{rest})" for letter, rest in branches))


_ADVERT_PHRASE = _any_of(map(normalized, word_list("asian_adverts")))


_TOPIC_WORDINGS = {
    "GOODS": presence("words about branded goods", "no words about branded goods"),
    "PILLS": presence("words about drugs and diets", "no words about drugs and diets"),
    "GAMBLING": presence("words about gambling", "no words about gambling"),
    "FINANCE": presence("words about loans and quick money", "no words about loans and quick money"),
    "SERVICES": presence("words about services for sale", "no words about services for sale"),
    "ADULT": presence("words about adult offers", "no words about adult offers"),
    "BARGAIN": presence("the language of shops", "nothing in the language of shops"),
    "CALL_TO_ACTION": presence("invitations to go elsewhere", "no invitation to go elsewhere"),
    "PRAISE": presence("praise that fits any page", "no praise that fits any page"),
    "SPINNING": presence("filler words, as in rewritten texts", "no filler words as in rewritten texts"),
    "CONVERSATION": presence("the language of a conversation", "nothing in the language of a conversation"),
    "TECHNICAL": presence("technical language", "no technical language"),
    "PRAISE_ALONE": presence("praise, compared with the length of the text", "no praise"),
}
"""Wordings of the signals of `TOPICS`, in the same order, and of one more."""
_NO_TOPICS = (0.0,) * len(_TOPIC_WORDINGS)

TOPIC_SIGNALS: tuple[Measurement, ...] = (
    Measurement(
        {
            "OWN_SITE": presence(
                "the author's own site named at the end", "the author's own site not named at the end"
            ),
            "OWN_LINK": presence(
                "the author's own site named at the end, and a link", "no link beside the author's own site"
            ),
        },
        _own_site,
    ),
    Measurement(_TOPIC_WORDINGS, _topics),
    Measurement(
        {
            "ADVERT_PHRASES": presence(
                "phrases of advertisements in Korean, Chinese or Japanese",
                "no phrase of advertisements in Korean, Chinese or Japanese",
            )
        },
        _adverts,
    ),
)
