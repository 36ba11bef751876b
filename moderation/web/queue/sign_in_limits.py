"""Limits of the sign-in: failed attempts by name and address, and how many passwords are checked or wait at once.

Checking a password takes 64 MiB and a tenth of a second. Each serving process keeps its own limits in memory, so that
several workers allow as many times more. All times are monotonic: a changed clock prolongs no wait.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from math import ceil
from threading import Condition, Lock
from time import monotonic

from moderation.domain.errors import AuthenticationFailed

MAX_FAILURES = 10
FAILURE_WINDOW_SECONDS = 300.0
MAX_WAIT_SECONDS = 8.0
REST_FACTOR = 3.0
MAX_REST_SECONDS = 2.0
"""After each check, strangers wait three times as long as it took: they get a quarter of one check's time. On a machine
so busy that a check takes long they wait two seconds, or people would wait with them."""

_RETRY_SECONDS = 2
_MAX_TRACKED_KEYS = 10_000

Clock = Callable[[], float]


class Limited(Exception):
    """An attempt has to wait for `wait_seconds`, by a sentence for the person."""

    def __init__(self, sentence: str, wait_seconds: float) -> None:
        super().__init__(sentence)
        self.wait_seconds = wait_seconds


class RoomFull(Limited):
    """There is no place to wait in."""

    def __init__(self) -> None:
        super().__init__("Too many people sign in at this moment. Try again in a few seconds.", _RETRY_SECONDS)


class TooManyFailures(Limited):
    """There were `MAX_FAILURES` failures."""

    def __init__(self, wait_seconds: float) -> None:
        super().__init__(f"Too many failures. Try again in {ceil(wait_seconds / 60)} min.", wait_seconds)


class Throttle:
    """Counts recent failures by key. The key that failed longest ago is dropped first."""

    def __init__(self, clock: Clock = monotonic) -> None:
        self._clock = clock
        self._failures: dict[str, deque[float]] = {}
        self._lock = Lock()

    def wait_seconds(self, key: str) -> float:
        """Return how long the key must wait after `MAX_FAILURES` failures within the window; zero if it may try."""
        with self._lock:
            failures = self._recent(key)
            if len(failures) < MAX_FAILURES:
                return 0.0
            return failures[-MAX_FAILURES] + FAILURE_WINDOW_SECONDS - self._clock()

    def record_failure(self, key: str) -> None:
        """Count one failure."""
        with self._lock:
            failures = self._recent(key)
            failures.append(self._clock())
            self._failures.pop(key, None)
            self._failures[key] = failures
            while len(self._failures) > _MAX_TRACKED_KEYS:
                del self._failures[next(iter(self._failures))]

    @contextmanager
    def attempt(self, key: str) -> Iterator[None]:
        """Count a failure if the block raises `AuthenticationFailed`. Raises `TooManyFailures` before it."""
        wait_seconds = self.wait_seconds(key)
        if wait_seconds:
            raise TooManyFailures(wait_seconds)
        try:
            yield
        except AuthenticationFailed:
            self.record_failure(key)
            raise

    def reset(self, key: str) -> None:
        """Delete the failures of the key."""
        with self._lock:
            self._failures.pop(key, None)

    def _recent(self, key: str) -> deque[float]:
        failures = self._failures.get(key, deque(maxlen=MAX_FAILURES))
        while failures and self._clock() - failures[0] >= FAILURE_WINDOW_SECONDS:
            failures.popleft()
        return failures


class AttemptCounter:
    """Counts the attempts of each address within `FAILURE_WINDOW_SECONDS` of its first one, however many they are.

    A person who comes back as often as asked must stay below a stranger who hammers, for minutes if need be.
    """

    def __init__(self, clock: Clock = monotonic) -> None:
        self._clock = clock
        self._counts: dict[str, tuple[float, int]] = {}
        self._lock = Lock()

    def count(self, address: str) -> int:
        """Return how often the address tried before, and count this attempt.

        The address that tried longest ago is dropped first.
        """
        with self._lock:
            now = self._clock()
            since, attempts = self._counts.pop(address, (now, 0))
            if now - since >= FAILURE_WINDOW_SECONDS:
                since, attempts = now, 0
            self._counts[address] = since, attempts + 1
            if len(self._counts) > _MAX_TRACKED_KEYS:
                del self._counts[next(iter(self._counts))]
            return attempts


class WaitingRoom:
    """Lets one password be checked at a time, while one remembered device and one stranger may wait.

    A stranger whose address tried less often takes the place of one that tried more often. An address has one place. So
    a flood takes two threads of a process at most, and never the place of a device.
    """

    def __init__(self, clock: Clock = monotonic) -> None:
        self._clock = clock
        self._condition = Condition()
        self._is_checking = False
        self._rest_end = 0.0
        self._device: _Visit | None = None
        self._stranger: _Visit | None = None
        self._checked_address = ""

    @contextmanager
    def turn(self, address: str, attempts: int | None) -> Iterator[None]:
        """Wait for the turn to check a password. `attempts` are those of the address, `None` for a remembered device.

        Raises `RoomFull` at once without a place, when the place is lost, or after `MAX_WAIT_SECONDS`.
        """
        visit = _Visit(address, attempts)
        with self._condition:
            self._take_place(visit)
            try:
                self._wait_for_turn(visit)
            finally:
                self._leave_place(visit)
            self._is_checking, self._checked_address = True, "" if visit.is_device else address
        start = self._clock()
        try:
            yield
        finally:
            with self._condition:
                end = self._clock()
                self._rest_end = end + min(REST_FACTOR * (end - start), MAX_REST_SECONDS)
                self._is_checking, self._checked_address = False, ""
                self._condition.notify_all()

    def _take_place(self, visit: "_Visit") -> None:
        if visit.is_device:
            if self._device is not None:
                raise RoomFull
            self._device = visit
            return
        other = self._stranger
        if self._is_checking and visit.address == self._checked_address:
            raise RoomFull
        if other and (visit.address == other.address or (visit.attempts or 0) >= (other.attempts or 0)):
            raise RoomFull
        self._stranger = visit
        self._condition.notify_all()

    def _leave_place(self, visit: "_Visit") -> None:
        self._device = None if self._device is visit else self._device
        self._stranger = None if self._stranger is visit else self._stranger
        self._condition.notify_all()

    def _wait_for_turn(self, visit: "_Visit") -> None:
        deadline = self._clock() + MAX_WAIT_SECONDS
        while not self._may_check(visit):
            now = self._clock()
            if now >= deadline or visit not in (self._device, self._stranger):
                raise RoomFull
            rest = self._rest_end - now if not self._is_checking and self._rest_end > now else MAX_WAIT_SECONDS
            self._condition.wait(min(rest, deadline - now))

    def _may_check(self, visit: "_Visit") -> bool:
        if self._is_checking:
            return False
        if visit.is_device:
            return True
        return self._stranger is visit and self._device is None and self._clock() >= self._rest_end


class SignInLimits:
    """All limits of one application."""

    def __init__(self, clock: Clock = monotonic) -> None:
        self.throttle = Throttle(clock)
        self._attempts = AttemptCounter(clock)
        self._waiting_room = WaitingRoom(clock)

    def turn(self, address: str, *, is_device: bool) -> AbstractContextManager[None]:
        """Wait for the turn to check a password, as `WaitingRoom.turn` does."""
        return self._waiting_room.turn(address, None if is_device else self._attempts.count(address))


@dataclass(frozen=True, eq=False)
class _Visit:
    """A place in the waiting room."""

    address: str
    attempts: int | None

    @property
    def is_device(self) -> bool:
        return self.attempts is None
