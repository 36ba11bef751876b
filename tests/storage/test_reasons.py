"""Reasons are stored compactly and come back exactly."""

from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.judgement import Reason, Span
from moderation.storage.columns import storable
from moderation.storage.reasons import pack, unpack

any_text = st.text(st.characters(), max_size=20)
spans = st.builds(Span, field=st.sampled_from(["text", "author", "url"]), start=st.integers(0), end=st.integers(0))
reasons = st.builds(
    Reason,
    code=st.from_regex(r"[A-Z_]{1,12}", fullmatch=True),
    weight=st.floats(allow_nan=False, allow_infinity=False),
    detail=any_text,
    spans=st.lists(spans, max_size=3).map(tuple),
)


@given(st.lists(reasons, max_size=4).map(tuple))
def test_reasons_come_back_exactly(given_reasons: tuple[Reason, ...]) -> None:
    """Every bit of a weight, every character of a detail, hostile ones too, survives the database's text column."""
    assert unpack(storable(pack(given_reasons))) == given_reasons


def test_the_form_is_compact() -> None:
    """A row stays small: no names, no spaces, no empty ends."""
    packed = pack((Reason("WORDS", 1.5), Reason("LINK", 2.0, "a.example", (Span("text", 3, 9),))))
    assert packed == '[["WORDS",1.5],["LINK",2.0,"a.example",[["text",3,9]]]]'
