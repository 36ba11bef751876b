"""A connection that stays open for the small reads of every request, as opening a transaction costs more than they do.

Each read is a separate transaction: it sees every change that was committed before.
"""

from collections.abc import Callable
from contextlib import suppress
from threading import RLock
from time import monotonic
from typing import TypeVar

from sqlalchemy import Connection, Engine, event

from moderation.domain.errors import StorageUnavailable
from moderation.storage.engine import storage_errors
from moderation.storage.fork import call_at_fork
from moderation.storage.sqlite import reject_lost_files

T = TypeVar("T")

FILE_CHECK_SECONDS = 1.0
"""Time for which a replaced database file may go unnoticed by requests that write nothing."""


class KeptConnection:
    """A connection of an engine that threads use in turn. It is opened by the first read, and anew after an error.

    `lock` is reentrant; no thread holds it when a process forks.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        # Reentrant: a lost file disposes of the engine, which closes this connection too.
        self.lock = RLock()
        self._connection: Connection | None = None
        self._next_file_check = 0.0
        event.listen(engine, "engine_disposed", self._close)
        call_at_fork(self._before_fork, self._after_fork, self._after_fork)

    def read(self, query: Callable[[Connection], T]) -> T:
        """Return the result of a function that runs one query. Raises `StorageUnavailable`."""
        with self.lock:
            try:
                with storage_errors():
                    connection = self._open()
                    result = query(connection)
                    connection.rollback()
                    return result
            except BaseException:
                self._close()
                raise

    def _open(self) -> Connection:
        if self._connection is None:
            self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        if monotonic() > self._next_file_check:
            # Not each time: the write of a request checks the files too.
            reject_lost_files(self._connection)
            self._next_file_check = monotonic() + FILE_CHECK_SECONDS
        return self._connection

    def _close(self, _engine: Engine | None = None) -> None:
        with self.lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                with suppress(StorageUnavailable):
                    connection.invalidate()
                    connection.close()

    def _before_fork(self) -> None:
        self.lock.acquire()
        self._close()

    def _after_fork(self) -> None:
        self.lock.release()
