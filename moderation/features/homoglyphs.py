"""Homoglyphs: letters of one script that look like letters of another, and words disguised with them."""

import re
import string
from collections.abc import Iterable, Mapping
from unicodedata import normalize

_LATIN_HOMOGLYPHS = {
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
_CYRILLIC_HOMOGLYPHS = {
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


def _homoglyph_table(homoglyphs: Mapping[str, str]) -> dict[str, str]:
    """Return the letter that each homoglyph looks like. Capitals of homoglyphs are homoglyphs of capitals."""
    table = {other: letter for letter, others in homoglyphs.items() for other in others}
    return {other.upper(): letter.upper() for other, letter in table.items() if len(other.upper()) == 1} | table


def _without_homoglyphs(letters: Iterable[str], others: str) -> str:
    """Return the letters that are not among `others`, diacritics aside."""
    return "".join(letter for letter in letters if normalize("NFD", letter)[0] not in others)


_TO_LATIN = {other: letter for other, letter in _homoglyph_table(_LATIN_HOMOGLYPHS).items() if not other.isascii()}
_TO_CYRILLIC = _homoglyph_table(_CYRILLIC_HOMOGLYPHS)
_LATIN_LOOKALIKES = "".join(_TO_LATIN)
_CYRILLIC_LOOKALIKES = "".join(_TO_CYRILLIC)
_LATIN_TABLE = str.maketrans(_TO_LATIN)
_CYRILLIC_TABLE = str.maketrans(_TO_CYRILLIC)

_CYRILLIC_LETTERS = "\u0400-\u0481\u048a-\u052f"
_SMALL_CAPITALS = "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢƦꞮ"
"""The last two are the upper case of small capitals."""
_LETTER = r"[^\W\d_]"

_BOXED_LETTERS = {
    chr(first + number): letter for first in (0x1F150, 0x1F170) for number, letter in enumerate(string.ascii_lowercase)
}
"""White letters on black circles and squares, which NFKC leaves as they are."""
_BOXED_LETTER = re.compile("[\U0001f150-\U0001f169\U0001f170-\U0001f189]")
_BOXED_LETTER_TABLE = str.maketrans(_BOXED_LETTERS)

_MAYBE_HOMOGLYPH = re.compile(f"[{_LATIN_LOOKALIKES}{_CYRILLIC_LETTERS}]")
_LATIN_LETTER = re.compile(f"[a-zA-Z{_SMALL_CAPITALS}]")
_NON_LATIN_LETTER = re.compile(f"(?![{_LATIN_LOOKALIKES}])[\u0370-\u058f\u13a0-\u13ff\uab70-\uabbf]")
"""A letter of Greek, Cyrillic, Armenian or Cherokee that does not look Latin."""
_UNAMBIGUOUS_LATIN = re.compile(
    f"[{_without_homoglyphs(string.ascii_letters + _SMALL_CAPITALS, _CYRILLIC_LOOKALIKES)}]"
)
_UNAMBIGUOUS_CYRILLIC = re.compile(
    f"[{_without_homoglyphs(filter(str.isalpha, map(chr, range(0x400, 0x530))), _LATIN_LOOKALIKES)}]"
)
_CYRILLIC_LETTER = re.compile(f"[{_CYRILLIC_LETTERS}]")
_ASCII_LETTER = re.compile("[a-zA-Z]")
MIXED_SCRIPT_WORD = re.compile(
    f"(?<!{_LETTER})(?:(?={_LETTER}*[a-zA-Z{_SMALL_CAPITALS}])(?={_LETTER}*[{_LATIN_LOOKALIKES}{_CYRILLIC_LETTERS}])"
    f"|(?={_LETTER}*[{_CYRILLIC_LETTERS}])(?={_LETTER}*[{_CYRILLIC_LOOKALIKES}])){_LETTER}+"
)
"""A word that may mix letters of two scripts."""
_CYRILLIC_LATIN_LOOKALIKES = "".join(letter for letter in _LATIN_LOOKALIKES if "\u0400" <= letter <= "\u052f")
MIXED_SCRIPT_LETTERS = re.compile(
    f"[{_CYRILLIC_LATIN_LOOKALIKES}](?<=[a-zA-Z].)[{_CYRILLIC_LATIN_LOOKALIKES}]*+(?=[a-zA-Z])"
    f"|[{_CYRILLIC_LOOKALIKES}](?<=[{_CYRILLIC_LETTERS}].)[{_CYRILLIC_LOOKALIKES}]*+(?=[{_CYRILLIC_LETTERS}])"
)
"""Cyrillic letters that look Latin between Latin letters, and the reverse."""


def replace_boxed_letters(text: str) -> str:
    """Return the text with plain letters in place of boxed ones."""
    return text.translate(_BOXED_LETTER_TABLE) if _BOXED_LETTER.search(text) else text


def may_have_homoglyphs(text: str) -> bool:
    """Return whether any letter may stand for one of another script."""
    return bool(_MAYBE_HOMOGLYPH.search(text))


def is_latin(text: str) -> bool:
    """Return whether the text is Latin.

    It has Latin letters, and every Greek, Cyrillic, Armenian or Cherokee letter in it is a Latin look-alike.
    """
    return bool(_LATIN_LETTER.search(text)) and not _NON_LATIN_LETTER.search(text)


def is_mostly_cyrillic(text: str) -> bool:
    """Return whether the text has more unambiguous Cyrillic letters than unambiguous Latin ones."""
    return _cyrillic_surplus(text) > 0


def to_latin(text: str) -> str:
    """Return the text with Latin letters in place of their look-alikes."""
    return text.translate(_LATIN_TABLE)


def unify_script(word: str, mostly_cyrillic: bool) -> str:
    """Return the word with look-alikes replaced by letters of its main script, Latin or Cyrillic.

    Each letter is a vote for its script, an unambiguous one three votes. On a tie, `mostly_cyrillic` decides.
    """
    surplus = len(_CYRILLIC_LETTER.findall(word)) - len(_ASCII_LETTER.findall(word)) + 2 * _cyrillic_surplus(word)
    is_cyrillic = surplus > 0 if surplus else mostly_cyrillic
    return word.translate(_CYRILLIC_TABLE) if is_cyrillic else to_latin(word)


def _cyrillic_surplus(text: str) -> int:
    """Return the number of unambiguous Cyrillic letters minus that of unambiguous Latin ones."""
    return len(_UNAMBIGUOUS_CYRILLIC.findall(text)) - len(_UNAMBIGUOUS_LATIN.findall(text))
