"""Signals that read the text alone, or compare it with the page's title."""

import re
import string
from collections.abc import Sequence
from math import log1p

from moderation.domain.invisible import RARE_INVISIBLE
from moderation.features.homoglyphs import MIXED_SCRIPT_LETTERS
from moderation.features.lexicon import TOPICS, word_list
from moderation.features.normalize import MAX_FIELD_LENGTH
from moderation.features.parsed_comment import EMOJI, ParsedComment, count_ascii
from moderation.features.signals.signal import Measurement

_GREETINGS = frozenset(word_list("greetings"))
_IMPERATIVES = frozenset(word_list("imperatives"))
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
_CASES = bytes(ord("A") if chr(byte).isupper() else ord("a") if chr(byte).islower() else 32 for byte in range(128)) * 2
"""Translation table of ASCII: capitals to `A`, other letters to `a`, every other byte to a space."""
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
_MAX_SEARCHED_LENGTH = 2_000
_OPENING_WORDS = 6
_VARIETY_WORDS = 200
_TITLE_ECHO_WORDS = 12
_END_LENGTH = 120
_LONG_TEXT_WORDS = 25


def _length(parsed: ParsedComment) -> tuple[float, ...]:
    return log1p(len(parsed.body.text)) / 3, 1.0 / (1 + len(parsed.words))


def _capitals(parsed: ParsedComment) -> tuple[float, ...]:
    lower, cased = parsed.normalized.text, parsed.normalized.cased
    if not cased.isascii():
        return _non_ascii_capital_rate(lower, cased), _mixed_case_rate(cased)
    if lower == cased:
        return 0.0, 0.0
    cases = cased.encode().translate(_CASES)
    has_inner_capital = b"aA" in cases or b"AAa" in cases
    return cases.count(b"A") / len(cased), _mixed_case_rate(cased) if has_inner_capital else 0.0


def _non_ascii_capital_rate(lower: str, cased: str) -> float:
    if lower == cased:
        return 0.0
    non_ascii = _ASCII.sub("", cased)
    return (count_ascii(_CAPITALS, cased) + sum(map(str.__ne__, non_ascii, non_ascii.lower()))) / len(cased)


def _mixed_case_rate(cased: str) -> float:
    """Return the proportion of words with capitals in their middle."""
    words = [word for word in cased.split() if len(word) > 4 and word.isalpha()]
    mixed = [word for word in words if not (word.islower() or word.isupper() or word[1:].islower())]
    return len(mixed) / max(3, len(words))


def _characters(parsed: ParsedComment) -> tuple[float, ...]:
    text, body = parsed.normalized.text, parsed.body.text
    marks = count_ascii(_PUNCTUATION, text) + (0 if text.isascii() else sum(map(text.count, _QUOTATION_MARKS)))
    return (
        log1p(text.count("!") + text.count("！")),
        min(2.0, log1p(body.count("?") + body.count("？"))),
        parsed.digit_count / max(10, len(body)),
        marks / max(10, len(text)),
    )


def _words(parsed: ParsedComment) -> tuple[float, ...]:
    words, count = parsed.words, len(parsed.words)
    first_words = words[:_VARIETY_WORDS]
    sounds = " ".join(words).encode().translate(_CONSONANTS_AND_VOWELS)
    return (
        _opens_with_request(words),
        max(0.0, log1p(count) - log1p(_LONG_TEXT_WORDS)),
        min(3.0, sum(parsed.word_lengths) / max(1, count) / 5.0),
        len(set(first_words)) / len(first_words) if words else 1.0,
        # Runs of five consonants or four vowels per five words.
        min(1.0, (sounds.count(b"ccccc") + sounds.count(b"vvvv")) / max(3.0, count / 5)),
    )


def _opens_with_request(words: Sequence[str]) -> float:
    """Return 1 if the first word, greetings aside, asks the reader to do something."""
    for word in words[:_OPENING_WORDS]:
        if word not in _GREETINGS:
            return float(word in _IMPERATIVES)
    return 0.0


def _sums_and_phones(parsed: ParsedComment) -> tuple[float, ...]:
    if not parsed.digit_count:
        return 0.0, 0.0
    text = parsed.body.text
    return log1p(len(_MONEY_SUM.findall(text))), log1p(len(_PHONE.findall(text)))


def _contacts(parsed: ParsedComment) -> tuple[float, ...]:
    text = parsed.normalized.text
    has_at_sign = "@" in text
    may_have_handle = has_at_sign or "tele" in text or "whats" in text or ".me/" in text
    return (
        float(has_at_sign and bool(_EMAIL.search(text))),
        float(may_have_handle and bool(_HANDLE.search(text))),
    )


def _unusual_characters(parsed: ParsedComment) -> tuple[float, ...]:
    raw, text = parsed.comment.text[:MAX_FIELD_LENGTH], parsed.normalized.text
    if raw.isascii() and text.isascii():
        return 0.0, 0.0, 0.0, 0.0
    return (
        log1p(len(_RARE_INVISIBLE.findall(raw))),
        log1p(len(_STYLED.findall(raw))),
        log1p(len(MIXED_SCRIPT_LETTERS.findall(raw))),
        float(bool(EMOJI.search(text))),
    )


def _disguised_words(parsed: ParsedComment) -> tuple[float, ...]:
    text = parsed.body.text
    may_be_spaced = _SINGLE_LETTER_RUN in bytes(parsed.word_lengths) or "_" in text
    return (
        float(may_be_spaced and bool(_SPACED_LETTERS_PATTERN.search(text))),
        log1p(len(_LEET.findall(text))) if _LEET_HINT.search(text) else 0.0,
    )


def _structure(parsed: ParsedComment) -> tuple[float, ...]:
    html, text = parsed.html_head, parsed.text_head[:_MAX_SEARCHED_LENGTH]
    may_quote = ">" in html or "@" in html or "[" in html or "gt;" in html
    return (
        log1p(len(_CODE.findall("\n" + text))),
        float(may_quote and bool(_QUOTE.search(html[:_MAX_SEARCHED_LENGTH]))),
        float("<" in html and bool(_HEADLINE.search(html))),
        float(bool(_EXCERPT.search(text))),
        min(1.0, 5 * parsed.body.text.count(",") / (len(parsed.words) + 5)),
    )


def _own_site(parsed: ParsedComment) -> tuple[float, ...]:
    end = parsed.body.text[-_END_LENGTH:]
    may_match = "my" in end or "our" in end or "mein" in end or "mi " in end or "mon " in end or "мой" in end
    own_site = float(may_match and bool(_OWN_SITE.search(end)))
    return own_site, own_site if parsed.external_links else 0.0


def _topics(parsed: ParsedComment) -> Sequence[float]:
    """Return hits per ten words, damped so that one hit in a short text stays far below the maximum."""
    hits, word_count = parsed.topic_counts, len(parsed.words)
    if not hits:
        return _NO_TOPICS
    rates = [min(3.0, 10.0 * hits[topic] / (word_count + 10.0)) if topic in hits else 0.0 for topic in TOPICS]
    return [*rates, min(1.0, hits.get("praise", 0) / 3) / (1 + word_count / 30)]


def _title(parsed: ParsedComment) -> tuple[float, ...]:
    title, words = parsed.title_words, parsed.words
    return (
        len(title.intersection(words)) / len(title),
        len(title.intersection(words[:_TITLE_ECHO_WORDS])) / len(title),
    )


_TOPIC_DESCRIPTIONS = {
    "GOODS": "branded goods",
    "PILLS": "drugs and diets",
    "GAMBLING": "gambling",
    "FINANCE": "loans and quick money",
    "SERVICES": "services for sale",
    "ADULT": "adult offers",
    "BARGAIN": "the language of shops",
    "CALL_TO_ACTION": "invitations to go elsewhere",
    "PRAISE": "praise that fits any page",
    "SPINNING": "filler words of rewritten texts",
    "CONVERSATION": "the language of a conversation",
    "TECHNICAL": "technical language",
    "PRAISE_ALONE": "praise and little else",
}
"""Descriptions of the signals of `TOPICS`, in the same order, and of one more."""
_NO_TOPICS = (0.0,) * len(_TOPIC_DESCRIPTIONS)

TEXT_SIGNALS: tuple[Measurement, ...] = (
    Measurement({"LENGTH": "how long the text is", "SHORT": "a text of very few words"}, _length),
    Measurement(
        {"CAPITALS": "the proportion of capital letters", "MIXED_CASE": "words with capitals in the middle"}, _capitals
    ),
    Measurement(
        {
            "EXCLAMATIONS": "exclamation marks",
            "QUESTIONS": "question marks",
            "DIGITS": "the proportion of digits",
            "PUNCTUATION": "the proportion of punctuation",
        },
        _characters,
    ),
    Measurement(
        {
            "OPENS_WITH_REQUEST": "a request as the first words",
            "LONG": "more than a few sentences",
            "WORD_LENGTH": "the average length of words",
            "WORD_VARIETY": "how many of the words are different",
            "GIBBERISH": "letter sequences that no language has",
        },
        _words,
    ),
    Measurement({"MONEY_SUMS": "sums of money", "PHONE": "a telephone number"}, _sums_and_phones),
    Measurement(
        {"EMAIL_IN_TEXT": "an e-mail address in the text", "MESSENGER_HANDLE": "a messenger contact"}, _contacts
    ),
    Measurement(
        {
            "INVISIBLE_CHARACTERS": "invisible characters",
            "STYLED_LETTERS": "letters from styled alphabets",
            "LOOKALIKES": "letters of another alphabet inside words",
            "EMOJI": "emoji",
        },
        _unusual_characters,
    ),
    Measurement(
        {"SPACED_LETTERS": "single letters with spaces between", "LEETSPEAK": "digits in place of letters"},
        _disguised_words,
    ),
    Measurement(
        {
            "CODE": "program code",
            "QUOTES": "a quotation or a reply",
            "HEADLINE": "a bold line like a headline",
            "EXCERPT": "an excerpt of another page",
            "COMMAS": "commas per word",
        },
        _structure,
    ),
    Measurement(
        {
            "OWN_SITE": "the author's own site named at the end",
            "OWN_LINK": "the author's own site named at the end, and a link",
        },
        _own_site,
    ),
    Measurement(_TOPIC_DESCRIPTIONS, _topics),
)

TITLE_SIGNALS: tuple[Measurement, ...] = (
    Measurement(
        {
            "ON_TOPIC": "words of the page's title in the text",
            "TITLE_ECHO": "words of the page's title at the start of the text",
        },
        _title,
    ),
)
