"""Random strings in ten styles, as probes send them to see whether a form lets something through."""

import base64
import string
from collections.abc import Callable, Mapping
from random import Random

_KEY_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_VOWELS = "aeiou"
_CONSONANTS = "bcdfghjklmnprstvz"
_SCRIPTS = (
    "абвгдежзийклмнопрстуфхцчшщъыьэюя",
    "αβγδεζηθικλμνξοπρστυφχψω",
    "אבגדהוזחטיכלמנסעפצקרשת",
    "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "अआइईउऊएऐओऔकखगघचछजझटठडढणतथदधनपफबभमयरलवशसह",
)


def _letters(rng: Random, alphabet: str, shortest: int, longest: int) -> str:
    return "".join(rng.choices(alphabet, k=rng.randint(shortest, longest)))


def _some(rng: Random, word: Callable[[], str]) -> str:
    """Return one to three words."""
    return " ".join(word() for _ in range(rng.choice((1, 1, 1, 2, 3))))


def _keyboard_mash(rng: Random) -> str:
    rows = [rng.choice(_KEY_ROWS) for _ in range(3)]
    return _some(rng, lambda: "".join(rng.choices(rng.choice(rows), k=rng.randint(6, 12))))


def _hex(rng: Random) -> str:
    return _letters(rng, "0123456789abcdef", 8, 32)


def _base64(rng: Random) -> str:
    return base64.b64encode(rng.randbytes(rng.randint(6, 18))).decode()


def _nonsense(rng: Random) -> str:
    return _some(rng, lambda: "".join(rng.choice(_CONSONANTS) + rng.choice(_VOWELS) for _ in range(rng.randint(3, 5))))


def _digits(rng: Random) -> str:
    return _letters(rng, string.digits, 5, 12)


def _mixed_case(rng: Random) -> str:
    return _some(rng, lambda: _letters(rng, string.ascii_letters, 6, 12))


def _repeated_syllables(rng: Random) -> str:
    return _letters(rng, _CONSONANTS, 1, 2) + rng.choice(_VOWELS) + _letters(rng, _CONSONANTS, 0, 1)


def _other_script(rng: Random) -> str:
    alphabet = rng.choice(_SCRIPTS)
    return _some(rng, lambda: _letters(rng, alphabet, 6, 12))


def _url_like(rng: Random) -> str:
    host = _letters(rng, string.ascii_lowercase + string.digits, 6, 12)
    path = rng.choice(("", f"/{_letters(rng, string.ascii_letters, 4, 8)}"))
    return f"{host}.{rng.choice(('com', 'xyz', 'ru', 'top'))}{path}"


def _single_letters(rng: Random) -> str:
    return " ".join(rng.choices(string.ascii_lowercase, k=rng.randint(1, 6)))


STYLES: Mapping[str, Callable[[Random], str]] = {
    "keyboard mash": _keyboard_mash,
    "hexadecimal": _hex,
    "base64": _base64,
    "consonants and vowels in turn": _nonsense,
    "digits": _digits,
    "mixed case": _mixed_case,
    "repeated syllables": lambda rng: _repeated_syllables(rng) * rng.randint(3, 5),
    "another script": _other_script,
    "like an address": _url_like,
    "single letters": _single_letters,
}
"""A generator of each style."""
