"""Opening the database, and the two ways to use it: reading and writing."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from time import monotonic, sleep
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.exc import ArgumentError, DatabaseError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.pool import ConnectionPoolEntry

from moderation.domain.errors import InputRefused, StorageUnavailable

_WRITES = {"moderation_writes": True}
_SENTENCES = {
    "SQLITE_BUSY": "The database is locked by another program; try again in a moment.",
    "SQLITE_LOCKED": "The database is locked by another program; try again in a moment.",
    "SQLITE_CANTOPEN": "There is no database yet, or its folder cannot be read; run `moderation init`.",
    "SQLITE_READONLY": "The database may only be read; check who owns its file and folder.",
    "SQLITE_FULL": "The disk of the database is full.",
    "SQLITE_NOTADB": "The database file is not an SQLite database.",
    "SQLITE_CORRUPT": "The database file is damaged; restore it from a backup.",
}


def open_engine(url: str, busy_seconds: float, *, create: bool = False) -> Engine:
    """An engine for the database at an SQLAlchemy URL; connects to nothing yet.

    A write waits at most `busy_seconds` for a locked SQLite database. Only with `create` may a missing
    SQLite file come into being. Raises `InputRefused` when the URL names no database that can be used.
    """
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() != "sqlite":
            return create_engine(parsed, pool_timeout=busy_seconds, pool_pre_ping=True, hide_parameters=True)
        return _open_sqlite(parsed, busy_seconds, create)
    except (ArgumentError, ImportError):
        raise InputRefused(
            "The database URL cannot be used: check its form, and that the driver it names is installed."
        ) from None


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection that sees one state of the database; nothing is kept. Raises `StorageUnavailable`."""
    with _clear_sentences(), engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that is on disk when the block ends, or undone when it raises. Raises `StorageUnavailable`."""
    with _clear_sentences(), engine.connect().execution_options(**_WRITES) as connection, connection.begin():
        yield connection


def _open_sqlite(url: URL, busy_seconds: float, create: bool) -> Engine:
    if not url.database or url.database == ":memory:":
        raise InputRefused("The database URL must name a file: one in memory is gone with its connection.")
    mode = "rwc" if create else "rw"
    file_url = url.set(database=f"file:{quote(url.database)}", query={"mode": mode, "uri": "true"})
    waiting = {"timeout": busy_seconds}
    # A parameter may be a comment's text: errors and logs must not show it.
    engine = create_engine(file_url, pool_timeout=busy_seconds, connect_args=waiting, hide_parameters=True)
    event.listen(engine, "connect", partial(_prepare_sqlite, busy_seconds))
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(busy_seconds: float, connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # The driver's own transactions begin too late for a read and too weakly for a write: `_begin_sqlite` begins them.
    connection.isolation_level = None
    cursor = connection.cursor()
    _write_ahead(cursor, busy_seconds)
    # NORMAL would lose the last answers in a power cut: with FULL a commit is on disk when it returns.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _write_ahead(cursor: DBAPICursor, busy_seconds: float) -> None:
    # Two who open a new database at once both want its lock for this, and here SQLite does not wait by itself.
    give_up = monotonic() + busy_seconds
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith("SQLITE_BUSY") or monotonic() > give_up:
                raise
            sleep(0.01)


def _begin_sqlite(connection: Connection) -> None:
    # IMMEDIATE takes the write lock at once: a transaction that read first could not wait for it later.
    writes = connection.get_execution_options().get("moderation_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _clear_sentences() -> Iterator[None]:
    try:
        yield
    except (IntegrityError, ProgrammingError):
        raise
    except PoolExhausted:
        raise StorageUnavailable("Every connection to the database is in use; try again in a moment.") from None
    except DatabaseError as error:
        raise StorageUnavailable(_sentence(error)) from error


def _sentence(error: DatabaseError) -> str:
    code = getattr(error.orig, "sqlite_errorname", type(error.orig).__name__)
    known = (sentence for prefix, sentence in _SENTENCES.items() if code.startswith(prefix))
    return next(known, f"The database cannot be used ({code}); `moderation init` makes it or brings it up to date.")
