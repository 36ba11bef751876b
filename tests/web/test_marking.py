"""The text of a comment with the places marked that weighed for spam or against it."""

import re

from hypothesis import given
from hypothesis import strategies as st

from moderation.actions.access import add_moderator
from moderation.domain.judgement import Reason, Span
from moderation.web.queue.marking import LEAST_WEIGHT, marked
from moderation.web.queue.visible import visible
from tests.conftest import PASSWORD
from tests.e2e.pages import unmarked
from tests.strategies import hostile_texts
from tests.web.conftest import Blog, Browser

_MARK = re.compile(
    r"""<mark class="(spam|ham)" title="speaks for (?:spam|ham), [-+][0-9]+\.[0-9]{2}: [^"<>]*">(.*?)</mark>""",
    re.DOTALL,
)
_places = st.integers(0, 70)
_reasons = st.lists(
    st.builds(
        lambda code, weight, field, ends: Reason(code, weight, spans=(Span(field, min(ends), max(ends)),)),
        st.sampled_from(["WORDING", "LINK_TARGET", '<b>"NEW_CODE']),
        st.floats(-5, 5),
        st.sampled_from(["text", "text", "author"]),
        st.tuples(_places, _places),
    ),
    max_size=5,
)


def of(text: str, *places: tuple[float, int, int]) -> list[tuple[str, str]]:
    """Side and content of each mark, for reasons of that weight and place."""
    reasons = [Reason("WORDING", weight, spans=(Span("text", start, end),)) for weight, start, end in places]
    return _MARK.findall(marked(text, reasons, len(text))[0])


@given(hostile_texts, _reasons, st.integers(0, 40))
def test_marks_change_nothing_of_what_is_shown(text: str, reasons: list[Reason], cut: int) -> None:
    """Without its marks the text is as `visible` shows it, whatever the spans are: the marks hide and add nothing."""
    shown, rest = marked(text, reasons, cut)
    assert (unmarked(shown), unmarked(rest)) == (visible(text[:cut]), visible(text[cut:]))
    for part in (shown, rest):
        assert "<mark" not in _MARK.sub("", part) and part.count("<mark") == part.count("</mark>")


def test_spans_are_of_the_text_as_it_was_sent() -> None:
    """What hides and what is escaped takes its place in the original, not in the page."""
    text = "a\u202e<b>\U0001f45f cheap\r\nshoes"
    place = text.index("cheap")
    assert of(text, (1.0, place, len(text))) == [("spam", "cheap\nshoes")]
    assert of(text, (-1.0, 1, 5)) == [
        ("ham", '<span class="hidden-character" title="right-to-left override">[U+202E]</span>&lt;b&gt;')
    ]


def test_a_line_break_is_not_torn_apart() -> None:
    """A carriage return and its line feed stay one break, also where a span ends between them."""
    assert of("a\r\nb", (1.0, 0, 2)) == [("spam", "a\n")]
    assert of("a\r\nb", (1.0, 2, 4)) == [("spam", "b")]


def test_the_heaviest_reason_has_the_place() -> None:
    """Where spans overlap the marks do not nest: the heavier one is whole, the other has what is left."""
    assert of("buy cheap shoes", (0.5, 0, 15), (-2.0, 4, 9)) == [("spam", "buy "), ("ham", "cheap"), ("spam", " shoes")]


def test_what_hardly_weighs_marks_nothing() -> None:
    """A page full of marks would say nothing."""
    assert of("cheap", (LEAST_WEIGHT / 2, 0, 5)) == []


def test_without_a_model_the_reason_is_still_told(modelless_blog: Blog) -> None:
    """A reason of no weight is neither for nor against: it unfolds, and nothing is marked for it."""
    modelless_blog.score("Hello there")
    add_moderator(modelless_blog.desk, "Ana", PASSWORD)
    browser = Browser(modelless_blog.client)
    assert browser.sign_in("Ana").status_code == 303
    page = browser.read("/queue")
    assert "NO_MODEL" in page and "<h3>Why</h3>" in page and "Underlined" not in page
