"""The limits of the sign-in: failures by key, one check at a time, few places to wait."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from time import monotonic

import pytest

from moderation.web.queue import sign_in_limits
from moderation.web.queue.sign_in_limits import (
    FAILURE_WINDOW_SECONDS,
    MAX_FAILURES,
    MAX_REST_SECONDS,
    AttemptCounter,
    RoomFull,
    Throttle,
    WaitingRoom,
)
from tests.web.conftest import Seconds

TIMEOUT_SECONDS = 20


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


def throttle_after(failures: int, seconds: Seconds) -> Throttle:
    throttle = Throttle(seconds)
    for _ in range(failures):
        throttle.record_failure("mara")
        seconds.now += 1
    return throttle


def test_a_few_failures_are_not_throttled(seconds: Seconds) -> None:
    """One failure below the limit, the key may still try."""
    throttle = throttle_after(MAX_FAILURES - 1, seconds)
    assert not throttle.wait_seconds("mara")


def test_too_many_failures_are_throttled(seconds: Seconds) -> None:
    """The key waits until the oldest failure leaves the window; other keys do not."""
    throttle = throttle_after(MAX_FAILURES, seconds)
    assert throttle.wait_seconds("mara") == FAILURE_WINDOW_SECONDS - MAX_FAILURES
    assert not throttle.wait_seconds("ana")
    seconds.now += FAILURE_WINDOW_SECONDS - MAX_FAILURES
    assert not throttle.wait_seconds("mara")


def test_success_resets_the_throttle(seconds: Seconds) -> None:
    """After a reset the key may try at once."""
    throttle = throttle_after(MAX_FAILURES, seconds)
    throttle.reset("mara")
    assert not throttle.wait_seconds("mara")


def test_memory_is_bounded(seconds: Seconds, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rotating names and addresses drop those that failed or tried longest ago."""
    monkeypatch.setattr(sign_in_limits, "_MAX_TRACKED_KEYS", 3)
    throttle, attempts = Throttle(seconds), AttemptCounter(seconds)
    for name in "abcabd" * MAX_FAILURES:
        throttle.record_failure(name)
        attempts.count(name)
    assert [name for name in "abcd" if throttle.wait_seconds(name)] == ["a", "b"]
    assert [attempts.count(name) for name in "abd"] == [20, 20, 1]


def test_one_who_hammers_stays_behind_one_who_comes_back(seconds: Seconds) -> None:
    """Attempts are counted without a limit, for five minutes from the first one on."""
    attempts = AttemptCounter(seconds)
    for number in range(100):
        assert attempts.count("stranger") == number
    assert [attempts.count("mara") for _ in range(3)] == [0, 1, 2]
    seconds.now += FAILURE_WINDOW_SECONDS
    assert attempts.count("stranger") == 0


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as executor:
        yield executor


class Visitors:
    """Threads that enter a waiting room, and check for as long as the test says."""

    def __init__(self, room: WaitingRoom, pool: ThreadPoolExecutor) -> None:
        self.room, self.pool = room, pool
        self.order: list[str] = []

    def enter(self, address: str, attempts: int | None) -> "tuple[Future[None], Event, Event]":
        started, finish = Event(), Event()

        def visit() -> None:
            with self.room.turn(address, attempts):
                self.order.append(address)
                started.set()
                assert finish.wait(TIMEOUT_SECONDS)

        return self.pool.submit(visit), started, finish


def wait_until_waiting(room: WaitingRoom, address: str) -> None:
    pause = Event()
    for _ in range(TIMEOUT_SECONDS * 100):
        if address in {visit.address for visit in (room._device, room._stranger) if visit}:
            return
        pause.wait(0.01)
    raise AssertionError("no one waits")


def test_a_device_goes_first_and_others_find_no_place(pool: ThreadPoolExecutor) -> None:
    """While one is checked, one device and the stranger with the fewest attempts wait; others are refused at once."""
    visitors = Visitors(WaitingRoom(), pool)
    first, started, finish_first = visitors.enter("a", 9)
    assert started.wait(TIMEOUT_SECONDS)
    often, _, _ = visitors.enter("b", 9)
    wait_until_waiting(visitors.room, "b")
    new, _, finish_new = visitors.enter("c", 0)
    with pytest.raises(RoomFull):
        often.result(TIMEOUT_SECONDS)
    device, _, finish_device = visitors.enter("home", None)
    wait_until_waiting(visitors.room, "home")
    for address, attempts in (("d", 9), ("d", 0), ("a", 0), ("c", 0), ("e", None)):
        with pytest.raises(RoomFull), visitors.room.turn(address, attempts):
            raise AssertionError(address)
    for finish in (finish_first, finish_device, finish_new):
        finish.set()
    for visit in (first, device, new):
        visit.result(TIMEOUT_SECONDS)
    assert visitors.order == ["a", "home", "c"]


def test_strangers_rest_after_a_check(pool: ThreadPoolExecutor) -> None:
    """A stranger waits three times as long as the check before took. A device does not."""
    room, pause = WaitingRoom(), Event()
    with room.turn("a", 0):
        pause.wait(0.2)
    checked = monotonic()
    with room.turn("home", None):
        assert monotonic() - checked < 0.5
    with room.turn("a", 0):
        pass
    with room.turn("a", 0):
        pause.wait(0.2)
    checked = monotonic()
    with room.turn("a", 0):
        assert monotonic() - checked >= 0.6


def test_the_rest_after_a_slow_check_is_short(seconds: Seconds) -> None:
    """On a busy machine, where a check takes a minute, the next stranger waits for two seconds."""
    room = WaitingRoom(seconds)
    with room.turn("a", 0):
        seconds.now += 60
    assert room._rest_end == seconds.now + MAX_REST_SECONDS


def test_a_wait_has_an_end(pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that hangs does not keep the waiting threads."""
    monkeypatch.setattr(sign_in_limits, "MAX_WAIT_SECONDS", 0.1)
    visitors = Visitors(WaitingRoom(), pool)
    first, started, finish = visitors.enter("a", 0)
    assert started.wait(TIMEOUT_SECONDS)
    with pytest.raises(RoomFull), visitors.room.turn("home", None):
        raise AssertionError
    finish.set()
    first.result(TIMEOUT_SECONDS)


def test_a_failed_check_frees_its_place(seconds: Seconds) -> None:
    """An error inside the turn leaves the room empty."""
    room = WaitingRoom(seconds)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), room.turn("a", 0):
            raise ZeroDivisionError
