"""What goes into a column comes back in a way that is written down."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from moderation.storage.columns import AnyText, UtcTime, storable

any_text = st.text(st.characters(), max_size=50)
DIALECT = sqlite.dialect()


@given(any_text)
@example("nul \x00 and \ud800 half a pair \udfff")
def test_any_text_becomes_storable(text: str) -> None:
    """NUL and lone surrogates become U+FFFD, one for one; everything else stays; twice is once."""
    kept = storable(text)
    kept.encode()
    assert "\x00" not in kept
    assert storable(kept) == kept
    assert len(kept) == len(text)
    assert all(was == now or now == "\ufffd" for was, now in zip(text, kept, strict=True))


@given(st.datetimes(timezones=st.timezones(), min_value=datetime(1980, 1, 1), max_value=datetime(2100, 1, 1)))
def test_times_are_utc(moment: datetime) -> None:
    """An aware time of any zone is stored as UTC; SQLite gives it back naive, and it comes out aware again."""
    stored = UtcTime().process_bind_param(moment, DIALECT)
    assert stored is not None
    assert stored.tzinfo is UTC
    back = UtcTime().process_result_value(stored.replace(tzinfo=None), DIALECT)
    assert back is not None
    assert back == moment.astimezone(UTC)
    assert back.tzinfo is UTC


def test_a_server_in_another_zone_is_read_as_utc() -> None:
    """PostgreSQL answers in the zone of its session; we do not care."""
    there = datetime(2026, 1, 2, 14, tzinfo=timezone(timedelta(hours=2)))
    back = UtcTime().process_result_value(there, DIALECT)
    assert back is not None
    assert (back.hour, back.tzinfo) == (12, UTC)


def test_a_naive_time_is_a_mistake() -> None:
    """A time without a zone would be guessed at, so it is refused."""
    with pytest.raises(ValueError, match="without a zone"):
        UtcTime().process_bind_param(datetime(2026, 1, 2), DIALECT)


def test_nothing_stays_nothing() -> None:
    """NULL means that the site did not say; it never becomes a value."""
    assert AnyText().process_bind_param(None, DIALECT) is None
    assert UtcTime().process_bind_param(None, DIALECT) is None
    assert UtcTime().process_result_value(None, DIALECT) is None
