"""Invisible characters and their display."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.invisible import INVISIBLE, ZERO_WIDTH, code_point_mark, is_invisible, show_invisible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, café 👍", "plain text, café 👍"),
        ("a\u202eb", "a[U+202E]b"),
        ("a\nb\t\x00", "a[U+000A]b[U+0009][U+0000]"),
        ("\u200b\u00ad\ufeff", "[U+200B][U+00AD][U+FEFF]"),
        ("\u2800\u3164\u034f\u115f", "[U+2800][U+3164][U+034F][U+115F]"),
        ("❤\ufe0f", "❤\ufe0f"),
        ("\U000e0041\ud800", "[U+E0041][U+D800]"),
    ],
)
def test_invisible_characters_are_shown(text: str, shown: str) -> None:
    """Each one becomes its code point; emoji keep their variation selectors."""
    assert show_invisible(text) == shown


def test_the_mark_is_chosen_and_some_characters_stay() -> None:
    """A page marks characters in its own way and keeps line breaks."""
    assert show_invisible("a\u200b\nb\r", lambda char: f"<{ord(char)}>", keep="\n\t") == "a<8203>\nb<13>"


@given(st.text(st.characters(codec=None), max_size=30))
def test_no_invisible_character_remains(text: str) -> None:
    """The text shown has no invisible character, and the visible ones in their order."""
    assert not any(map(is_invisible, show_invisible(text)))
    assert show_invisible(text) == "".join(code_point_mark(char) if is_invisible(char) else char for char in text)


def test_every_invisible_character_is_shown() -> None:
    """The fast search for candidates misses no character."""
    chars = [*map(chr, range(0x30000)), *map(chr, range(0xE0000, 0xE1000))]
    assert [char for char in chars if is_invisible(char) != (show_invisible(char) != char)] == []


def test_characters_that_training_inserts_are_removed_by_normalization() -> None:
    """Obfuscated training comments are normalized like those of spammers."""
    assert re.fullmatch(f"[{INVISIBLE}]+", ZERO_WIDTH)
    assert all(map(is_invisible, ZERO_WIDTH))
