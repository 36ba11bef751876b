"""The brake on guessed passwords."""

from datetime import UTC, datetime, timedelta

from moderation.web.queue.throttle import ALLOWED, WINDOW, Throttle

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def failed(times: int) -> Throttle:
    throttle = Throttle()
    for count in range(times):
        throttle.failed("mara", NOON + count * SECOND)
    return throttle


def test_a_few_failures_cost_nothing() -> None:
    """One below the limit may still try."""
    assert not failed(ALLOWED - 1).wait("mara", NOON + 60 * SECOND)


def test_too_many_failures_have_to_wait() -> None:
    """Until the oldest failure leaves the window, in any spelling of the name; others are free."""
    throttle = failed(ALLOWED)
    assert throttle.wait("MARA", NOON + 60 * SECOND) == WINDOW - 60 * SECOND
    assert not throttle.wait("ana", NOON + 60 * SECOND)
    assert not throttle.wait("mara", NOON + WINDOW)


def test_success_forgets() -> None:
    """Whoever knows the password starts afresh."""
    throttle = failed(ALLOWED)
    throttle.succeeded("mara")
    assert not throttle.wait("mara", NOON)
