"""Slows down whoever guesses passwords."""

from collections import deque
from datetime import datetime, timedelta
from threading import Lock

ALLOWED = 10
WINDOW = timedelta(minutes=5)
_MOST_NAMES = 10_000


class Throttle:
    """Counts failed sign-ins of each name, in this process only.

    After `ALLOWED` failures within `WINDOW` the name has to wait until the oldest of them has left it.
    """

    def __init__(self) -> None:
        self._failures: dict[str, deque[datetime]] = {}
        self._lock = Lock()

    def wait(self, name: str, now: datetime) -> timedelta:
        """How long the name must wait; zero when it may try."""
        with self._lock:
            failures = self._recent(name.casefold(), now)
            if len(failures) < ALLOWED:
                return timedelta()
            return failures[-ALLOWED] + WINDOW - now

    def failed(self, name: str, now: datetime) -> None:
        """Notes one failure."""
        with self._lock:
            key = name.casefold()
            failures = self._recent(key, now)
            failures.append(now)
            self._failures.pop(key, None)
            self._failures[key] = failures
            while len(self._failures) > _MOST_NAMES:
                del self._failures[next(iter(self._failures))]

    def succeeded(self, name: str) -> None:
        """Forgets the failures of the name."""
        with self._lock:
            self._failures.pop(name.casefold(), None)

    def _recent(self, key: str, now: datetime) -> deque[datetime]:
        failures = self._failures.get(key, deque())
        while failures and now - failures[0] >= WINDOW:
            failures.popleft()
        return failures
