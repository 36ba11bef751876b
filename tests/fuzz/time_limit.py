"""A limit on the processor time of one invented input."""

from collections.abc import Callable
from time import process_time
from typing import TypeVar

MAX_SECONDS = 1.0
"""Processor time, which a busy machine does not lengthen. The slowest input known takes a tenth of it."""

Result = TypeVar("Result")


def without_hang(function: Callable[[], Result]) -> Result:
    """Return the result of a function. Fails if it takes more than `MAX_SECONDS`.

    A second run decides: the collection of hypothesis's own garbage can make one run slow, a hang makes both.
    """
    for _ in range(2):
        started = process_time()
        result = function()
        if process_time() - started < MAX_SECONDS:
            return result
    raise AssertionError(f"The input took more than {MAX_SECONDS} s twice.")
