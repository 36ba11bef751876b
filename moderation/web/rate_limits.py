"""Rates by token buckets, on the monotonic clock: each process counts for itself, and a changed clock prolongs no wait.

A library for rates would count by the wall clock, or needs a server for its counts.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from time import monotonic

_MAX_BUCKETS = 10_000


class TokenBuckets:
    """A bucket for each key. It holds the tokens of one minute, and gets as many in each minute.

    Of more than `_MAX_BUCKETS` keys, the first dropped is the one unused for the longest time.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = monotonic) -> None:
        self._per_minute = per_minute
        self._per_second = per_minute / 60
        self._clock = clock
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def take(self, key: Hashable, count: int = 1, max_wait_seconds: float = 0.0) -> float:
        """Take tokens, and return for how many seconds to wait. Takes none if that is over `max_wait_seconds`.

        A bucket with one token gives any number, and then owes it: a large batch is as good as its comments one by one.
        """
        with self._lock:
            now = self._clock()
            tokens, since = self._buckets.get(key, (self._per_minute, now))
            tokens = min(self._per_minute, tokens + (now - since) * self._per_second)
            wait_seconds = max(0.0, (1 - tokens) / self._per_second)
            if wait_seconds <= max_wait_seconds:
                self._buckets[key] = (tokens - count, now)
                self._buckets.move_to_end(key)
                if len(self._buckets) > _MAX_BUCKETS:
                    self._buckets.popitem(last=False)
            return wait_seconds
