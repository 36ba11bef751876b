"""Open the database and run transactions on it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from moderation.domain.errors import InvalidInput, StorageUnavailable
from moderation.storage import postgresql
from moderation.storage.sqlite import database_of, open_sqlite, reject_lost_files
from moderation.storage.sqlite import error_message as sqlite_error_message


def open_engine(url: str, busy_timeout_seconds: float, *, create: bool = False, patient: bool = False) -> Engine:
    """Return an engine for the database at an SQLAlchemy URL, without connecting.

    A write waits at most `busy_timeout_seconds` for a locked SQLite database; on PostgreSQL it is the timeout of each
    statement, and with `patient` there is none. Only with `create` a missing SQLite file is created. Raises
    `InvalidInput` for a URL that cannot be used.
    """
    try:
        parsed = make_url(url)
        if parsed.drivername in {"postgresql", "postgresql+psycopg"}:
            return postgresql.open_postgresql(parsed, busy_timeout_seconds, patient)
        if parsed.drivername in {"sqlite", "sqlite+pysqlite"}:
            return open_sqlite(parsed, busy_timeout_seconds, create)
    except ImportError:
        raise InvalidInput("The driver for PostgreSQL is missing: install `moderation[postgres]`.") from None
    except ArgumentError:
        pass
    raise InvalidInput("The database URL cannot be used: it must begin with sqlite:/// or postgresql://.")


@contextmanager
def _transaction(engine: Engine, *, writes: bool, slow: bool = False) -> Iterator[Connection]:
    """Yield a connection within a transaction. Raises `StorageUnavailable`.

    A read sees one state of the database and stores nothing. What a write stores is on disk when the block ends, or
    undone when it raises. A write also raises if the database file was removed or replaced before the commit ended.
    On PostgreSQL, one that reads or writes many rows is `slow`: it has `SLOW_FACTOR` times the timeout.
    """
    with storage_errors(), engine.connect() as connection:
        if not writes and engine.dialect.name == "postgresql":
            postgresql.begin_read(connection)
        with connection.begin():
            reject_lost_files(connection)
            if engine.dialect.name == "sqlite":
                # IMMEDIATE takes the write lock at once: a transaction that read first could not wait for it later.
                connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
            else:
                postgresql.limit_transaction(connection, slow)
            yield connection
        if writes:
            reject_lost_files(connection)


read_transaction = partial(_transaction, writes=False)
"""`read_transaction(engine)` yields a connection that sees one state of the database and stores nothing."""
write_transaction = partial(_transaction, writes=True)
"""`write_transaction(engine)` yields a connection whose writes are on disk when the block ends, or undone."""


@contextmanager
def storage_errors() -> Iterator[None]:
    """Raise `StorageUnavailable` for an error of the database, except for one that the statement is to blame for."""
    try:
        yield
    except PoolExhausted:
        raise StorageUnavailable("Every connection to the database is in use; try again in a moment.") from None
    except DBAPIError as error:
        if postgresql.is_statement_error(error):
            raise
        raise StorageUnavailable(_error_message(error)) from error
    except sqlite3.DatabaseError as error:
        raise StorageUnavailable(_error_message(error)) from error


def busy_timeout_seconds(engine: Engine) -> float | None:
    """Return how long a write to an SQLite database waits for its lock; `None` for another database."""
    database = database_of(engine)
    return None if database is None else database.busy_timeout_seconds


def database_folder(engine: Engine) -> Path | None:
    """Return the folder of an SQLite database's files; `None` for another database."""
    database = database_of(engine)
    return None if database is None else database.folder


def disk_problem(engine: Engine) -> str | None:
    """Return why the database takes no more data, or `None` if it does."""
    database = database_of(engine)
    if database is not None:
        return database.disk_problem()
    with write_transaction(engine) as connection:
        return postgresql.write_problem(connection)


def _error_message(error: DBAPIError | sqlite3.Error) -> str:
    if not isinstance(error, DBAPIError):
        return sqlite_error_message(error)
    return (
        sqlite_error_message(error.orig) if isinstance(error.orig, sqlite3.Error) else postgresql.error_message(error)
    )
