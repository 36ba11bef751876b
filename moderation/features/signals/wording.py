"""Signals that read the text alone, and the text beside the page's title."""

import re
import string
from functools import partial
from math import log1p

from moderation.features.alphabets import INTRUDERS
from moderation.features.lexicon import CALLS, REQUESTS
from moderation.features.reading import PICTURE, Reading, count_ascii
from moderation.features.signals.signal import Signal

_EXCLAMATIONS = "!！"
_QUESTIONS = "?？"
_PUNCTUATION = b",;:()\"'-"
_QUOTATION = "“”’"
_MONEY = re.compile(r"[$€£₽¥₹\d](?:(?<=\D)\s?\d|(?<=\d)\s?(?:[$€£₽]|usd|eur|euro|dollars?|руб))")
_PHONE = re.compile(
    r"[+(\d](?<![\w/.-].)(?:(?<=\+)\(?\d{1,4}|(?<=\()\d{1,4}|(?<=\d)\d{0,3})\)?(?:[\s().-]{0,2}\d{2,4}){2,5}(?![\w/])"
)
_ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w-]+\.[\w.-]+")
_HANDLE = re.compile(r"t\.me/|wa\.me/|tele ?gram|whats\s?app|(?<![\w.@])@[a-z]\w{4,}")
_HIDDEN = re.compile("[\u00ad\u034f\u061c\u115f\u1160\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\u3164]")
_STYLED = re.compile("[\U0001d400-\U0001d7ff\u24b6-\u24e9\U0001f130-\U0001f189\uff21-\uff5a\u1d00-\u1d22\ua730\ua731]")
_SOUNDS = bytes(
    ord("c") if chr(byte) in "bcdfghjklmnpqrstvwxz" else ord("v") if chr(byte) in "aeiou" else ord(" ")
    for byte in range(256)
)
"""Turns consonants into `c`, vowels into `v`, and all else into spaces."""
_SPACED_LETTERS = b"\1" * 5
"""The lengths of words that are letters spaced out."""
_SPACED = re.compile(r"(?<!\w)(?:\w[ .*_-]){4,}\w(?!\w)")
_LEET_HINT = re.compile(r"[0134579@$](?<=[a-z].)")
"""The rarer character comes first, the one before it afterwards: the search skips from one to the next."""
_LEET = re.compile(r"(?<!\w)[a-z]+[0134579@$]+[a-z]+(?!\w)")
_CODE = re.compile(
    r"""
    [{};=(>:.`\n]
    (?: (?<=[{};=])[ \t]*$ | (?<=\w\()\) | (?<=[=-]>) | (?<=::) | (?<=\w\.)\w+\( | (?<=`)[^`]+`
    | (?<=\n)[ \t]*(?:sudo|[$\#])[ ]\w )
    """,
    re.MULTILINE | re.VERBOSE,
)
_ODD_CAPITAL = re.compile("[A-Z](?:(?<=[a-z].)|(?<=[A-Z].)(?=[a-z]))")
"""One in the middle of a word that is not in capitals."""
_ASCII = re.compile("[\x00-\x7f]+")
_CAPITALS = string.ascii_uppercase.encode()
_QUOTE = re.compile(r"^[ \t]*(?:>|&gt;|@\w)|<blockquote|\[quote", re.MULTILINE)
_HEADLINE = re.compile(
    r"^[^\w<>]{0,20}<(strong|b|h\d)>[^<>]{3,200}</\1>[ \t]{0,99}(?:\r?\n|<br|</?p)", re.IGNORECASE | re.MULTILINE
)
_EXCERPT = re.compile(r"\[(?:\.\.\.|…|&#8230;|&hellip;)\]|\[\.{3}")
_OWN_SITE = re.compile(
    r"\b(?:my|our)\W{1,3}(?:\w+\W{1,3}){0,3}(?:web\W?)?(?:site|page|blog|weblog|homepage|channel|store|shop|posts?|profile)s?\b"
    r"|\b(?:mon (?:site|blog)|mein\w? (?:seite|blog)|mi (?:sitio|pagina|blog)|мой (?:сайт|блог))\b"
)
_OWNERS = ("my", "our", "mon ", "mein", "mi ", "мой")
_LOOKED_AT = 2_000
_OPENING = 6
_FEW_SENTENCES = 25


def _count(characters: str, text: str) -> int:
    return sum(map(text.count, characters))


def _upper_share(reading: Reading) -> float:
    lower, cased = reading.canonical.text, reading.canonical.cased
    if lower == cased:
        return 0.0
    if cased.isascii():
        return count_ascii(_CAPITALS, cased) / len(cased)
    beyond = _ASCII.sub("", cased)
    return (count_ascii(_CAPITALS, cased) + sum(map(str.__ne__, beyond, beyond.lower()))) / len(cased)


def _digit_share(reading: Reading) -> float:
    return reading.digits / max(10, len(reading.prose.text))


def _among_digits(pattern: re.Pattern[str], reading: Reading) -> float:
    """Matches of a pattern that needs a digit, counted only where there is one."""
    return log1p(len(pattern.findall(reading.prose.text))) if reading.digits else 0.0


def _leetspeak(reading: Reading) -> float:
    text = reading.prose.text
    return log1p(len(_LEET.findall(text))) if _LEET_HINT.search(text) else 0.0


def _handle(reading: Reading) -> float:
    text = reading.canonical.text
    hinted = "@" in text or "tele" in text or "whats" in text or ".me/" in text
    return float(hinted and bool(_HANDLE.search(text)))


def _address(reading: Reading) -> float:
    return float("@" in reading.canonical.text and bool(_ADDRESS.search(reading.canonical.text)))


def _punctuation(reading: Reading) -> float:
    text = reading.canonical.text
    marks = count_ascii(_PUNCTUATION, text) + (0 if text.isascii() else _count(_QUOTATION, text))
    return marks / max(10, len(text))


def _beyond_ascii(pattern: re.Pattern[str], reading: Reading) -> float:
    """Matches of a pattern that needs characters beyond ASCII, in the text as it was sent."""
    text = reading.comment.text[:20_000]
    return 0.0 if text.isascii() else log1p(len(pattern.findall(text)))


def _emoji(reading: Reading) -> float:
    text = reading.canonical.text
    return float(not text.isascii() and bool(PICTURE.search(text)))


def _damped_topic(topic: str, reading: Reading) -> float:
    """Hits per ten words, damped so that one hit in a short text does not fill the scale."""
    hits = reading.topics.get(topic)
    return min(3.0, 10.0 * hits / (len(reading.words) + 10.0)) if hits else 0.0


def _gibberish(reading: Reading) -> float:
    """Runs of consonants or vowels that no word has, for each five words."""
    sounds = " ".join(reading.words).encode().translate(_SOUNDS)
    return min(1.0, (sounds.count(b"ccccc") + sounds.count(b"vvvv")) / max(3.0, len(reading.words) / 5))


def _spaced(reading: Reading) -> float:
    text = reading.prose.text
    hinted = _SPACED_LETTERS in bytes(reading.lengths) or "_" in text
    return float(hinted and bool(_SPACED.search(text)))


def _case_noise(reading: Reading) -> float:
    """Share of words with capitals in their middle."""
    cased = reading.canonical.cased
    if cased.isascii() and not _ODD_CAPITAL.search(cased):
        return 0.0
    words = [word for word in cased.split() if len(word) > 4 and word.isalpha()]
    odd = [word for word in words if not (word.islower() or word.isupper() or word[1:].islower())]
    return len(odd) / max(3, len(words))


def _variety(reading: Reading) -> float:
    words = reading.words[:200]
    return len(set(words)) / len(words) if words else 1.0


def _title_overlap(reading: Reading) -> float:
    return len(reading.context.intersection(reading.words)) / len(reading.context)


def _title_echo(reading: Reading) -> float:
    """The longest title words said back in a row at the very start."""
    return len(reading.context.intersection(reading.words[:12])) / len(reading.context)


def _code(reading: Reading) -> float:
    return log1p(len(_CODE.findall("\n" + reading.lines[:_LOOKED_AT])))


def _quotes(reading: Reading) -> float:
    text = reading.markup[:_LOOKED_AT]
    return float((">" in text or "@" in text or "[" in text or "gt;" in text) and bool(_QUOTE.search(text)))


def _own_site(reading: Reading) -> float:
    """The author's own site, named in the last words of the text."""
    end = reading.prose.text[-120:]
    return float(any(map(end.__contains__, _OWNERS)) and bool(_OWN_SITE.search(end)))


def _own_link(reading: Reading) -> float:
    """The same, with a link in the text: an advertisement more often than a remark."""
    return _own_site(reading) if reading.links else 0.0


def _request(reading: Reading) -> float:
    """The text opens with a request, after a call or two."""
    opening = next((word for word in reading.words[:_OPENING] if word not in CALLS), "")
    return float(opening in REQUESTS)


def _mean_word(reading: Reading) -> float:
    return min(3.0, sum(reading.lengths) / max(1, len(reading.words)) / 5.0)


TEXT_SIGNALS: tuple[Signal, ...] = (
    Signal("LENGTH", "how long the text is", lambda r: log1p(len(r.prose.text)) / 3),
    Signal("SHORT", "a text of hardly any words", lambda r: 1.0 / (1 + len(r.words))),
    Signal("CAPITALS", "the share of capital letters", _upper_share),
    Signal("CASE_NOISE", "words with capitals in the middle", _case_noise),
    Signal("EXCLAMATIONS", "exclamation marks", lambda r: log1p(_count(_EXCLAMATIONS, r.canonical.text))),
    Signal("QUESTIONS", "question marks", lambda r: min(2.0, log1p(_count(_QUESTIONS, r.prose.text)))),
    Signal("DIGITS", "the share of digits", _digit_share),
    Signal("PUNCTUATION", "how often the text is punctuated", _punctuation),
    Signal("REQUEST", "a first word that asks for something", _request),
    Signal("LONG", "more than a few sentences", lambda r: max(0.0, log1p(len(r.words)) - log1p(_FEW_SENTENCES))),
    Signal("WORD_LENGTH", "how long its words are", _mean_word),
    Signal("VARIETY", "how varied its words are", _variety),
    Signal("GIBBERISH", "words that no language has", _gibberish),
    Signal("MONEY_SUMS", "sums of money", partial(_among_digits, _MONEY)),
    Signal("PHONE", "a telephone number", partial(_among_digits, _PHONE)),
    Signal("EMAIL_IN_TEXT", "an e-mail address in the text", _address),
    Signal("HANDLE", "a messenger contact", _handle),
    Signal("HIDDEN_CHARACTERS", "invisible characters", partial(_beyond_ascii, _HIDDEN)),
    Signal("STYLED_LETTERS", "letters from styled alphabets", partial(_beyond_ascii, _STYLED)),
    Signal("LOOKALIKES", "letters of another alphabet inside words", partial(_beyond_ascii, INTRUDERS)),
    Signal("EMOJI", "emoji", _emoji),
    Signal("SPACED_LETTERS", "letters spaced out", _spaced),
    Signal("LEETSPEAK", "digits in the place of letters", _leetspeak),
    Signal("CODE", "program code", _code),
    Signal("QUOTES", "a quotation of somebody else", _quotes),
    Signal(
        "HEADLINE",
        "a bold first line, as announcements of other sites have",
        lambda r: float("<" in r.markup and bool(_HEADLINE.search(r.markup))),
    ),
    Signal("EXCERPT", "the marks of an excerpt", lambda r: float(bool(_EXCERPT.search(r.lines[:_LOOKED_AT])))),
    Signal(
        "COMMAS",
        "how often the text lists things",
        lambda r: min(1.0, 5 * r.prose.text.count(",") / (len(r.words) + 5)),
    ),
    Signal("OWN_SITE", "the author's own site, named at the end", _own_site),
    Signal("OWN_LINK", "the author's own site, linked and named at the end", _own_link),
    *(
        Signal(code, sentence, partial(_damped_topic, topic))
        for code, sentence, topic in (
            ("GOODS", "branded goods", "goods"),
            ("PILLS", "drugs and diets", "pills"),
            ("GAMBLING", "gambling", "games"),
            ("FINANCE", "loans and quick money", "money"),
            ("SERVICES", "services for sale", "services"),
            ("ADULT", "adult offers", "adult"),
            ("BARGAIN", "the language of shops", "bargain"),
            ("INVITATION", "invitations to go elsewhere", "invitation"),
            ("PRAISE", "praise that fits any page", "praise"),
            ("SPINNING", "filler of rewritten texts", "spinning"),
            ("DIALOGUE", "the language of a conversation", "dialogue"),
            ("CRAFT", "the language of people who build things", "craft"),
        )
    ),
    Signal(
        "PRAISE_ALONE",
        "praise and little else",
        lambda r: min(1.0, r.topics.get("praise", 0) / 3) / (1 + len(r.words) / 30),
    ),
)

CONTEXT_SIGNALS: tuple[Signal, ...] = (
    Signal("ON_TOPIC", "words of the page's title in the text", _title_overlap),
    Signal("TITLE_ECHO", "the page's title said back at the start", _title_echo),
)
