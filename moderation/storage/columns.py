"""Column types that accept what a request may hold and return the same values on both databases."""

import re
from datetime import UTC, datetime

from sqlalchemy import DateTime, Dialect, Integer, Text
from sqlalchemy.types import TypeDecorator

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


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


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time in UTC, to the microsecond. Raises `ValueError` for a naive time."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to UTC, as SQLite stores no time zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A time without a zone cannot be stored.")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to UTC: SQLite returns naive times, PostgreSQL those of the session's time zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
