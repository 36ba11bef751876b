"""The lock that a running service holds in the `var` folder, so that a restore cannot pull the files from under it.

The kernel releases the lock when the last process that holds it ends, however it ends.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EACCES, EPERM, EROFS
from pathlib import Path
from time import monotonic, sleep
from typing import NamedTuple

from moderation.domain.errors import Conflict, StorageUnavailable

RESTORE_JOURNAL = "restore.json"
"""The file that a restore keeps in the `var` folder while it changes the state."""

MAX_WAIT_SECONDS = 2.0
"""Time that a start waits for a restore."""
_LOCK_NAME = "run.lock"
_READ_ONLY_ERRORS = {EACCES, EPERM, EROFS}


class Worker(NamedTuple):
    """A serving process, and the process that started it."""

    process_id: int
    parent_id: int


def join_run(var: Path, worker: Worker | None = None) -> int | None:
    """Hold the run lock together with the other processes of the service, and note down a worker.

    Returns the file descriptor, which holds the lock until it is closed; `None` where `var` may only be read, as a
    restore cannot change it either. Raises `Conflict` while a restore runs, and `OSError`.
    """
    try:
        lock = _open_lock(var)
    except OSError as error:
        if error.errno in _READ_ONLY_ERRORS:
            return None
        raise
    with suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # No other process runs: forget the workers of former runs.
        os.ftruncate(lock, 0)
    try:
        _share(lock)
    except BaseException:
        os.close(lock)
        raise
    if worker is not None:
        os.write(lock, f"{worker.process_id} {worker.parent_id}\n".encode())
    return lock


@contextmanager
def no_run(var: Path) -> Iterator[None]:
    """Keep the service from starting until the block ends. Raises `Conflict` while it runs."""
    lock = _open_lock(var)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict("The service is running: stop it first, then restore.") from None
        yield
    finally:
        os.close(lock)


def reject_interrupted_restore(var: Path) -> None:
    """Raise `StorageUnavailable` if a restore was killed while it changed the state."""
    if (var / RESTORE_JOURNAL).exists():
        raise StorageUnavailable(
            "A restore was interrupted, so the database, the secret and the models may not belong together: run the "
            "same `moderation restore` again."
        )


def orphans(var: Path) -> list[int]:
    """Return the ids of workers that still run although the server that started them has ended.

    Sees the processes of this user alone, or of all users as root. Returns none on a system without `/proc`.
    """
    path = var / _LOCK_NAME
    try:
        lines = path.read_text("ascii").splitlines()
    except OSError:
        return []
    workers = [Worker(*map(int, line.split())) for line in lines]
    return sorted({worker.process_id for worker in workers if _is_orphan(worker, path)})


def _share(lock: int) -> None:
    """Hold the lock with others. Raises `Conflict` if another process keeps it to itself for `MAX_WAIT_SECONDS`."""
    end = monotonic() + MAX_WAIT_SECONDS
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            # A worker that starts at the same moment keeps it for microseconds only.
            if monotonic() > end:
                raise Conflict("A restore is running: start the service when it has ended.") from None
            sleep(0.01)


def _is_orphan(worker: Worker, lock: Path) -> bool:
    process = Path("/proc", str(worker.process_id))
    try:
        # A process id may have been given to another program since.
        holds_lock = any(descriptor.samefile(lock) for descriptor in (process / "fd").iterdir())
        # The fields after the name, which is in parentheses and may hold spaces: the state, then the parent.
        parent_id = int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return False
    return holds_lock and parent_id != worker.parent_id


def _open_lock(var: Path) -> int:
    return os.open(var / _LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
