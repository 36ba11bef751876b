"""Column types that accept what a request may hold and return the same values on both databases."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import DateTime, Dialect, Integer, Text
from sqlalchemy.types import TypeDecorator, UserDefinedType

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def storable(text: str) -> str:
    """Return the text with U+FFFD for each NUL and each lone surrogate, which the databases refuse.

    The number of code points stays the same, so spans keep pointing at the same characters.
    """
    return _UNSTORABLE.sub("\ufffd", text)


class AnyText(TypeDecorator[str]):
    """Text that accepts any Python `str` and returns `storable(text)`."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Replace unstorable characters before the database sees them."""
        return None if value is None else _UNSTORABLE.sub("\ufffd", value)


class ClampedInteger(TypeDecorator[int]):
    """A number that a request may name. One beyond 32 bits, which PostgreSQL refuses, becomes the nearest it takes."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:
        """Clamp to the range of the column type."""
        return None if value is None else max(-(2**31), min(value, 2**31 - 1))


class _Datetime(UserDefinedType[int]):
    """Times in SQLite, which has no type for them: microseconds since 1970, a third of the bytes of text."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """Return the type that the migrations give such a column: SQLite stores a number in it as a number."""
        return "DATETIME"


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time in UTC, to the microsecond. Raises `ValueError` for a naive time."""

    impl = DateTime(timezone=True).with_variant(_Datetime(), "sqlite")
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | int | None:
        """Return the number for SQLite, the time for PostgreSQL."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A time without a zone cannot be stored.")
        return (value - _EPOCH) // _MICROSECOND if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Return the time in UTC: PostgreSQL's are in the zone of the session."""
        if value is None:
            return None
        return _EPOCH + value * _MICROSECOND if isinstance(value, int) else value.astimezone(UTC)
