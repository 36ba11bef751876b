"""A circuit breaker: after some failures in a row, calls are answered without the service for a while."""

from collections.abc import Callable
from threading import Lock
from time import monotonic

MAX_PAUSE_SECONDS = 300.0
"""Limit of the pause that the service may ask for."""


class CircuitBreaker:
    """Opens after `max_failures` in a row. After a pause it lets one trial call pass, whose success closes it.

    A trial that never ends blocks nothing: after another pause the next one may pass. `clock` is monotonic.
    """

    def __init__(
        self, max_failures: int = 5, pause_seconds: float = 30.0, clock: Callable[[], float] = monotonic
    ) -> None:
        self._max_failures = max_failures
        self._pause_seconds = pause_seconds
        self._clock = clock
        self._lock = Lock()
        self._failures = 0
        self._open_until = 0.0

    def allows(self) -> bool:
        """Return whether a call may be made now."""
        with self._lock:
            now = self._clock()
            if now < self._open_until:
                return False
            if self._failures >= self._max_failures:
                self._open_until = now + self._pause_seconds
            return True

    def succeed(self) -> None:
        """Note that the service answered."""
        with self._lock:
            self._failures = 0
            self._open_until = 0.0

    def fail(self, pause_seconds: float = 0.0) -> None:
        """Note a failure. With a pause that the service asked for, the breaker opens at once."""
        with self._lock:
            self._failures += 1
            pause = min(pause_seconds, MAX_PAUSE_SECONDS)
            if self._failures >= self._max_failures:
                pause = max(pause, self._pause_seconds)
            if pause > 0:
                self._open_until = max(self._open_until, self._clock() + pause)
