"""The highlighted spans of reasons in the text of a comment."""

import re

from hypothesis import given
from hypothesis import strategies as st

from moderation.actions.moderators import add_moderator
from moderation.domain.decision import Reason, Span
from moderation.scoring.reasons import DESCRIPTIONS
from moderation.web.queue.highlight import MIN_HIGHLIGHTED_WEIGHT, highlight
from tests.conftest import PASSWORD
from tests.e2e.pages import unmarked
from tests.strategies import hostile_texts
from tests.web.conftest import Blog, Browser

_MARK = re.compile(
    r"""<mark class="(spam|ham)"(?: id="m[0-9]+-key" title="speaks for (?:spam|ham): [^"<>]*")?>(.*?)</mark>""",
    re.DOTALL,
)
_NO_LIMIT = 10**9
_positions = st.integers(0, 70)
_reasons = st.lists(
    st.builds(
        lambda code, weight, field, ends: Reason(code, weight, spans=(Span(field, min(ends), max(ends)),)),
        st.sampled_from(["WORDING", "LINK_TARGET", '<b>"NEW_CODE']),
        st.floats(-5, 5),
        st.sampled_from(["text", "text", "author"]),
        st.tuples(_positions, _positions),
    ),
    max_size=5,
)


def marks_of(text: str, *spans: tuple[float, int, int]) -> list[tuple[str, str]]:
    """Return label and content of each mark, for reasons with these weights and spans."""
    reasons = [Reason("WORDING", weight, spans=(Span("text", start, end),)) for weight, start, end in spans]
    return _MARK.findall(highlight(text, reasons, _NO_LIMIT, key="key").markup)


def visible(markup: str) -> str:
    """Return markup without marks. The end of a span may split a run of invisible characters, so these go too."""
    return re.sub('<span class="invisible-character".*?</span>', "", unmarked(markup))


@given(hostile_texts, _reasons, st.integers(0, 40))
def test_marks_do_not_change_the_text(text: str, reasons: list[Reason], start: int) -> None:
    """Without its marks the text equals that without reasons, for any spans and for any part of a text."""
    part = text[start:]
    shown = highlight(part, reasons, _NO_LIMIT, start=start, key="key")
    plain = highlight(part, [], _NO_LIMIT)
    assert (visible(shown.markup), shown.length) == (visible(plain.markup), plain.length)
    assert "<mark" not in _MARK.sub("", shown.markup)
    assert shown.markup.count("<mark") == shown.markup.count("</mark>")


@given(hostile_texts, _reasons, st.integers(0, 400))
def test_highlighted_text_is_bounded_in_bytes(text: str, reasons: list[Reason], max_bytes: int) -> None:
    """Marks count too, and reading on behind each part gives the whole text."""
    shown = highlight(text, reasons, max_bytes)
    assert len(shown.markup.encode()) <= max_bytes and shown.markup.count("<mark") == shown.markup.count("</mark>")
    assert visible(shown.markup) == visible(highlight(text[: shown.length], [], _NO_LIMIT).markup)


def test_spans_are_of_the_text_as_it_was_sent() -> None:
    """Spans count code points of the original, not of the escaped text."""
    text = "a\u202e<b>\U0001f45f cheap\r\nshoes"
    place = text.index("cheap")
    assert marks_of(text, (1.0, place, len(text))) == [("spam", "cheap\nshoes")]
    assert marks_of(text, (-1.0, 1, 5)) == [
        ("ham", '<span class="invisible-character" title="right-to-left override">[U+202E]</span>&lt;b&gt;')
    ]


def test_a_line_break_is_not_split() -> None:
    """A carriage return and its line feed stay one break, also where a span ends between them."""
    assert marks_of("a\r\nb", (1.0, 0, 2)) == [("spam", "a\n")]
    assert marks_of("a\r\nb", (1.0, 2, 4)) == [("spam", "b")]


def test_the_strongest_reason_is_shown() -> None:
    """Overlapping marks do not nest: the stronger mark is whole, the weaker is cut."""
    assert marks_of("buy cheap shoes", (0.5, 0, 15), (-2.0, 4, 9)) == [
        ("spam", "buy "),
        ("ham", "cheap"),
        ("spam", " shoes"),
    ]


def test_the_first_mark_of_a_reason_has_an_id() -> None:
    """The others are bare; a reason whose mark does not fit has none."""
    spans = [Span("text", start, start + 3) for start in (0, 8, 12)]
    reason, hidden = Reason("WORDING", 1.0, spans=tuple(spans)), Reason("WORDING", 0.5, spans=(Span("text", 14, 15),))
    shown = highlight("one two one one", [reason, hidden], _NO_LIMIT, key="key")
    assert shown.marks == {reason: "m1-key"}
    assert shown.markup.count('<mark class="spam" id="m1-key"') == 1 and shown.markup.count('<mark class="spam">') == 2
    assert highlight("one two", [reason], 40, key="key").marks == {}


def test_weak_reasons_are_not_highlighted() -> None:
    """Reasons below the minimum weight have no marks."""
    assert marks_of("cheap", (MIN_HIGHLIGHTED_WEIGHT / 2, 0, 5)) == []


def test_without_a_model_the_page_says_so(blog_without_model: Blog) -> None:
    """The only reason has no weight, so its own page has it and nothing is highlighted."""
    decision_id = blog_without_model.score("Hello there")["id"]
    add_moderator(blog_without_model.services, "Ana", PASSWORD)
    browser = Browser(blog_without_model.client)
    assert browser.sign_in("Ana").status_code == 303
    page = browser.read("/queue")
    assert (
        "Held: there was no model" in page
        and "1 more reason" in page
        and DESCRIPTIONS["NO_MODEL"] in browser.read(f"/queue/comments/{decision_id}")
        and "<mark" not in page
        and "<summary>All reasons</summary>" in page
    )
