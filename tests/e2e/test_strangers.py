"""The strangers of the benchmark for a few seconds."""

import pytest

from benchmarks import strangers

pytestmark = pytest.mark.e2e


def test_strangers_do_not_stop_the_service() -> None:
    """`/livez` is answered in time and comments are judged meanwhile. Times are left to `make bench-strangers`."""
    rows = {row.name: row for row in strangers.measure(4)}
    assert rows["the slowest answer of /livez"].holds
    assert (rows["comments among strangers"].value or 0) > 10
    assert (rows["half-open head"].value or 0) >= strangers.HALF_OPEN_HEADS
    assert (rows["slow reader"].value or 0) >= strangers.SLOW_READERS
