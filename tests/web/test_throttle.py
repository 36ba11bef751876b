"""The throttle of failed sign-ins."""

from datetime import UTC, datetime, timedelta

from moderation.web.queue.auth import FAILURE_WINDOW, MAX_FAILURES, Throttle

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def throttle_after(failures: int) -> Throttle:
    throttle = Throttle()
    for count in range(failures):
        throttle.record_failure("mara", NOON + count * SECOND)
    return throttle


def test_a_few_failures_are_not_throttled() -> None:
    """One failure below the limit, the name may still try."""
    assert not throttle_after(MAX_FAILURES - 1).wait_time("mara", NOON + 60 * SECOND)


def test_too_many_failures_are_throttled() -> None:
    """The name waits until the oldest failure leaves the window, in any case; other names do not."""
    throttle = throttle_after(MAX_FAILURES)
    assert throttle.wait_time("MARA", NOON + 60 * SECOND) == FAILURE_WINDOW - 60 * SECOND
    assert not throttle.wait_time("ana", NOON + 60 * SECOND)
    assert not throttle.wait_time("mara", NOON + FAILURE_WINDOW)


def test_success_resets_the_throttle() -> None:
    """After a reset the name may try at once."""
    throttle = throttle_after(MAX_FAILURES)
    throttle.reset("mara")
    assert not throttle.wait_time("mara", NOON)
