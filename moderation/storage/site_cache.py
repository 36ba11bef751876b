"""The sites of active keys in memory, for the check of a key that every request begins with.

Every change of a site, a key or a calibration, by any process, stores a new version in the transaction of the change.
A request compares versions before it trusts the memory: a key that was retired is refused from then on. While the
database cannot be read, a site can be recalled as it was last.
"""

from contextlib import suppress
from threading import RLock
from time import monotonic

from sqlalchemy import Connection, Engine, event

from moderation.domain.errors import StorageUnavailable
from moderation.domain.site import Site
from moderation.storage import sites
from moderation.storage.engine import read_transaction, storage_errors
from moderation.storage.fork import call_at_fork
from moderation.storage.sqlite import reject_lost_files

MAX_SITES = 10_000
"""Keys whose sites are kept in memory, some 10 MB."""
FILE_CHECK_SECONDS = 1.0
"""Time for which a replaced database file may go unnoticed by requests that write nothing."""


class SiteCache:
    """The sites by the digests of their keys. Its connection stays open, as opening a transaction costs more."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        # Reentrant: a lost file disposes of the engine, which closes this connection too.
        self._lock = RLock()
        self._connection: Connection | None = None
        # With the version that each was read at.
        self._sites: dict[str, tuple[str, Site]] = {}
        self._next_file_check = 0.0
        event.listen(engine, "engine_disposed", self._close)
        call_at_fork(self._before_fork, self._after_fork, self._after_fork)

    def find_by_key(self, digest: str) -> Site | None:
        """Return the active site that has an active key with this digest. Raises `StorageUnavailable`."""
        with self._lock:
            known = self._sites.get(digest)
            if known is not None and known[0] == self._stored_version():
                return known[1]
        return self._read(digest)

    def recall(self, digest: str) -> Site | None:
        """Return the site as it was when this key was found last, without asking the database."""
        known = self._sites.get(digest)
        return None if known is None else known[1]

    def _read(self, digest: str) -> Site | None:
        with read_transaction(self._engine) as connection:
            version, site = sites.version(connection), sites.find_by_key(connection, digest)
        with self._lock:
            if site is None:
                self._sites.pop(digest, None)
            else:
                self._sites[digest] = version, site
                if len(self._sites) > MAX_SITES:
                    del self._sites[next(iter(self._sites))]
        return site

    def _stored_version(self) -> str:
        try:
            with storage_errors():
                if self._connection is None:
                    connection = self._engine.connect()
                    # Each read is a transaction: it sees every change that was committed before.
                    self._connection = connection.execution_options(isolation_level="AUTOCOMMIT")
                if monotonic() > self._next_file_check:
                    # Not each time: the write of a request checks the files too.
                    reject_lost_files(self._connection)
                    self._next_file_check = monotonic() + FILE_CHECK_SECONDS
                version = sites.version(self._connection)
                self._connection.rollback()
                return version
        except BaseException:
            self._close()
            raise

    def _close(self, _engine: Engine | None = None) -> None:
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                with suppress(StorageUnavailable):
                    connection.invalidate()
                    connection.close()

    def _before_fork(self) -> None:
        self._lock.acquire()
        self._close()

    def _after_fork(self) -> None:
        self._lock.release()
