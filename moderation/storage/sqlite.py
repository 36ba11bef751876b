"""SQLite: how the engine connects, durably, and how it notices that the files of a database are lost."""

import errno
import sqlite3
import tempfile
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import quote
from weakref import WeakSet

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.pool import ConnectionPoolEntry

from moderation.domain.errors import InvalidInput, StorageUnavailable
from moderation.storage.checkpoints import CheckpointWatch, is_foreign_wal

_DATABASE_OPTION = "moderation_sqlite_database"
_OPEN_FILES_KEY = "moderation_open_files"
_PAGE_CACHE_KIB = 512
"""Pages that a connection keeps. A worker has a dozen connections, and the system keeps the whole file in its cache."""
# In one statement, so that all three are of the same state of the database.
_LOCATE_IDENTITY = """
    SELECT coalesce(max(rootpage), 0), (SELECT page_size FROM pragma_page_size),
        (SELECT schema_version FROM pragma_schema_version)
    FROM sqlite_schema WHERE name = 'installation'
"""
_DISK_PROBE_BYTES = 256 * 1024
_FULL_DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

_FILE_REMOVED = "The database file is gone: put it back, or restore a backup. Nothing is stored until then."
_SIDE_FILE_REMOVED = "The -wal or -shm file of the database was removed while in use: restart the service."
_SIDE_FILES_STALE = (
    "The database file was replaced, but the -wal and -shm files of the former one lie beside it: "
    "remove these two, or put the former file back."
)
_FILE_OVERWRITTEN = (
    "Another program has written to the database file while it was in use: stop the service, remove the -wal and -shm "
    "files, put the file of a backup in place, and start again."
)
_FILE_REPLACED = "The database file was replaced: the next request opens the new one."
_OTHER_DATABASE = (
    "The database file was replaced by a different database: put the right file back, or restart the service to use "
    "this one."
)
LOCKED = "The database is locked by another program; try again in a moment."
_ERROR_MESSAGES = {
    "SQLITE_BUSY": LOCKED,
    "SQLITE_LOCKED": LOCKED,
    "SQLITE_CANTOPEN": (
        "There is no database, or its folder cannot be read: restore a backup, or run `moderation init` for a new one."
    ),
    "SQLITE_READONLY": "The database may only be read; check who owns its file and folder.",
    "SQLITE_FULL": "The disk of the database is full: free some space.",
    "SQLITE_IOERR": "The database file cannot be read or written: its disk is full or damaged.",
    "SQLITE_NOTADB": "The database file is not an SQLite database.",
    "SQLITE_CORRUPT": "The database file is damaged; restore it from a backup.",
}

FileId = tuple[int, int]
"""Device and inode. While a file is open, no other file gets the same pair."""


class SqliteDatabase:
    """An SQLite database and its open files. Later connections must find the database that was opened first.

    SQLite continues to write into a removed file: without a check, the service would acknowledge lost decisions.
    """

    def __init__(self, path: Path, busy_timeout_seconds: float) -> None:
        self.path = path
        # SQLite keeps the other two files beside the target of a symbolic link.
        target = path.resolve()
        self.folder = target.parent
        self._paths = (path, target.with_name(f"{target.name}-wal"), target.with_name(f"{target.name}-shm"))
        self.busy_timeout_seconds = busy_timeout_seconds
        self._identity: str | None = None
        self.checkpoints = CheckpointWatch(path, self._paths[2])
        self._open_ids: dict[Path, FileId] = {}
        # Weakly: a connection that returns to a disposed pool is closed without an event.
        self._open_connections: WeakSet[ConnectionPoolEntry] = WeakSet()

    def listen(self, engine: Engine) -> None:
        """Register the event handlers of an engine."""
        self._engine = engine
        event.listen(engine, "do_connect", self._before_connect)
        event.listen(engine, "connect", self._after_connect)
        event.listen(engine, "close", self._after_close)

    def loss(self, open_ids: dict[Path, FileId]) -> str:
        """Return the sentence for files that are no longer those of an open connection."""
        ids = self._file_ids()
        if self.path not in ids:
            return _FILE_REMOVED
        if ids[self.path] == open_ids[self.path]:
            return _SIDE_FILE_REMOVED
        # SQLite would write the former database's -wal into the new file and damage it.
        return _SIDE_FILES_STALE if self._has_stale_side_files(ids, open_ids) else _FILE_REPLACED

    def save_removed_wal(self) -> None:
        """Write what a removed -wal file holds, acknowledged decisions, into the database file while it is open."""
        for entry in list(self._open_connections):
            with suppress(sqlite3.Error):
                if entry.dbapi_connection is not None:
                    entry.dbapi_connection.cursor().execute("PRAGMA wal_checkpoint")
                    return

    def disk_problem(self) -> str | None:
        """Return why the disk takes no more data, or `None` if it does.

        Writes and drops a scratch file beside the database. The write needs neither a lock nor an fsync, so that
        frequent probes do not slow down decisions. `statvfs` would miss quotas and limits. A small transaction may
        still fit into space that the -wal file has already, when a decision no longer does.
        """
        try:
            with tempfile.TemporaryFile(dir=self.folder) as scratch_file:
                scratch_file.write(bytes(_DISK_PROBE_BYTES))
        except OSError as error:
            if error.errno in _FULL_DISK_ERRORS:
                return "The disk of the database is full: free some space."
            return f"The folder of the database cannot be written to ({error.strerror}): check its owner and its disk."
        return None

    def _before_connect(self, _dialect: object, entry: ConnectionPoolEntry, _args: object, _options: object) -> None:
        ids = self._file_ids()
        if self._open_connections and any(ids.get(path) != open_id for path, open_id in self._open_ids.items()):
            problem = self.loss(self._open_ids)
            if problem == _SIDE_FILE_REMOVED:
                self.save_removed_wal()
            if problem == _FILE_REPLACED:
                # First all connections to the former file close: SQLite would then remove the new one's -wal file.
                self._engine.dispose()
            raise StorageUnavailable(problem)
        if self._identity is not None and self.path not in ids:
            raise StorageUnavailable(_FILE_REMOVED)
        is_first = not self._open_connections
        if self._has_stale_side_files(ids, self._open_ids) or (is_first and is_foreign_wal(*self._paths[:2])):
            raise StorageUnavailable(_SIDE_FILES_STALE)
        entry.info[_OPEN_FILES_KEY] = ids

    def _after_connect(self, connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
        try:
            # Before the first read, which would take a former file's -wal for that of the new one.
            self._reject_replaced(entry)
            self._configure(connection)
            ids = self._reject_replaced(entry)
        except BaseException:
            connection.close()
            raise
        self._open_ids = entry.info[_OPEN_FILES_KEY] = ids
        self._open_connections.add(entry)

    def _after_close(self, _connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
        self._open_connections.discard(entry)
        if not self._open_connections:
            # SQLite removes -wal and -shm when it closes them, and others may get their inodes. It leaves the two
            # where the database was moved away: the -wal then still holds acknowledged decisions.
            ids = self._file_ids()
            kept = (path for path, open_id in self._open_ids.items() if path == self.path or ids.get(path) == open_id)
            self._open_ids = {path: self._open_ids[path] for path in kept}

    def _reject_replaced(self, entry: ConnectionPoolEntry) -> dict[Path, FileId]:
        """Return the ids of the files. Raises `StorageUnavailable` if the database was replaced while it was opened."""
        ids = self._file_ids()
        if entry.info[_OPEN_FILES_KEY].get(self.path, ids.get(self.path)) != ids.get(self.path):
            raise StorageUnavailable(_FILE_REPLACED)
        return ids

    def _has_stale_side_files(self, ids: dict[Path, FileId], open_ids: dict[Path, FileId]) -> bool:
        """Return whether another database stands in the place of the open one, with the -wal or -shm file of that."""
        is_replaced = ids.get(self.path) != open_ids.get(self.path)
        return is_replaced and any(ids.get(path) == open_ids[path] for path in open_ids)

    def _configure(self, connection: DBAPIConnection) -> None:
        # The driver begins transactions too late for a read and too weakly for a write: `_transaction` begins them.
        connection.isolation_level = None
        cursor = connection.cursor()
        self._check_identity(cursor)
        _enable_wal(cursor, self.busy_timeout_seconds)
        # NORMAL would lose the last answers in a power cut: with FULL a commit is on disk when it returns.
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        # Deleted comments are overwritten with zeros: else their bytes stay in the file until it needs the space.
        cursor.execute("PRAGMA secure_delete = ON")
        cursor.execute(f"PRAGMA cache_size = -{_PAGE_CACHE_KIB}")
        # A read opens the -wal and -shm files, whose ids are compared later.
        located = cursor.execute(_LOCATE_IDENTITY).fetchone() or (0, 0, 0)
        if not self._open_connections:
            self.checkpoints.begin(self._identity or "", *located)
        cursor.close()

    def _check_identity(self, cursor: DBAPICursor) -> None:
        """Raise `StorageUnavailable` if this is not the database that the engine opened first."""
        named = "SELECT 1 FROM sqlite_schema WHERE name = 'installation'"
        has_identity = cursor.execute(named).fetchone() is not None
        row = cursor.execute("SELECT id FROM installation").fetchone() if has_identity else None
        identity = row and row[0]
        if self._identity not in (None, identity):
            raise StorageUnavailable(_OTHER_DATABASE)
        self._identity = identity

    def _file_ids(self) -> dict[Path, FileId]:
        ids = {}
        for path in self._paths:
            try:
                status = path.stat()
            except OSError:
                continue
            ids[path] = (status.st_dev, status.st_ino)
        return ids


def database_of(engine: Engine) -> SqliteDatabase | None:
    """Return the SQLite database of an engine, or `None` for an engine of another database."""
    return engine.get_execution_options().get(_DATABASE_OPTION)


def open_sqlite(url: URL, busy_timeout_seconds: float, create: bool) -> Engine:
    """Return an engine for an SQLite URL. Only with `create` a missing file is created. Raises `InvalidInput`."""
    if not url.database or url.database == ":memory:":
        raise InvalidInput("The database URL must name a file: one in memory is gone with its connection.")
    database = SqliteDatabase(Path(url.database).absolute(), busy_timeout_seconds)
    mode = "rwc" if create else "rw"
    file_url = url.set(database=f"file:{quote(str(database.path))}", query={"mode": mode, "uri": "true"})
    engine = create_engine(
        file_url,
        pool_timeout=busy_timeout_seconds,
        connect_args={"timeout": busy_timeout_seconds},
        execution_options={_DATABASE_OPTION: database},
        # A parameter may be a comment's text: errors and logs must not show it.
        hide_parameters=True,
    )
    database.listen(engine)
    return engine


def _enable_wal(cursor: DBAPICursor, busy_timeout_seconds: float) -> None:
    # Two processes that open a new database at once both need its lock here, and SQLite does not wait for it.
    deadline = monotonic() + busy_timeout_seconds
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith("SQLITE_BUSY") or monotonic() > deadline:
                raise
            sleep(0.01)


def reject_lost_files(connection: Connection) -> None:
    """Raise `StorageUnavailable` if a file of the open SQLite database was removed or replaced."""
    open_ids = connection.info.get(_OPEN_FILES_KEY)
    if open_ids is None:
        return
    statuses = {}
    for path, open_id in open_ids.items():
        try:
            statuses[path] = status = path.stat()
        except OSError:
            raise _lost_files_error(connection) from None
        if (status.st_dev, status.st_ino) != open_id:
            raise _lost_files_error(connection)
    database: SqliteDatabase = connection.get_execution_options()[_DATABASE_OPTION]
    if database.checkpoints.is_overwritten(statuses[database.path]):
        raise StorageUnavailable(_FILE_OVERWRITTEN)


def _lost_files_error(connection: Connection) -> StorageUnavailable:
    database: SqliteDatabase = connection.get_execution_options()[_DATABASE_OPTION]
    problem = database.loss(connection.info[_OPEN_FILES_KEY])
    if problem == _FILE_REPLACED:
        # Closes the connections to the former file. The next transaction connects to the new one.
        connection.invalidate()
        connection.engine.dispose()
    elif problem == _SIDE_FILE_REMOVED:
        database.save_removed_wal()
    return StorageUnavailable(problem)


def error_message(error: BaseException | None) -> str:
    """Return a sentence for the operator: the trouble and its remedy."""
    code = getattr(error, "sqlite_errorname", type(error).__name__)
    sentences = (sentence for prefix, sentence in _ERROR_MESSAGES.items() if code.startswith(prefix))
    return next(sentences, f"The database cannot be used ({code}); run `moderation init`.")
