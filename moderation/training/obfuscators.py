"""Obfuscators: changes that hide a text from a filter while people can still read it.

Each is a pure function of a text and a random generator, so the same seed gives the same result. Obfuscators of
letters leave tags and URLs whole, because a spammer cannot use a broken link.
"""

import html
import re
from collections.abc import Callable, Sequence
from random import Random

Obfuscator = Callable[[str, Random], str]

_URL = re.compile(r"(https?://)([^\s<>\"'\[\]]+)", re.IGNORECASE)
_MARKUP_OR_URL = re.compile(
    r"<[^<>]*>|\[/?url[^\[\]]*\]|(?:https?://|www\.)[^\s<>\"'\[\]]+|&#?\w{1,10};", re.IGNORECASE
)
_WORD = re.compile(r"[^\W\d_]{4,}")
_LETTER = re.compile(r"[^\W\d_]")
_BETWEEN_LETTERS = re.compile(r"(?<=[^\W\d_])(?=[^\W\d_])")

_HOMOGLYPHS = {
    "a": "аɑα",
    "c": "сϲⅽ",
    "d": "ԁⅾ",
    "e": "еҽ",
    "g": "ɡց",
    "h": "һհ",
    "i": "іı",
    "j": "ј",
    "k": "κк",
    "l": "ӏⅼ",
    "m": "ⅿм",
    "n": "ոп",
    "o": "оοօ",
    "p": "рρ",
    "q": "ԛ",
    "r": "г",
    "s": "ѕꜱ",
    "t": "тτ",
    "u": "υս",
    "v": "νѵ",
    "w": "ԝ",
    "x": "х",
    "y": "уγ",
    "z": "ᴢ",
}
# The letter a in bold, script, full width, circles, and cut out of circles and of squares.
_STYLED_ALPHABET_STARTS = (0x1D41A, 0x1D4EA, 0xFF41, 0x24D0, 0x1F150, 0x1F170)
_COMBINING_STROKES = "\u0332\u0335\u0336\u0337\u0338\u20dd"
_LEET_DIGITS = {"a": "4@", "e": "3", "i": "1!", "o": "0", "s": "5$", "t": "7", "b": "8", "g": "9"}
_INVISIBLE_CHARACTERS = "\u200b\u200c\u200d\u2060\u00ad\ufeff"
_EMPTY_TAGS = ("<b></b>", "<i></i>", "<span></span>", "<!-- -->", '<font size="3"></font>')
_SEPARATORS = " .-*_"
_EMOJI = "🔥💯😍👍🎉✨💰🚀❤🙏😂👇"
_SHORTENERS = ("bit.ly", "tinyurl.com", "is.gd", "rb.gy", "t.ly", "v.gd", "shorturl.at")
_RUSSIAN = (
    "Это длинное предложение написано по-русски, чтобы весь текст казался русским, хотя продают в нём по-английски."
)
_SHORT_PARAGRAPH_LENGTH = 90
_SHORT_LINK_CHARACTERS = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def homoglyphs(text: str, rng: Random) -> str:
    """Replace half of the letters by look-alikes of other alphabets."""
    return _map_letters(text, lambda letter: _substitute(letter, _HOMOGLYPHS, 0.5, rng))


def styled_letters(text: str, rng: Random) -> str:
    """Write each word in one of Unicode's styled Latin alphabets."""

    def style(word: str) -> str:
        first = rng.choice(_STYLED_ALPHABET_STARTS)
        return "".join(chr(first + ord(letter) - ord("a")) if "a" <= letter <= "z" else letter for letter in word)

    return _map_words(text, style)


def struck_letters(text: str, rng: Random) -> str:
    """Add a combining stroke through, below or around each letter."""
    return _map_letters(text, lambda letter: letter + rng.choice(_COMBINING_STROKES))


def leetspeak(text: str, rng: Random) -> str:
    """Replace half of the letters that resemble a digit or a sign by it."""
    return _map_letters(text, lambda letter: _substitute(letter, _LEET_DIGITS, 0.5, rng))


def zero_width(text: str, rng: Random) -> str:
    """Insert invisible characters at 30 % of the places inside words."""
    return _insert_in_words(text, lambda: rng.choice(_INVISIBLE_CHARACTERS) if rng.random() < 0.3 else "")


def html_splits(text: str, rng: Random) -> str:
    """Insert empty tags at 15 % of the places inside words."""
    return _insert_in_words(text, lambda: rng.choice(_EMPTY_TAGS) if rng.random() < 0.15 else "")


def spaced_letters(text: str, rng: Random) -> str:
    """Separate the letters of half of the words, with one separator for the whole text."""
    separator = rng.choice(_SEPARATORS)
    return _map_words(text, lambda word: separator.join(word) if rng.random() < 0.5 else word)


def right_to_left(text: str, rng: Random) -> str:
    """Store half of the words backwards, between direction marks that show them forwards."""
    return _map_words(text, lambda word: f"\u202e{word[::-1]}\u202c" if rng.random() < 0.5 else word)


def encoded_links(text: str, rng: Random) -> str:
    """Write half of the letters of each URL as percent escapes or as entities."""

    def encode(match: re.Match[str]) -> str:
        sign = rng.choice(("%{:02x}", "&#{};", "&#x{:x};"))
        return match[1] + _LETTER.sub(
            lambda letter: sign.format(ord(letter[0])) if letter[0].isascii() and rng.random() < 0.5 else letter[0],
            html.unescape(match[2]),
        )

    return _URL.sub(encode, text)


def shortened_links(text: str, rng: Random) -> str:
    """Replace each URL by one of a URL shortener."""
    return _URL.sub(
        lambda _: f"https://{rng.choice(_SHORTENERS)}/{''.join(rng.choices(_SHORT_LINK_CHARACTERS, k=7))}", text
    )


def emoji_padding(text: str, rng: Random) -> str:
    """Put a row of emoji at both ends, and single emoji between words."""
    before, after = ("".join(rng.choices(_EMOJI, k=rng.randint(3, 8))) for _ in range(2))
    padded = _map_text(
        text,
        lambda part: re.sub(r" ", lambda _: f" {rng.choice(_EMOJI)} " if rng.random() < 0.3 else " ", part),
    )
    return f"{before} {padded} {after}"


def truncation(text: str, _rng: Random) -> str:
    """Keep the first half."""
    return text[: (len(text) + 1) // 2]


def russian_after(text: str, _rng: Random) -> str:
    """Append a sentence in Russian."""
    return f"{text}\n\n{_RUSSIAN}"


def ham_before(ham_texts: Sequence[str]) -> Obfuscator:
    """Return an obfuscator that puts a random ham text before the text."""
    return lambda text, rng: f"{rng.choice(ham_texts)}\n\n{text}"


def ham_after(ham_texts: Sequence[str]) -> Obfuscator:
    """Return an obfuscator that puts a random ham text after the text."""
    return lambda text, rng: f"{text}\n\n{rng.choice(ham_texts)}"


def long_padding(ham_texts: Sequence[str], before: int, after: int) -> Obfuscator:
    """Return an obfuscator that puts paragraphs of ham before and after the text, each of so many code points."""

    def pad(text: str, rng: Random) -> str:
        return "\n\n".join([*_filler(ham_texts, before, rng), text, *_filler(ham_texts, after, rng)])

    return pad


def one_line(text: str, _rng: Random) -> str:
    """Replace line breaks by spaces."""
    return text.replace("\n", " ")


def short_paragraphs(ham_texts: Sequence[str]) -> Obfuscator:
    """Return an obfuscator that puts the text in the middle of a hundred beginnings of ham."""

    def pad(text: str, rng: Random) -> str:
        paragraphs = [paragraph[:_SHORT_PARAGRAPH_LENGTH] for paragraph in rng.choices(ham_texts, k=100)]
        return "\n\n".join([*paragraphs[:50], text, *paragraphs[50:]])

    return pad


def compose(first: Obfuscator, second: Obfuscator) -> Obfuscator:
    """Return an obfuscator that applies both in order."""
    return lambda text, rng: second(first(text, rng), rng)


def obfuscators(ham_texts: Sequence[str]) -> dict[str, Obfuscator]:
    """Return all obfuscators by name. `ham_texts` are the texts to pad spam with."""
    return {
        "homoglyphs": homoglyphs,
        "styled letters": styled_letters,
        "struck-through letters": struck_letters,
        "leetspeak": leetspeak,
        "zero-width characters": zero_width,
        "spaced letters": spaced_letters,
        "HTML splits": html_splits,
        "encoded links": encoded_links,
        "shortened links": shortened_links,
        "right-to-left override": right_to_left,
        "emoji padding": emoji_padding,
        "ham before": ham_before(ham_texts),
        "ham after": ham_after(ham_texts),
        "20,000 characters of ham before": long_padding(ham_texts, 20_000, 0),
        "20,000 characters of ham after": long_padding(ham_texts, 0, 20_000),
        "10,000 characters of ham on either side": long_padding(ham_texts, 10_000, 10_000),
        "10,000 characters of ham on either side, in one line": compose(
            long_padding(ham_texts, 10_000, 10_000), one_line
        ),
        "a hundred short paragraphs": short_paragraphs(ham_texts),
        "truncation": truncation,
        "homoglyphs, and a sentence in Russian": compose(homoglyphs, russian_after),
        "homoglyphs and zero-width characters": compose(homoglyphs, zero_width),
        "shortened links, emoji and ham before": compose(
            compose(shortened_links, emoji_padding), ham_before(ham_texts)
        ),
    }


def _filler(ham_texts: Sequence[str], length: int, rng: Random) -> list[str]:
    """Return random ham texts of at least `length` code points in all, none for a length of 0."""
    texts: list[str] = []
    while length > 0:
        texts.append(rng.choice(ham_texts))
        length -= len(texts[-1])
    return texts


def _map_text(text: str, change: Callable[[str], str]) -> str:
    """Change everything but tags, entities and URLs."""
    parts, end = [], 0
    for match in _MARKUP_OR_URL.finditer(text):
        parts += [change(text[end : match.start()]), match[0]]
        end = match.end()
    return "".join([*parts, change(text[end:])])


def _map_letters(text: str, change: Callable[[str], str]) -> str:
    return _map_text(text, lambda part: _LETTER.sub(lambda letter: change(letter[0]), part))


def _map_words(text: str, change: Callable[[str], str]) -> str:
    return _map_text(text, lambda part: _WORD.sub(lambda word: change(word[0]), part))


def _insert_in_words(text: str, make_insert: Callable[[], str]) -> str:
    return _map_text(text, lambda part: _BETWEEN_LETTERS.sub(lambda _: make_insert(), part))


def _substitute(letter: str, substitutes: dict[str, str], rate: float, rng: Random) -> str:
    choices = substitutes.get(letter.lower())
    return rng.choice(choices) if choices and rng.random() < rate else letter
