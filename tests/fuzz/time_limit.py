"""A limit on the time of one invented input."""

from collections.abc import Callable
from time import process_time
from typing import TypeVar

MAX_SECONDS = 1.0
"""The slowest input known takes a tenth of it."""

Result = TypeVar("Result")


def without_hang(function: Callable[[], Result], clock: Callable[[], float] = process_time) -> Result:
    """Return the result of a function. Fails if it takes more than `MAX_SECONDS`.

    The time is this process's processor time, which a busy machine does not lengthen, unless another clock is given.
    A second run decides: the collection of hypothesis's own garbage can make one run slow, a hang makes both.
    """
    for _ in range(2):
        started = clock()
        result = function()
        if clock() - started < MAX_SECONDS:
            return result
    raise AssertionError(f"The input took more than {MAX_SECONDS} s twice.")
