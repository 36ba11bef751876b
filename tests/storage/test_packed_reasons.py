"""Reasons are stored compactly and come back exactly, without spans."""

from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.decision import Occurrence, Reason, Span
from moderation.features.signals import SIGNALS
from moderation.storage.columns import storable
from moderation.storage.packed_reasons import pack_reasons, unpack_reasons

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


STORED = (
    "783f0aefbc148b56d2d343561c8d963d13f5522b12730b725295626301fc420c4a000000000000f83f000000000000d0bf",
    "78bbdd6267f38b56d2d343ce9ed168c93f512fb52231b720275529361600fc420c4a000000000000f83f000000000000d0bf",
)
"""The same reasons by each dictionary, the newest last."""


def test_reasons_of_a_database_can_be_read() -> None:
    """These bytes are such as databases hold: another format, or another dictionary, would lose the reasons."""
    stored = (Reason("WORDING", 1.5), Reason("LINK_TARGET", -0.25, "a.example"))
    assert [unpack_reasons(bytes.fromhex(packed)) for packed in STORED] == [stored] * 2
    assert pack_reasons(stored) == bytes.fromhex(STORED[-1])


def test_reasons_are_packed_compactly() -> None:
    """A usual reason takes the 8 bytes of its weight and few more. Spans are not stored."""
    codes = [signal.code for signal in SIGNALS][:40]
    packed = pack_reasons(Reason(code, 1 / 3, "", (Span("text", 3, 9),), Occurrence.MORE) for code in codes)
    assert len(packed) < 40 * 12
