"""Letters of one alphabet that are drawn like those of another, and words that were disguised with them."""

import re
import string
from collections.abc import Iterable, Mapping
from unicodedata import normalize

_LATIN = {
    "a": "аɑαᴀꭺ",
    "b": "ʙ",
    "c": "сϲᴄꮯ",
    "d": "ԁᴅꭰ",
    "e": "еҽᴇꭼ",
    "f": "ꜰғ",
    "g": "ɡցɢꮐ",
    "h": "һհʜꮋ",
    "i": "іıɩιɪꭵ",
    "j": "јᴊꭻ",
    "k": "κкᴋꮶ",
    "l": "ӏʟꮮ",
    "m": "мᴍꮇ",
    "n": "ոпɴ",
    "o": "оοօσᴏ",
    "p": "рρᴘꮲ",
    "q": "ԛ",
    "r": "гᴦʀꭱꮢ",
    "s": "ѕꜱꮪ",
    "t": "тτᴛꭲ",
    "u": "υսᴜ",
    "v": "νѵᴠꮩ",
    "w": "ԝᴡꮃ",
    "x": "хχ",
    "y": "уγʏ",
    "z": "ᴢꮓ",
    "A": "АΑ",
    "B": "ВΒ",
    "C": "С",
    "E": "ЕΕ",
    "H": "НΗ",
    "I": "ІΙ",
    "J": "Ј",
    "K": "КΚ",
    "M": "МΜ",
    "N": "Ν",
    "O": "ОΟ",
    "P": "РΡ",
    "S": "Ѕ",
    "T": "ТΤ",
    "X": "ХΧ",
    "Y": "Υ",
    "Z": "Ζ",
}
_CYRILLIC = {
    "а": "aᴀꭺ",
    "в": "bʙ",
    "г": "rᴦ",
    "е": "eᴇꭼ",
    "з": "ɜ",
    "и": "uᴎ",
    "і": "i",
    "ј": "j",
    "к": "kᴋꮶ",
    "л": "ᴧᴫ",
    "м": "mᴍʍꮇ",
    "н": "hʜꮋ",
    "о": "oᴏꮎꮻ",
    "п": "nᴨ",
    "р": "pᴘᴩꮲ",
    "с": "cᴄꮯ",
    "ѕ": "s",
    "т": "tᴛꭲ",
    "у": "yʏ",
    "ф": "ɸ",
    "х": "x",
    "ш": "ɯ",
    "я": "ᴙʁ",
    "И": "N",
    "Я": "R",
}


def _twins(alphabet: Mapping[str, str]) -> dict[str, str]:
    """The letter for each that is drawn like it; where its small letter is one, a capital is one too."""
    drawn = {other: letter for letter, others in alphabet.items() for other in others}
    return {other.upper(): letter.upper() for other, letter in drawn.items() if len(other.upper()) == 1} | drawn


def _unlike(letters: Iterable[str], others: str) -> str:
    """Those of the letters that are none of the others, marks above and below aside."""
    return "".join(letter for letter in letters if normalize("NFD", letter)[0] not in others)


_TO_LATIN = {other: letter for other, letter in _twins(_LATIN).items() if not other.isascii()}
_TO_CYRILLIC = _twins(_CYRILLIC)
_LIKE_LATIN = "".join(_TO_LATIN)
_LIKE_CYRILLIC = "".join(_TO_CYRILLIC)
_LATIN_TABLE = str.maketrans(_TO_LATIN)
_CYRILLIC_TABLE = str.maketrans(_TO_CYRILLIC)

_CYRILLIC_LETTERS = "\u0400-\u0481\u048a-\u052f"
_SMALL_CAPITALS = "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢƦꞮ"
"""The last two are capitals of small capitals."""
_LETTER = r"[^\W\d_]"

_IN_BOXES = {
    chr(first + place): letter for first in (0x1F150, 0x1F170) for place, letter in enumerate(string.ascii_lowercase)
}
"""Letters cut out of circles and squares, which Unicode takes for pictures."""
_BOX = re.compile("[\U0001f150-\U0001f169\U0001f170-\U0001f189]")
_BOX_TABLE = str.maketrans(_IN_BOXES)

_DOUBTFUL = re.compile(f"[{_LIKE_LATIN}{_CYRILLIC_LETTERS}]")
_LATIN_LETTER = re.compile(f"[a-zA-Z{_SMALL_CAPITALS}]")
_STRANGER = re.compile(f"(?![{_LIKE_LATIN}])[\u0370-\u058f\u13a0-\u13ff\uab70-\uabbf]")
"""A letter of the alphabets that most look-alikes are from, Cherokee among them, that is none itself."""
_ONLY_LATIN = re.compile(f"[{_unlike(string.ascii_letters + _SMALL_CAPITALS, _LIKE_CYRILLIC)}]")
_ONLY_CYRILLIC = re.compile(f"[{_unlike(filter(str.isalpha, map(chr, range(0x400, 0x530))), _LIKE_LATIN)}]")
_CYRILLIC_LETTER = re.compile(f"[{_CYRILLIC_LETTERS}]")
_ASCII_LETTER = re.compile("[a-zA-Z]")
MIXED_WORD = re.compile(
    f"(?<!{_LETTER})(?:(?={_LETTER}*[a-zA-Z{_SMALL_CAPITALS}])(?={_LETTER}*[{_LIKE_LATIN}{_CYRILLIC_LETTERS}])"
    f"|(?={_LETTER}*[{_CYRILLIC_LETTERS}])(?={_LETTER}*[{_LIKE_CYRILLIC}])){_LETTER}+"
)
"""A word that may have letters of two alphabets."""
_CYRILLIC_TWINS = "".join(letter for letter in _LIKE_LATIN if "\u0400" <= letter <= "\u052f")
INTRUDERS = re.compile(
    f"[{_CYRILLIC_TWINS}](?<=[a-zA-Z].)[{_CYRILLIC_TWINS}]*+(?=[a-zA-Z])"
    f"|[{_LIKE_CYRILLIC}](?<=[{_CYRILLIC_LETTERS}].)[{_LIKE_CYRILLIC}]*+(?=[{_CYRILLIC_LETTERS}])"
)
"""Cyrillic letters that stand between Latin ones and are drawn like such, and the other way round."""


def unboxed(text: str) -> str:
    """The letters of boxes in their place."""
    return text.translate(_BOX_TABLE) if _BOX.search(text) else text


def is_doubtful(text: str) -> bool:
    """Whether some letter may stand for one of another alphabet."""
    return bool(_DOUBTFUL.search(text))


def is_latin(text: str) -> bool:
    """Whether it has Latin letters, and none of Greek, Cyrillic, Armenian or Cherokee but what is drawn like them."""
    return bool(_LATIN_LETTER.search(text)) and not _STRANGER.search(text)


def is_mostly_cyrillic(text: str) -> bool:
    """Whether more letters are Cyrillic beyond doubt than are Latin beyond doubt."""
    return _beyond_doubt(text) > 0


def in_latin(text: str) -> str:
    """Latin letters for all that are drawn like them."""
    return text.translate(_LATIN_TABLE)


def in_one_alphabet(word: str, mostly_cyrillic: bool) -> str:
    """The word in Latin or Cyrillic, as far as its letters are drawn like those.

    Most of its letters decide, those beyond doubt three times over; where they are even, what the text is mostly in.
    """
    surplus = len(_CYRILLIC_LETTER.findall(word)) - len(_ASCII_LETTER.findall(word)) + 2 * _beyond_doubt(word)
    cyrillic = surplus > 0 if surplus else mostly_cyrillic
    return word.translate(_CYRILLIC_TABLE) if cyrillic else in_latin(word)


def _beyond_doubt(text: str) -> int:
    """How many more letters are Cyrillic beyond doubt than are Latin beyond doubt."""
    return len(_ONLY_CYRILLIC.findall(text)) - len(_ONLY_LATIN.findall(text))
