"""Reasons are stored compactly and come back exactly, without spans."""

import zlib

from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.decision import Occurrence, Reason, Span
from moderation.storage.columns import storable
from moderation.storage.decisions import pack_reasons, unpack_reasons

any_text = st.text(st.characters(), max_size=20)
spans = st.builds(Span, field=st.sampled_from(["text", "author", "url"]), start=st.integers(0), end=st.integers(0))
reasons = st.builds(
    Reason,
    code=st.from_regex(r"[A-Z_]{1,12}", fullmatch=True),
    weight=st.floats(allow_nan=False, allow_infinity=False),
    detail=any_text,
    spans=st.lists(spans, max_size=3).map(tuple),
    occurrence=st.none() | st.sampled_from(Occurrence),
)


@given(st.lists(reasons, max_size=4))
def test_reasons_come_back_exactly(packed: list[Reason]) -> None:
    """Every bit of a weight and every character of a detail that can be stored, as in the stored comment."""
    expected = [reason._replace(spans=(), detail=storable(reason.detail)) for reason in packed]
    assert list(unpack_reasons(pack_reasons(packed))) == expected


def test_reasons_are_packed_compactly() -> None:
    """A row has no names, no spaces, no empty details and no spans; an occurrence takes one character."""
    packed = pack_reasons(
        (
            Reason("WORDS", 1.5),
            Reason("LINK", 2.0, "a.example", (Span("text", 3, 9),)),
            Reason("DIGITS", 0.5, occurrence=Occurrence.ABSENT),
        )
    )
    assert zlib.decompress(packed) == b'[["WORDS",1.5],["LINK",2.0,"a.example"],["DIGITS-",0.5]]'


def test_reasons_without_an_occurrence_stay_readable() -> None:
    """Rows that older versions wrote have no marks."""
    assert unpack_reasons(zlib.compress(b'[["WORDS",1.5],["DIGITS",0.5]]')) == (
        Reason("WORDS", 1.5),
        Reason("DIGITS", 0.5),
    )
