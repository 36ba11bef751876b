"""Limits of a process that works beside a serving one: the lowest priority, one processor, bounded memory, its end."""

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from time import sleep

from threadpoolctl import threadpool_limits

from moderation.domain.errors import InvalidInput

LOWEST_PRIORITY = 19
DEFAULT_MEMORY_MB = 4_096

_PARENT_CHECK_SECONDS = 0.5
_STOP_SECONDS = 5.0
_EXIT_INTERRUPTED = 130
_AUTOGROUP = Path("/proc/self/autogroup")


@contextmanager
def low_priority(memory_mb: int) -> Iterator[None]:
    """Limit this process for good, and raise `InvalidInput` if the block needs more memory than `memory_mb`.

    The limit counts the memory that the process writes to, as Linux does for `RLIMIT_DATA`.
    """
    os.nice(LOWEST_PRIORITY)
    if os.getsid(0) == os.getpid():
        # Linux shares a processor among sessions first (sched(7), autogroup). With a session to itself, as under cron,
        # this process would have half of a busy processor despite its niceness. In a shared one may be the service.
        with suppress(OSError):
            _AUTOGROUP.write_text(str(LOWEST_PRIORITY), "ascii")
    if hasattr(os, "sched_setaffinity"):
        # The last one: a serving process that is bound to one is usually on the first.
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    _, highest = resource.getrlimit(resource.RLIMIT_DATA)
    limit = memory_mb * 2**20
    resource.setrlimit(
        resource.RLIMIT_DATA, (limit if highest == resource.RLIM_INFINITY else min(limit, highest), highest)
    )
    try:
        with threadpool_limits(1):
            yield
    except MemoryError:
        raise InvalidInput(f"{memory_mb} MB of memory are too little for this training: raise --memory.") from None


def end_with_parent(parent_id: int) -> None:
    """End this process, as Ctrl-C does, on SIGTERM and when the process that started it has ended."""
    # A server may have ignored the signals when it started this process.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    Thread(target=_watch, args=(parent_id,), daemon=True, name="parent").start()


def _watch(parent_id: int) -> None:
    while os.getppid() == parent_id:
        sleep(_PARENT_CHECK_SECONDS)
    os.kill(os.getpid(), signal.SIGINT)
    # Temporary files are removed meanwhile, if no library is in the way.
    sleep(_STOP_SECONDS)
    os._exit(_EXIT_INTERRUPTED)
