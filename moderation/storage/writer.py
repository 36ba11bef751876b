"""Run the writes of a process. Writes that wait at the same time share one commit, and so one flush to the disk.

SQLite has one writer at a time, and a durable commit costs a flush. The first caller leads: it takes the write lock and
runs its own function and those of all callers that wait by then, each within a savepoint. The others receive their
results, and the next caller in the queue leads. On PostgreSQL every caller has its own transaction.
"""

import random
import sqlite3
from collections import deque
from collections.abc import Callable
from math import inf
from threading import Lock, local
from time import monotonic, sleep
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Engine, event

from moderation.domain.errors import StorageUnavailable
from moderation.storage.engine import busy_timeout_seconds, storage_errors, write_transaction
from moderation.storage.fork import call_at_fork
from moderation.storage.postgresql import is_retried, retry_seconds
from moderation.storage.sqlite import LOCKED, reject_lost_files

T = TypeVar("T")

MAX_GROUP_SECONDS = 0.02
"""Time after which a group takes no further function, so that other processes get the write lock."""
MAX_RETRY_PAUSE_SECONDS = 0.05
"""Longest pause on PostgreSQL before a write that others were in the way of is run again.

Each pause is random: two writes that ended each other's wait must not meet again.
"""
POLL_SECONDS = 0.0005
"""Pause between two attempts to get the write lock of another process."""
LOCKED_TIMEOUT_SECONDS = 0.1
"""Time that a write waits after an earlier one waited in vain, so that waits of queued requests do not add up."""

_INTERRUPTED = "The write was interrupted; try again in a moment."
_FOREVER = -1.0


class _Write:
    """A function that waits for its turn, and later its result or error."""

    def __init__(self, function: Callable[[Connection], Any]) -> None:
        self.function = function
        self.result: Any = None
        self.error: Exception | None = None
        self.done = False
        self._woken = Lock()
        self._woken.acquire()

    def wait(self, timeout_seconds: float) -> bool:
        """Wait until the function was run, or until its caller has to lead. Returns false after the timeout."""
        return self._woken.acquire(timeout=timeout_seconds)

    def wake(self) -> None:
        """End the wait."""
        self._woken.release()

    def outcome(self) -> Any:
        """Return the result of the function. Raises its error."""
        if self.error is not None:
            raise self.error
        return self.result


class Writer:
    """The one writer of a process. It keeps its connection open between two writes.

    At most one thread leads at any time, and only this thread uses the connection.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._timeout_seconds = busy_timeout_seconds(engine)
        self._lock = Lock()
        self._has_leader = False
        self._is_locked_out = False
        self._waiting: deque[_Write] = deque()
        self._connection: Connection | None = None
        self._connection_outdated = False
        self._thread = local()
        event.listen(engine, "engine_disposed", self._close_or_outdate)
        call_at_fork(self._before_fork, self._after_fork_in_parent, self._after_fork_in_child)

    def run(self, function: Callable[[Connection], T], *, timeout_seconds: float = inf, slow: bool = False) -> T:
        """Run a function in a write transaction and return its result, which is on disk by then.

        If the function raises, its writes are undone and the error is raised here; no other caller notices. Raises
        `StorageUnavailable` if the database cannot be written, or stays locked for the engine's busy timeout or
        `timeout_seconds`. Then nothing is stored, now or later. A function must not call `run`; it may read on another
        connection. On PostgreSQL it is run again if other writes were in its way, and is `slow` if it writes many rows.
        """
        if getattr(self._thread, "is_writing", False):
            raise RuntimeError("A write cannot wait for another write: pass on the connection instead.")
        if self._timeout_seconds is None:
            return self._run_alone(function, timeout_seconds, slow)
        patience = LOCKED_TIMEOUT_SECONDS if self._is_locked_out else self._timeout_seconds
        timeout_seconds = min(timeout_seconds, patience)
        deadline = monotonic() + timeout_seconds
        write = _Write(function)
        if self._leads(write, timeout_seconds):
            try:
                self._run_group(write, deadline)
            finally:
                self._hand_over()
        return cast(T, write.outcome())

    def _run_alone(self, function: Callable[[Connection], T], timeout_seconds: float, slow: bool) -> T:
        deadline = monotonic() + min(timeout_seconds, retry_seconds(self._engine, slow))
        self._thread.is_writing = True
        try:
            while True:
                try:
                    with write_transaction(self._engine, slow=slow) as connection:
                        return function(connection)
                except StorageUnavailable as error:
                    if not is_retried(error.__cause__) or monotonic() >= deadline:
                        raise
                sleep(random.uniform(0, MAX_RETRY_PAUSE_SECONDS))
        finally:
            self._thread.is_writing = False

    def _leads(self, write: _Write, timeout_seconds: float) -> bool:
        """Wait until the function was run or its caller leads; return whether it leads.

        Raises `StorageUnavailable` after the timeout, with the function withdrawn.
        """
        with self._lock:
            if not self._has_leader:
                self._has_leader = True
                return True
            self._waiting.append(write)
        if not write.wait(timeout_seconds):
            with self._lock:
                if write in self._waiting:
                    self._waiting.remove(write)
                    raise StorageUnavailable(LOCKED)
            # A leader has taken the function by now, and will finish it.
            write.wait(_FOREVER)
        return not write.done

    def _hand_over(self) -> None:
        """Stop leading and let the next caller lead."""
        with self._lock:
            if self._connection_outdated:
                self._close()
            if self._waiting:
                self._waiting.popleft().wake()
            else:
                self._has_leader = False

    def _run_group(self, own: _Write, deadline: float) -> None:
        """Run the leader's function and the waiting ones in one transaction. An error of it reaches all of them."""
        group = [own]
        try:
            with storage_errors():
                connection = self._connect()
                with connection.begin():
                    reject_lost_files(connection)
                    self._begin_immediate(connection, deadline)
                    self._run_functions(connection, group)
                reject_lost_files(connection)
        except BaseException as error:
            self._close()
            message = str(error) if isinstance(error, StorageUnavailable) else _INTERRUPTED
            for write in group[1:]:
                write.error = StorageUnavailable(message)
            raise
        finally:
            for write in group[1:]:
                write.done = True
                write.wake()

    def _begin_immediate(self, connection: Connection, deadline: float) -> None:
        """Begin a transaction with SQLite's write lock; wait for the lock until the deadline of the monotonic clock."""
        while True:
            try:
                _driver(connection).execute("BEGIN IMMEDIATE")
                self._is_locked_out = False
                return
            except sqlite3.OperationalError as error:
                if not error.sqlite_errorname.startswith("SQLITE_BUSY"):
                    raise
                if monotonic() >= deadline:
                    self._is_locked_out = True
                    raise
            sleep(POLL_SECONDS)

    def _run_functions(self, connection: Connection, group: list[_Write]) -> None:
        """Run the only function of the group, and add the waiting ones until none waits or the time is over."""
        end = monotonic() + MAX_GROUP_SECONDS
        self._thread.is_writing = True
        try:
            _run_in_savepoint(connection, group[0])
            while monotonic() < end:
                with self._lock:
                    if not self._waiting:
                        break
                    group.append(self._waiting.popleft())
                _run_in_savepoint(connection, group[-1])
        finally:
            self._thread.is_writing = False

    def _connect(self) -> Connection:
        if self._connection is None:
            connection = self._engine.connect()
            # SQLite's own wait sleeps for up to 100 ms at a time; `_begin_immediate` waits instead.
            connection.exec_driver_sql("PRAGMA busy_timeout = 0")
            connection.rollback()
            self._connection = connection
        return self._connection

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        self._connection_outdated = False
        if connection is not None:
            # Not back into the pool: it may be that of a replaced database.
            connection.invalidate()
            connection.close()

    def _close_or_outdate(self, _engine: Engine) -> None:
        """Close the connection when the engine closes its others: now, or after the group that uses it."""
        with self._lock:
            if self._has_leader:
                self._connection_outdated = True
            else:
                self._close()

    def _before_fork(self) -> None:
        """Lead, and close the connection: SQLite does not allow to carry it into another process."""
        while not self._leads(_Write(lambda _: None), _FOREVER):
            pass
        self._close()
        self._lock.acquire()

    def _after_fork_in_parent(self) -> None:
        self._lock.release()
        self._hand_over()

    def _after_fork_in_child(self) -> None:
        # The waiting threads exist in the parent only.
        self._waiting.clear()
        self._after_fork_in_parent()


def _run_in_savepoint(connection: Connection, write: _Write) -> None:
    """Run one function of a group and keep its result or error. Raises an error that has undone the whole group."""
    driver = _driver(connection)
    driver.execute("SAVEPOINT one_write")
    try:
        with storage_errors():
            write.result = write.function(connection)
    except Exception as error:
        if not driver.in_transaction:
            # SQLite ends the transaction itself where the disk is full or fails.
            raise
        driver.execute("ROLLBACK TO one_write")
        write.error = error
    driver.execute("RELEASE one_write")


def _driver(connection: Connection) -> sqlite3.Connection:
    # Directly, as SQLAlchemy takes ten times as long for a statement without parameters or rows.
    return cast(sqlite3.Connection, connection.connection.driver_connection)
