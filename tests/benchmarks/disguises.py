"""What spammers do to a text so that a filter no longer knows it while a reader still does.

Each disguise is a pure function of a text and a random generator: the same generator gives the same disguise. Tags and
addresses are left whole by those that work on letters, since a broken link sells nothing.
"""

import html
import re
from collections.abc import Callable, Sequence
from random import Random

Disguise = Callable[[str, Random], str]

_ADDRESS = re.compile(r"(https?://)([^\s<>\"'\[\]]+)", re.IGNORECASE)
_WHOLE = re.compile(r"<[^<>]*>|\[/?url[^\[\]]*\]|(?:https?://|www\.)[^\s<>\"'\[\]]+|&#?\w{1,10};", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]{4,}")
_LETTER = re.compile(r"[^\W\d_]")
_INSIDE = re.compile(r"(?<=[^\W\d_])(?=[^\W\d_])")

_TWINS = {
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
_STYLES = (0x1D41A, 0x1D4EA, 0xFF41, 0x24D0, 0x1F150, 0x1F170)
"""The first of the small letters in bold, script, full width, circles, and cut out of circles and of squares."""
_LINES = "\u0332\u0335\u0336\u0337\u0338\u20dd"
"""Marks below, through and around a letter."""
_DIGITS = {"a": "4@", "e": "3", "i": "1!", "o": "0", "s": "5$", "t": "7", "b": "8", "g": "9"}
_UNSEEN = "\u200b\u200c\u200d\u2060\u00ad\ufeff"
_EMPTY_TAGS = ("<b></b>", "<i></i>", "<span></span>", "<!-- -->", '<font size="3"></font>')
_SEPARATORS = " .-*_"
_EMOJI = "🔥💯😍👍🎉✨💰🚀❤🙏😂👇"
_SHORTENERS = ("bit.ly", "tinyurl.com", "is.gd", "rb.gy", "t.ly", "v.gd", "shorturl.at")
_RUSSIAN = (
    "Это длинное предложение написано по-русски, чтобы весь текст казался русским, хотя продают в нём по-английски."
)
_CODE = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def homoglyphs(text: str, chance: Random) -> str:
    """Every other letter becomes one of another alphabet that looks the same."""
    return _letters(text, lambda letter: _twin(letter, _TWINS, 0.5, chance))


def styled_letters(text: str, chance: Random) -> str:
    """Every word in one of the styles that Unicode has Latin letters in."""

    def style(word: str) -> str:
        first = chance.choice(_STYLES)
        return "".join(chr(first + ord(letter) - ord("a")) if "a" <= letter <= "z" else letter for letter in word)

    return _words(text, style)


def struck_letters(text: str, chance: Random) -> str:
    """A line through, below or around each letter."""
    return _letters(text, lambda letter: letter + chance.choice(_LINES))


def leetspeak(text: str, chance: Random) -> str:
    """Half of the letters that a digit or sign resembles become that."""
    return _letters(text, lambda letter: _twin(letter, _DIGITS, 0.5, chance))


def zero_width(text: str, chance: Random) -> str:
    """Invisible characters at three in ten places inside words."""
    return _in_words(text, lambda: chance.choice(_UNSEEN) if chance.random() < 0.3 else "")


def html_splits(text: str, chance: Random) -> str:
    """Empty tags at three in twenty places inside words."""
    return _in_words(text, lambda: chance.choice(_EMPTY_TAGS) if chance.random() < 0.15 else "")


def spaced_letters(text: str, chance: Random) -> str:
    """Half of the words spelt out, with one separator in the whole text."""
    separator = chance.choice(_SEPARATORS)
    return _words(text, lambda word: separator.join(word) if chance.random() < 0.5 else word)


def right_to_left(text: str, chance: Random) -> str:
    """Half of the words stored backwards and shown forwards by an override."""
    return _words(text, lambda word: f"\u202e{word[::-1]}\u202c" if chance.random() < 0.5 else word)


def encoded_links(text: str, chance: Random) -> str:
    """Every address written in percent signs or in entities, half of its letters each."""

    def encode(match: re.Match[str]) -> str:
        sign = chance.choice(("%{:02x}", "&#{};", "&#x{:x};"))
        return match[1] + _LETTER.sub(
            lambda letter: sign.format(ord(letter[0])) if letter[0].isascii() and chance.random() < 0.5 else letter[0],
            html.unescape(match[2]),
        )

    return _ADDRESS.sub(encode, text)


def shortened_links(text: str, chance: Random) -> str:
    """Every address behind a shortening service."""
    return _ADDRESS.sub(lambda _: f"https://{chance.choice(_SHORTENERS)}/{''.join(chance.choices(_CODE, k=7))}", text)


def emoji_padding(text: str, chance: Random) -> str:
    """A row of emoji on both sides, and one after three words in ten."""
    rows = ["".join(chance.choices(_EMOJI, k=chance.randint(3, 8))) for _ in range(2)]
    padded = _outside(
        text,
        lambda prose: re.sub(r" ", lambda _: f" {chance.choice(_EMOJI)} " if chance.random() < 0.3 else " ", prose),
    )
    return f"{rows[0]} {padded} {rows[1]}"


def truncation(text: str, chance: Random) -> str:
    """The first half."""
    return text[: (len(text) + 1) // 2]


def russian_after(text: str, chance: Random) -> str:
    """A sentence in Russian behind the text."""
    return f"{text}\n\n{_RUSSIAN}"


def ham_before(honest: Sequence[str]) -> Disguise:
    """Puts one of the honest comments in front."""
    return lambda text, chance: f"{chance.choice(honest)}\n\n{text}"


def ham_after(honest: Sequence[str]) -> Disguise:
    """Puts one of the honest comments behind."""
    return lambda text, chance: f"{text}\n\n{chance.choice(honest)}"


def both(first: Disguise, second: Disguise) -> Disguise:
    """One disguise over another."""
    return lambda text, chance: second(first(text, chance), chance)


def families(honest: Sequence[str]) -> dict[str, Disguise]:
    """Every disguise by its name; `honest` are the comments that spam is padded with."""
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
        "ham before": ham_before(honest),
        "ham after": ham_after(honest),
        "truncation": truncation,
        "homoglyphs, and a sentence in Russian": both(homoglyphs, russian_after),
        "homoglyphs and zero-width characters": both(homoglyphs, zero_width),
        "shortened links, emoji and ham before": both(both(shortened_links, emoji_padding), ham_before(honest)),
    }


def _outside(text: str, change: Callable[[str], str]) -> str:
    """The text with everything but tags, entities and addresses changed."""
    parts, done = [], 0
    for whole in _WHOLE.finditer(text):
        parts += [change(text[done : whole.start()]), whole[0]]
        done = whole.end()
    return "".join([*parts, change(text[done:])])


def _letters(text: str, change: Callable[[str], str]) -> str:
    return _outside(text, lambda prose: _LETTER.sub(lambda letter: change(letter[0]), prose))


def _words(text: str, change: Callable[[str], str]) -> str:
    return _outside(text, lambda prose: _WORD.sub(lambda word: change(word[0]), prose))


def _in_words(text: str, put: Callable[[], str]) -> str:
    return _outside(text, lambda prose: _INSIDE.sub(lambda _: put(), prose))


def _twin(letter: str, twins: dict[str, str], share: float, chance: Random) -> str:
    known = twins.get(letter.lower())
    return chance.choice(known) if known and chance.random() < share else letter
