"""Hostile text, as it may be shown."""

import html
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.web.queue.visible import visible

_MARK = re.compile(r'<span class="hidden-character" title="[^"<>]*">\[U\+[0-9A-F]{4,6}\]</span>')


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
def test_what_hides_is_shown_as_its_code_point(letter: str, code: str) -> None:
    """Invisible, bidirectional, control and half characters cannot fool the reader."""
    shown = visible(f"a{letter}b")
    assert f"[{code}]" in shown and letter not in shown


def test_markup_is_text() -> None:
    """Tags and quotes come out as what they are."""
    assert visible("""<script>x("'&")</script>""") == "&lt;script&gt;x(&#34;&#39;&amp;&#34;)&lt;/script&gt;"
    assert "<b>" not in visible("<b>\u202e</b>")


def test_line_breaks_stay() -> None:
    """Line feeds and tabs are kept, other breaks become line feeds."""
    assert visible("a\r\nb\rc\n\td") == "a\nb\nc\n\td"


def test_ordinary_writing_is_left_alone() -> None:
    """Letters of any script, emoji and their presentation mark are not evidence of anything."""
    text = "Grüße, привет, שלום, 你好\u3000♥\ufe0f 🎉"
    assert visible(text) == text


@given(st.text(st.characters()))
def test_only_escaped_text_and_marks_come_out(text: str) -> None:
    """Without the marks there is no tag left, nothing hides, and what was visible is all there."""
    shown = _MARK.sub("", str(visible(text)))
    assert "<" not in shown and ">" not in shown
    assert not any(unicodedata.category(letter) in {"Cf", "Cs", "Cc"} for letter in shown if letter not in "\n\t")
    assert html.escape(html.unescape(shown), quote=True).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") == shown
    str(visible(text)).encode()
