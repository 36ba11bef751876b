"""Signals that read the text alone, or compare it with the page's title."""

import re
import string
from collections.abc import Sequence
from math import log1p, nan

from moderation.features.homoglyphs import MIXED_SCRIPT_LETTERS
from moderation.features.lexicon import word_list
from moderation.features.normalize import MAX_FIELD_LENGTH, count_ascii
from moderation.features.parsed_comment import EMOJI, ParsedComment
from moderation.features.scripts import CASED_LETTER, count_needless_invisible, count_unpronounceable
from moderation.features.signals.signal import Measurement, amount, presence

_GREETINGS = frozenset(word_list("greetings"))
_IMPERATIVES = frozenset(word_list("imperatives"))
_PUNCTUATION = b",;:()\"'-"
_OTHER_PUNCTUATION = re.compile("[“”„‚‘’«»‹›–—·、「」『』《》〈〉【】،؛՝՛՜־׳״፣፤፥፦]")
_OTHER_COMMAS = re.compile("[、،፣]")
_OTHER_QUESTION_MARKS = re.compile("[؟՞፧]")
_MONEY_SUM = re.compile(
    r"[$€£₽¥₹₩₫₺₴฿\d](?:(?<=\D)\s?\d"
    r"|(?<=\d)\s?(?:[$€£₽₩₫₺₴฿元円]|usd|eur|euro|dollars?|руб|грн|тенге|만?원|บาท|zł|vnđ|تومان|ریال))"
)
_STYLED = re.compile("[\U0001d400-\U0001d7ff\u24b6-\u24e9\U0001f130-\U0001f189\u1d00-\u1d22\ua730\ua731](?!\ufe0f)")
"""Letters before a variation selector are emoji, such as blood groups."""
_FULL_WIDTH = re.compile("[\uff21-\uff3a\uff41-\uff5a]")
_LONG_CONSONANT_RUN = 7
_LONG_VOWEL_RUN = 6
"""No word among the 20,000 most frequent of 27 languages in Latin script has such a run (wordfreq 3.1)."""
_NON_ASCII_LETTER = re.compile("[^\x00-\x7f\u2019]")
_SINGLE_LETTER_RUN = b"\1" * 5
"""Word lengths of five letters in a row, each by itself."""
_ALPHABETIC = r"[^\W\d_\u0e00-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\uffff]"
"""A letter of a script whose words have several."""
_SPACED_LETTERS_PATTERN = re.compile(rf"(?<!\w)(?:{_ALPHABETIC}[ .*_-]){{4,}}{_ALPHABETIC}(?!\w)")
_LEET_HINT = re.compile(r"[0134579@$](?<=[a-z].)")
"""The pattern starts with the rarer character and looks behind for the other, so that the search skips most text."""
_LEET = re.compile(r"(?<![\w.+@-])[a-z]+(?:[0134579$]|@(?![\w-]+\.\w))+[a-z]+(?!\w)")
_CODE = re.compile(
    r"""
    [{};=(>:.`\n]
    (?: (?:(?<=[{}=])|(?<=[)\]}"'];))[ \t]*$ | (?<=\w\()\) | (?<=[=-]>) | (?<=::) | (?<=\w\.)\w+\( | (?<=`)[^`]+`
    | (?<=\n)[ \t]*(?:sudo|[$\#])[ ]\w )
    """,
    re.MULTILINE | re.VERBOSE,
)
_CASES = bytes(ord("A") if chr(byte).isupper() else ord("a") if chr(byte).islower() else 32 for byte in range(128)) * 2
"""Translation table of ASCII: capitals to `A`, other letters to `a`, every other byte to a space."""
_ASCII = re.compile("[\x00-\x7f]+")
_CAPITALS = string.ascii_uppercase.encode()
_LETTERS = string.ascii_letters.encode()
_QUOTE = re.compile(r"^[ \t]*(?:>|&gt;|@\w)|<blockquote|\[quote", re.MULTILINE)
_HEADLINE = re.compile(
    r"^[^\w<>]{0,20}<(strong|b|h\d)>[^<>]{3,200}</\1>[ \t]{0,99}(?:\r?\n|<br|</?p)", re.IGNORECASE | re.MULTILINE
)
_EXCERPT = re.compile(r"\[(?:\.\.\.|…|&#8230;|&hellip;)\]|\[\.{3}")
_MAX_SEARCHED_LENGTH = 2_000
_OPENING_WORDS = 6
_VARIETY_WORDS = 200
_TITLE_ECHO_WORDS = 12
_LONG_TEXT_WORDS = 25


def _length(parsed: ParsedComment) -> tuple[float, ...]:
    return log1p(parsed.text_length) / 3, 1.0 / (1 + parsed.word_count)


def _capitals(parsed: ParsedComment) -> tuple[float, ...]:
    lower, cased = parsed.normalized.text, parsed.normalized.cased
    if not cased.isascii():
        return _non_ascii_capital_rate(lower, cased), 0.0 if lower == cased else _mixed_case_rate(cased)
    if lower == cased:
        return 0.0, 0.0
    cases = cased.encode().translate(_CASES)
    capitals = cases.count(b"A")
    has_inner_capital = b"aA" in cases or b"AAa" in cases
    return capitals / (capitals + cases.count(b"a")), _mixed_case_rate(cased) if has_inner_capital else 0.0


def _non_ascii_capital_rate(lower: str, cased: str) -> float:
    """Return the proportion of capitals among the letters; NaN if most are of a script without capitals."""
    non_ascii = _ASCII.sub("", cased)
    cased_letters = CASED_LETTER.findall(non_ascii)
    letters = count_ascii(_LETTERS, cased) + len(cased_letters)
    if letters <= len(non_ascii) - len(cased_letters):
        return nan
    if lower == cased:
        return 0.0
    return (count_ascii(_CAPITALS, cased) + sum(map(str.isupper, cased_letters))) / letters


def _mixed_case_rate(cased: str) -> float:
    """Return the proportion of words with capitals in their middle."""
    words = [word for word in cased.split() if len(word) > 4 and word.isalpha()]
    # A script without capitals is in neither case: `islower` is false there.
    mixed = [word for word in words if word[1:] != word[1:].lower() and not word.isupper()]
    return len(mixed) / max(3, len(words))


def _characters(parsed: ParsedComment) -> tuple[float, ...]:
    text, body = parsed.normalized.text, parsed.body.text
    marks, questions = count_ascii(_PUNCTUATION, text), body.count("?")
    if not text.isascii():
        marks += len(_OTHER_PUNCTUATION.findall(text))
        questions += len(_OTHER_QUESTION_MARKS.findall(text))
    return (
        log1p(text.count("!")),
        min(2.0, log1p(questions)),
        parsed.digit_count / max(10, parsed.text_length),
        nan if _hardly_has_commas(parsed) else marks / max(10, len(text) + parsed.scripts.extra_length),
    )


def _hardly_has_commas(parsed: ParsedComment) -> bool:
    return 2 * parsed.scripts.southeast_asian > len(parsed.body.text)


def _words(parsed: ParsedComment) -> tuple[float, ...]:
    words, count = parsed.words, parsed.word_count
    first_words = words[:_VARIETY_WORDS]
    spaces_separate = 2 * parsed.scripts.unspaced_words <= count
    letters = " ".join(words)
    has_length = bool(words) and (letters.isascii() or not _NON_ASCII_LETTER.search(letters))
    runs = count_unpronounceable(letters, _LONG_CONSONANT_RUN, _LONG_VOWEL_RUN)
    return (
        _opens_with_request(words),
        max(0.0, log1p(count) - log1p(_LONG_TEXT_WORDS)),
        # Many languages have longer words than English. Their texts show it by their other letters.
        min(3.0, sum(parsed.word_lengths) / count / 5.0) if has_length else nan,
        len(set(first_words)) / len(first_words) if len(words) > 1 and spaces_separate else nan,
        min(1.0, runs / max(3.0, count / 5)) if runs else 0.0,
    )


def _opens_with_request(words: Sequence[str]) -> float:
    """Return 1 if the first word, greetings aside, asks the reader to do something."""
    for word in words[:_OPENING_WORDS]:
        if word not in _GREETINGS:
            return float(word in _IMPERATIVES)
    return 0.0


def _money_sums(parsed: ParsedComment) -> tuple[float, ...]:
    return (log1p(len(_MONEY_SUM.findall(parsed.body.text))) if parsed.digit_count else 0.0,)


def _unusual_characters(parsed: ParsedComment) -> tuple[float, ...]:
    raw, text = parsed.comment.text[:MAX_FIELD_LENGTH], parsed.normalized.text
    if raw.isascii() and text.isascii():
        return 0.0, 0.0, 0.0, 0.0
    return (
        log1p(count_needless_invisible(raw)),
        log1p(len(_STYLED.findall(raw)) + (0 if _writes_full_width(parsed) else len(_FULL_WIDTH.findall(raw)))),
        log1p(len(MIXED_SCRIPT_LETTERS.findall(raw))),
        float(bool(EMOJI.search(text))),
    )


def _writes_full_width(parsed: ParsedComment) -> bool:
    return bool(parsed.scripts.han_or_kana or parsed.scripts.hangul)


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
        nan if _hardly_has_commas(parsed) else min(1.0, 5 * _count_commas(parsed.body.text) / (parsed.word_count + 5)),
    )


def _count_commas(text: str) -> int:
    return text.count(",") + (0 if text.isascii() else len(_OTHER_COMMAS.findall(text)))


def _title(parsed: ParsedComment) -> tuple[float, ...]:
    title, words = parsed.title_words, parsed.words
    return (
        len(title.intersection(words)) / len(title),
        len(title.intersection(words[:_TITLE_ECHO_WORDS])) / len(title),
    )


TEXT_SIGNALS: tuple[Measurement, ...] = (
    Measurement(
        {
            "LENGTH": amount("a longer text than usual", "a shorter text than usual"),
            "SHORT": amount("fewer words than usual", "more words than usual"),
        },
        _length,
    ),
    Measurement(
        {
            "CAPITALS": amount(
                "more capital letters than usual", "fewer capital letters than usual", "no capital letters"
            ),
            "MIXED_CASE": presence("words with capitals in the middle", "no word with capitals in the middle"),
        },
        _capitals,
    ),
    Measurement(
        {
            "EXCLAMATIONS": presence("exclamation marks", "no exclamation mark"),
            "QUESTIONS": presence("question marks", "no question mark"),
            "DIGITS": presence("digits", "no digits"),
            "PUNCTUATION": amount(
                "more punctuation than usual", "less punctuation than usual", "no punctuation within sentences"
            ),
        },
        _characters,
    ),
    Measurement(
        {
            "OPENS_WITH_REQUEST": presence("a request as the first words", "no request as the first words"),
            "LONG": presence("more than 25 words", "at most 25 words"),
            "WORD_LENGTH": amount("longer words than usual", "shorter words than usual"),
            "WORD_VARIETY": amount("more different words than usual", "more repeated words than usual"),
            "GIBBERISH": presence("long runs of consonants or vowels", "no long run of consonants or vowels"),
        },
        _words,
    ),
    Measurement({"MONEY_SUMS": presence("sums of money", "no sum of money")}, _money_sums),
    Measurement(
        {
            "INVISIBLE_CHARACTERS": presence(
                "invisible characters that the spelling does not need", "no needless invisible characters"
            ),
            "STYLED_LETTERS": presence("letters from styled alphabets", "no letters from styled alphabets"),
            "LOOKALIKES": presence(
                "letters of another alphabet inside words", "no letters of another alphabet inside words"
            ),
            "EMOJI": presence("emoji or pictographs", "no emoji"),
        },
        _unusual_characters,
    ),
    Measurement(
        {
            "SPACED_LETTERS": presence("single letters with spaces between", "no single letters with spaces between"),
            "LEETSPEAK": presence("digits in place of letters", "no digits in place of letters"),
        },
        _disguised_words,
    ),
    Measurement(
        {
            "CODE": presence("signs of program code", "no sign of program code"),
            "QUOTES": presence("a quotation or a reply", "no quotation"),
            "HEADLINE": presence("a bold line like a headline", "no bold line like a headline"),
            "EXCERPT": presence("an omission in brackets, as in excerpts", "no omission in brackets"),
            "COMMAS": amount("more commas than usual", "fewer commas than usual", "no commas"),
        },
        _structure,
    ),
)

TITLE_SIGNALS: tuple[Measurement, ...] = (
    Measurement(
        {
            "ON_TOPIC": amount(
                "more words of the page's title in the text than usual",
                "fewer words of the page's title in the text than usual",
                "no word of the page's title in the text",
            ),
            "TITLE_ECHO": amount(
                "more words of the page's title at the start of the text than usual",
                "fewer words of the page's title at the start of the text than usual",
                "no word of the page's title at the start of the text",
            ),
        },
        _title,
    ),
)
