"""Hostile text as safe markup."""

import html
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.web.queue.highlight import excerpt
from tests.strategies import hostile_texts

_MARK = re.compile(r'<span class="invisible-character" title="[^"<>]*">\[U\+[^]<>]*\]</span>')
_NO_LIMIT = 10**9


def safe_markup(text: str) -> str:
    return str(excerpt(text, _NO_LIMIT))


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


@given(hostile_texts, st.integers(0, 60))
def test_an_excerpt_is_bounded_in_bytes(text: str, max_bytes: int) -> None:
    """It is the longest beginning that fits, up to a run of invisible characters, and says that it is cut."""
    whole, cut = safe_markup(text), excerpt(text, max_bytes)
    if len(whole.encode()) <= max_bytes:
        assert cut == whole
    else:
        assert cut.endswith("…") and len(cut.removesuffix("…").encode()) <= max_bytes
        assert whole.startswith(cut.removesuffix("…"))


def test_a_run_is_one_mark() -> None:
    """With its length and the names of its characters."""
    assert safe_markup("a" + "\u200b" * 5000) == (
        'a<span class="invisible-character" title="zero width space">[U+200B ×5000]</span>'
    )
    assert len(safe_markup("\u200b\u200c\u2060\ufeff\u00ad" * 5000)) < 200


def test_stacked_marks_are_counted() -> None:
    """A letter with a hundred accents would cover the lines around it."""
    assert safe_markup("Z" + "\u0301" * 100).endswith(">[U+0301 ×100]</span>")
    assert safe_markup("e\u0301" * 100) == "e\u0301" * 100
