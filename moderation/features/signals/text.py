"""Signals that read the text alone, or compare it with the page's title."""

import re
import string
from functools import partial
from math import log1p

from moderation.domain.invisible import RARE_INVISIBLE
from moderation.features.homoglyphs import MIXED_SCRIPT_LETTERS
from moderation.features.lexicon import word_list
from moderation.features.normalize import MAX_FIELD_LENGTH
from moderation.features.parsed_comment import EMOJI, ParsedComment, count_ascii
from moderation.features.signals.signal import Signal

_GREETINGS = frozenset(word_list("greetings"))
_IMPERATIVES = frozenset(word_list("imperatives"))
_EXCLAMATIONS = "!！"
_QUESTIONS = "?？"
_PUNCTUATION = b",;:()\"'-"
_QUOTATION_MARKS = "“”’"
_MONEY_SUM = re.compile(r"[$€£₽¥₹\d](?:(?<=\D)\s?\d|(?<=\d)\s?(?:[$€£₽]|usd|eur|euro|dollars?|руб))")
_PHONE = re.compile(
    r"[+(\d](?<![\w/.-].)(?:(?<=\+)\(?\d{1,4}|(?<=\()\d{1,4}|(?<=\d)\d{0,3})\)?(?:[\s().-]{0,2}\d{2,4}){2,5}(?![\w/])"
)
_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]+\.[\w.-]+")
_HANDLE = re.compile(r"t\.me/|wa\.me/|tele ?gram|whats\s?app|(?<![\w.@])@[a-z]\w{4,}")
_RARE_INVISIBLE = re.compile(f"[{RARE_INVISIBLE}]")
_STYLED = re.compile("[\U0001d400-\U0001d7ff\u24b6-\u24e9\U0001f130-\U0001f189\uff21-\uff5a\u1d00-\u1d22\ua730\ua731]")
_CONSONANTS_AND_VOWELS = bytes(
    ord("c") if chr(byte) in "bcdfghjklmnpqrstvwxz" else ord("v") if chr(byte) in "aeiou" else ord(" ")
    for byte in range(256)
)
"""Translation table: consonants to `c`, vowels to `v`, every other byte to a space."""
_SINGLE_LETTER_RUN = b"\1" * 5
"""Word lengths of five letters in a row, each by itself."""
_SPACED_LETTERS_PATTERN = re.compile(r"(?<!\w)(?:\w[ .*_-]){4,}\w(?!\w)")
_LEET_HINT = re.compile(r"[0134579@$](?<=[a-z].)")
"""The pattern starts with the rarer character and looks behind for the other, so that the search skips most text."""
_LEET = re.compile(r"(?<!\w)[a-z]+[0134579@$]+[a-z]+(?!\w)")
_CODE = re.compile(
    r"""
    [{};=(>:.`\n]
    (?: (?<=[{};=])[ \t]*$ | (?<=\w\()\) | (?<=[=-]>) | (?<=::) | (?<=\w\.)\w+\( | (?<=`)[^`]+`
    | (?<=\n)[ \t]*(?:sudo|[$\#])[ ]\w )
    """,
    re.MULTILINE | re.VERBOSE,
)
_INNER_CAPITAL = re.compile("[A-Z](?:(?<=[a-z].)|(?<=[A-Z].)(?=[a-z]))")
"""A capital inside a word that is not all capitals."""
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
_OWN_SITE_HINTS = ("my", "our", "mon ", "mein", "mi ", "мой")
_MAX_SEARCHED_LENGTH = 2_000
_OPENING_WORDS = 6
_LONG_TEXT_WORDS = 25


def _count_chars(characters: str, text: str) -> int:
    return sum(map(text.count, characters))


def _capital_rate(parsed: ParsedComment) -> float:
    lower, cased = parsed.normalized.text, parsed.normalized.cased
    if lower == cased:
        return 0.0
    if cased.isascii():
        return count_ascii(_CAPITALS, cased) / len(cased)
    non_ascii = _ASCII.sub("", cased)
    return (count_ascii(_CAPITALS, cased) + sum(map(str.__ne__, non_ascii, non_ascii.lower()))) / len(cased)


def _digit_rate(parsed: ParsedComment) -> float:
    return parsed.digit_count / max(10, len(parsed.body.text))


def _log_matches_with_digits(pattern: re.Pattern[str], parsed: ParsedComment) -> float:
    """Return the logarithm of the number of matches. The pattern needs a digit, so a text without digits is skipped."""
    return log1p(len(pattern.findall(parsed.body.text))) if parsed.digit_count else 0.0


def _leetspeak(parsed: ParsedComment) -> float:
    text = parsed.body.text
    return log1p(len(_LEET.findall(text))) if _LEET_HINT.search(text) else 0.0


def _messenger_handle(parsed: ParsedComment) -> float:
    text = parsed.normalized.text
    may_match = "@" in text or "tele" in text or "whats" in text or ".me/" in text
    return float(may_match and bool(_HANDLE.search(text)))


def _email_in_text(parsed: ParsedComment) -> float:
    return float("@" in parsed.normalized.text and bool(_EMAIL.search(parsed.normalized.text)))


def _punctuation(parsed: ParsedComment) -> float:
    text = parsed.normalized.text
    marks = count_ascii(_PUNCTUATION, text) + (0 if text.isascii() else _count_chars(_QUOTATION_MARKS, text))
    return marks / max(10, len(text))


def _log_non_ascii_matches(pattern: re.Pattern[str], parsed: ParsedComment) -> float:
    """Return the logarithm of the number of matches in the raw text. The pattern needs characters beyond ASCII."""
    text = parsed.comment.text[:MAX_FIELD_LENGTH]
    return 0.0 if text.isascii() else log1p(len(pattern.findall(text)))


def _emoji(parsed: ParsedComment) -> float:
    text = parsed.normalized.text
    return float(not text.isascii() and bool(EMOJI.search(text)))


def _damped_topic(topic: str, parsed: ParsedComment) -> float:
    """Return hits per ten words, damped so that one hit in a short text stays far below the maximum."""
    hits = parsed.topic_counts.get(topic)
    return min(3.0, 10.0 * hits / (len(parsed.words) + 10.0)) if hits else 0.0


def _gibberish(parsed: ParsedComment) -> float:
    """Return runs of five consonants or four vowels per five words."""
    sounds = " ".join(parsed.words).encode().translate(_CONSONANTS_AND_VOWELS)
    return min(1.0, (sounds.count(b"ccccc") + sounds.count(b"vvvv")) / max(3.0, len(parsed.words) / 5))


def _spaced(parsed: ParsedComment) -> float:
    text = parsed.body.text
    may_match = _SINGLE_LETTER_RUN in bytes(parsed.word_lengths) or "_" in text
    return float(may_match and bool(_SPACED_LETTERS_PATTERN.search(text)))


def _mixed_case(parsed: ParsedComment) -> float:
    """Return the proportion of words with capitals in their middle."""
    cased = parsed.normalized.cased
    if cased.isascii() and not _INNER_CAPITAL.search(cased):
        return 0.0
    words = [word for word in cased.split() if len(word) > 4 and word.isalpha()]
    mixed = [word for word in words if not (word.islower() or word.isupper() or word[1:].islower())]
    return len(mixed) / max(3, len(words))


def _variety(parsed: ParsedComment) -> float:
    words = parsed.words[:200]
    return len(set(words)) / len(words) if words else 1.0


def _title_overlap(parsed: ParsedComment) -> float:
    return len(parsed.title_words.intersection(parsed.words)) / len(parsed.title_words)


def _title_echo(parsed: ParsedComment) -> float:
    """Return the proportion of the title's long words among the first words of the text."""
    return len(parsed.title_words.intersection(parsed.words[:12])) / len(parsed.title_words)


def _code(parsed: ParsedComment) -> float:
    return log1p(len(_CODE.findall("\n" + parsed.text_head[:_MAX_SEARCHED_LENGTH])))


def _quotes(parsed: ParsedComment) -> float:
    text = parsed.html_head[:_MAX_SEARCHED_LENGTH]
    return float((">" in text or "@" in text or "[" in text or "gt;" in text) and bool(_QUOTE.search(text)))


def _own_site(parsed: ParsedComment) -> float:
    """Return 1 if the end of the text names the author's own site."""
    end = parsed.body.text[-120:]
    return float(any(map(end.__contains__, _OWN_SITE_HINTS)) and bool(_OWN_SITE.search(end)))


def _own_link(parsed: ParsedComment) -> float:
    """Return 1 if the end of the text names the author's own site and the text has a link."""
    return _own_site(parsed) if parsed.external_links else 0.0


def _opens_with_request(parsed: ParsedComment) -> float:
    """Return 1 if the first word, greetings aside, asks the reader to do something."""
    opening = next((word for word in parsed.words[:_OPENING_WORDS] if word not in _GREETINGS), "")
    return float(opening in _IMPERATIVES)


def _mean_word_length(parsed: ParsedComment) -> float:
    return min(3.0, sum(parsed.word_lengths) / max(1, len(parsed.words)) / 5.0)


TEXT_SIGNALS: tuple[Signal, ...] = (
    Signal("LENGTH", "how long the text is", lambda parsed: log1p(len(parsed.body.text)) / 3),
    Signal("SHORT", "a text of very few words", lambda parsed: 1.0 / (1 + len(parsed.words))),
    Signal("CAPITALS", "the proportion of capital letters", _capital_rate),
    Signal("MIXED_CASE", "words with capitals in the middle", _mixed_case),
    Signal(
        "EXCLAMATIONS", "exclamation marks", lambda parsed: log1p(_count_chars(_EXCLAMATIONS, parsed.normalized.text))
    ),
    Signal("QUESTIONS", "question marks", lambda parsed: min(2.0, log1p(_count_chars(_QUESTIONS, parsed.body.text)))),
    Signal("DIGITS", "the proportion of digits", _digit_rate),
    Signal("PUNCTUATION", "the proportion of punctuation", _punctuation),
    Signal("OPENS_WITH_REQUEST", "a request as the first words", _opens_with_request),
    Signal(
        "LONG", "more than a few sentences", lambda parsed: max(0.0, log1p(len(parsed.words)) - log1p(_LONG_TEXT_WORDS))
    ),
    Signal("WORD_LENGTH", "the average length of words", _mean_word_length),
    Signal("WORD_VARIETY", "how many of the words are different", _variety),
    Signal("GIBBERISH", "letter sequences that no language has", _gibberish),
    Signal("MONEY_SUMS", "sums of money", partial(_log_matches_with_digits, _MONEY_SUM)),
    Signal("PHONE", "a telephone number", partial(_log_matches_with_digits, _PHONE)),
    Signal("EMAIL_IN_TEXT", "an e-mail address in the text", _email_in_text),
    Signal("MESSENGER_HANDLE", "a messenger contact", _messenger_handle),
    Signal("INVISIBLE_CHARACTERS", "invisible characters", partial(_log_non_ascii_matches, _RARE_INVISIBLE)),
    Signal("STYLED_LETTERS", "letters from styled alphabets", partial(_log_non_ascii_matches, _STYLED)),
    Signal(
        "LOOKALIKES", "letters of another alphabet inside words", partial(_log_non_ascii_matches, MIXED_SCRIPT_LETTERS)
    ),
    Signal("EMOJI", "emoji", _emoji),
    Signal("SPACED_LETTERS", "single letters with spaces between", _spaced),
    Signal("LEETSPEAK", "digits in place of letters", _leetspeak),
    Signal("CODE", "program code", _code),
    Signal("QUOTES", "a quotation or a reply", _quotes),
    Signal(
        "HEADLINE",
        "a bold line like a headline",
        lambda parsed: float("<" in parsed.html_head and bool(_HEADLINE.search(parsed.html_head))),
    ),
    Signal(
        "EXCERPT",
        "an excerpt of another page",
        lambda parsed: float(bool(_EXCERPT.search(parsed.text_head[:_MAX_SEARCHED_LENGTH]))),
    ),
    Signal(
        "COMMAS",
        "commas per word",
        lambda parsed: min(1.0, 5 * parsed.body.text.count(",") / (len(parsed.words) + 5)),
    ),
    Signal("OWN_SITE", "the author's own site named at the end", _own_site),
    Signal("OWN_LINK", "the author's own site named at the end, and a link", _own_link),
    *(
        Signal(code, description, partial(_damped_topic, code.lower()))
        for code, description in (
            ("GOODS", "branded goods"),
            ("PILLS", "drugs and diets"),
            ("GAMBLING", "gambling"),
            ("FINANCE", "loans and quick money"),
            ("SERVICES", "services for sale"),
            ("ADULT", "adult offers"),
            ("BARGAIN", "the language of shops"),
            ("CALL_TO_ACTION", "invitations to go elsewhere"),
            ("PRAISE", "praise that fits any page"),
            ("SPINNING", "filler words of rewritten texts"),
            ("CONVERSATION", "the language of a conversation"),
            ("TECHNICAL", "technical language"),
        )
    ),
    Signal(
        "PRAISE_ALONE",
        "praise and little else",
        lambda parsed: min(1.0, parsed.topic_counts.get("praise", 0) / 3) / (1 + len(parsed.words) / 30),
    ),
)

TITLE_SIGNALS: tuple[Signal, ...] = (
    Signal("ON_TOPIC", "words of the page's title in the text", _title_overlap),
    Signal("TITLE_ECHO", "words of the page's title at the start of the text", _title_echo),
)
