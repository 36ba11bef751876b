"""Digests: who gets one, and when."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class DigestPeriod(StrEnum):
    """How often a moderator gets a digest."""

    DAY = "day"
    HOUR = "hour"


@dataclass(frozen=True, slots=True)
class Digest:
    """A moderator's digest. `hour` is that of a daily one, in UTC; `last_error` is empty if the last attempt worked."""

    moderator: str
    email: str
    period: DigestPeriod
    hour: int
    next_attempt_at: datetime
    last_error: str = ""


def next_slot(period: DigestPeriod, hour: int, after: datetime) -> datetime:
    """Return the next time of a digest: a full hour, or `hour` o'clock of a day, in UTC."""
    full_hour = after.replace(minute=0, second=0, microsecond=0)
    if period is DigestPeriod.HOUR:
        return full_hour + timedelta(hours=1)
    today = full_hour.replace(hour=hour)
    return today if today > after else today + timedelta(days=1)
