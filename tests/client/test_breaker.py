"""The circuit breaker: it opens after failures in a row, and one trial call may close it."""

import pytest

from moderation.client import CircuitBreaker
from tests.web.conftest import Seconds


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def breaker(seconds: Seconds) -> CircuitBreaker:
    """Return a breaker that opens after two failures for ten seconds."""
    return CircuitBreaker(2, 10.0, seconds)


def test_failures_in_a_row_open_it(breaker: CircuitBreaker) -> None:
    """A success in between starts the count again."""
    breaker.fail()
    breaker.succeed()
    breaker.fail()
    assert breaker.allows()
    breaker.fail()
    assert not breaker.allows()


def test_one_trial_passes_after_the_pause(breaker: CircuitBreaker, seconds: Seconds) -> None:
    """All others are still answered at once. Its failure opens the breaker again, its success closes it."""
    breaker.fail()
    breaker.fail()
    seconds.now += 10
    assert [breaker.allows() for _ in range(3)] == [True, False, False]
    breaker.fail()
    seconds.now += 9
    assert not breaker.allows()
    seconds.now += 1
    assert breaker.allows()
    breaker.succeed()
    assert all(breaker.allows() for _ in range(3))


def test_a_trial_that_never_ends_blocks_nothing(breaker: CircuitBreaker, seconds: Seconds) -> None:
    """Its thread may have been killed: another pause later, the next trial passes."""
    breaker.fail()
    breaker.fail()
    seconds.now += 10
    assert breaker.allows()
    seconds.now += 10
    assert [breaker.allows(), breaker.allows()] == [True, False]


def test_the_service_may_ask_for_a_pause(breaker: CircuitBreaker, seconds: Seconds) -> None:
    """Of five minutes at most, and after it all calls pass."""
    breaker.fail(3.0)
    assert not breaker.allows()
    seconds.now += 3
    assert breaker.allows() and breaker.allows()
    breaker.succeed()
    breaker.fail(1e9)
    seconds.now += 299
    assert not breaker.allows()
    seconds.now += 1
    assert breaker.allows()
