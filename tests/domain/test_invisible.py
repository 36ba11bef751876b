"""Invisible characters and their display."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.invisible import INVISIBLE, ZERO_WIDTH, is_invisible, show_invisible, split_invisible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, café 👍", "plain text, café 👍"),
        ("a\u202eb", "a[U+202E]b"),
        ("a\nb\t\x00", "a[U+000A]b[U+0009 U+0000]"),
        ("\u200b\u00ad\ufeff", "[U+200B U+00AD U+FEFF]"),
        ("\u2800\u3164\u034f\u115f", "[U+2800 U+3164 U+034F … ×4]"),
        ("a" + "\u200b" * 40 + "b", "a[U+200B ×40]b"),
        ("\u200b\u200c" * 40, "[U+200B U+200C ×80]"),
        ("e" + "\u0301" * 8, "e" + "\u0301" * 8),
        ("e" + "\u0301" * 9, "e[U+0301 ×9]"),
        ("❤\ufe0f", "❤\ufe0f"),
        ("\U000e0041\ud800", "[U+E0041 U+D800]"),
    ],
)
def test_invisible_characters_are_shown(text: str, shown: str) -> None:
    """Each run becomes one mark with its length; emoji keep their variation selectors, letters their accents."""
    assert show_invisible(text) == shown


def test_the_mark_is_chosen_and_some_characters_stay() -> None:
    """A page marks characters in its own way and keeps line breaks."""
    assert show_invisible("a\u200b\nb\r", lambda run: f"<{len(run)}>", keep="\n\t") == "a<1>\nb<1>"


@given(st.text(st.characters(codec=None), max_size=30))
def test_no_invisible_character_remains(text: str) -> None:
    """The text shown has no invisible character, and the visible ones in their order."""
    assert not any(map(is_invisible, show_invisible(text)))
    parts = list(split_invisible(text))
    assert "".join(part for part, _ in parts) == text
    assert [part for part, hidden in parts if hidden != all(map(is_invisible, part))] == []


def test_every_invisible_character_is_shown() -> None:
    """The fast search for candidates misses no character."""
    chars = [*map(chr, range(0x30000)), *map(chr, range(0xE0000, 0xE1000))]
    assert [char for char in chars if is_invisible(char) != (show_invisible(char) != char)] == []


def test_characters_that_training_inserts_are_removed_by_normalization() -> None:
    """Obfuscated training comments are normalized like those of spammers."""
    assert re.fullmatch(f"[{INVISIBLE}]+", ZERO_WIDTH)
    assert all(map(is_invisible, ZERO_WIDTH))
