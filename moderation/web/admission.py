"""Caps on the requests in hand: being read, waiting for a thread, or being answered."""

from collections import Counter, OrderedDict
from collections.abc import Callable
from time import monotonic

from werkzeug.exceptions import HTTPException, ServiceUnavailable, TooManyRequests

MAX_IN_HAND = 512
"""Requests in hand at a time in one process. With the largest form of each this is 256 MB."""
MAX_STRANGERS_IN_HAND = 384
"""Part of them for addresses without a valid key or session of late, so that sites always find room."""
MAX_PER_STRANGER = 32
"""Requests in hand from one such address. A browser opens 6 connections, a PHP host some ten."""
MAX_PER_SITE = 256
"""Requests in hand from one address with a valid key or session of late."""
KNOWN_SECONDS = 600.0
"""Time for which an address counts as known after a valid key or session."""

_MAX_KNOWN = 10_000
_RETRY_SECONDS = 2


class Admissions:
    """Counts the requests in hand by address. Used on one thread only, that of the event loop.

    `None` in place of an address is a trusted proxy without a client, which only the total limits.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._in_hand: Counter[str | None] = Counter()
        self._total = 0
        self._known: OrderedDict[str, float] = OrderedDict()

    def enter(self, address: str | None) -> HTTPException | None:
        """Count a request, or return why it is refused: 429 for too many of an address, 503 for too many in all."""
        known = address is None or self.is_known(address)
        if self._total >= (MAX_IN_HAND if known else MAX_STRANGERS_IN_HAND):
            return ServiceUnavailable("The service is busy: try again later.", retry_after=_RETRY_SECONDS)
        if address is not None and self._in_hand[address] >= (MAX_PER_SITE if known else MAX_PER_STRANGER):
            return TooManyRequests("Too many requests at a time from this address.", retry_after=_RETRY_SECONDS)
        self._in_hand[address] += 1
        self._total += 1
        return None

    def leave(self, address: str | None) -> None:
        """Count a request as answered."""
        self._total -= 1
        self._in_hand[address] -= 1
        if not self._in_hand[address]:
            del self._in_hand[address]

    def recognise(self, address: str | None) -> None:
        """Note a valid key or session from an address."""
        if address is None:
            return
        self._known[address] = self._clock()
        self._known.move_to_end(address)
        if len(self._known) > _MAX_KNOWN:
            self._known.popitem(last=False)

    def is_known(self, address: str) -> bool:
        """Return whether a valid key or session came from the address of late."""
        seen = self._known.get(address)
        return seen is not None and self._clock() - seen < KNOWN_SECONDS
