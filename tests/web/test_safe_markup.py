"""Hostile text as safe markup."""

import html
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.web.queue.highlight import safe_markup

_MARK = re.compile(r'<span class="invisible-character" title="[^"<>]*">\[U\+[0-9A-F]{4,6}\]</span>')


@pytest.mark.parametrize(
    ("letter", "code"),
    [
        ("\u202e", "U+202E"),
        ("\u200b", "U+200B"),
        ("\0", "U+0000"),
        ("\x1b", "U+001B"),
        ("\ufeff", "U+FEFF"),
        ("\u3164", "U+3164"),
        ("\ud83d", "U+D83D"),
        ("\U000e0041", "U+E0041"),
        ("\u2028", "U+2028"),
    ],
)
def test_invisible_characters_are_shown_as_code_points(letter: str, code: str) -> None:
    """Invisible, bidirectional, control and surrogate characters are visible."""
    shown = safe_markup(f"a{letter}b")
    assert f"[{code}]" in shown and letter not in shown


def test_markup_is_text() -> None:
    """Tags and quotes are escaped."""
    assert safe_markup("""<script>x("'&")</script>""") == "&lt;script&gt;x(&#34;&#39;&amp;&#34;)&lt;/script&gt;"
    assert "<b>" not in safe_markup("<b>\u202e</b>")


def test_line_breaks_stay() -> None:
    """Line feeds and tabs are kept, other breaks become line feeds."""
    assert safe_markup("a\r\nb\rc\n\td") == "a\nb\nc\n\td"


def test_ordinary_text_is_unchanged() -> None:
    """Letters of any script, emoji and variation selectors stay."""
    text = "Grüße, привет, שלום, 你好\u3000♥\ufe0f 🎉"
    assert safe_markup(text) == text


@given(st.text(st.characters()))
def test_only_escaped_text_and_marks_come_out(text: str) -> None:
    """Without the marks there is no tag and no invisible character, and all visible text is there."""
    shown = _MARK.sub("", str(safe_markup(text)))
    assert "<" not in shown and ">" not in shown
    assert not any(unicodedata.category(letter) in {"Cf", "Cs", "Cc"} for letter in shown if letter not in "\n\t")
    assert html.escape(html.unescape(shown), quote=True).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") == shown
    str(safe_markup(text)).encode()
