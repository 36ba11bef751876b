"""Rewrite a database, so that no byte of deleted rows is left in its files."""

import sqlite3
from time import monotonic, sleep
from typing import NamedTuple, cast

from sqlalchemy import Connection, Engine

from moderation.storage import postgresql_compaction
from moderation.storage.engine import storage_errors
from moderation.storage.sqlite import database_of, reject_lost_files

MAX_BYTES = 32 * 2**20
"""Size of a database up to which an erasure rewrites it at once: scores wait meanwhile, for less than a second."""
MAX_WAIT_SECONDS = 30.0
"""Time to wait for the write lock, and for the end of reads that still need the -wal file."""

_POLL_SECONDS = 0.02


class Compaction(NamedTuple):
    """The kind of the database, whether it was rewritten, and whether its write-ahead log was emptied afterwards."""

    kind: str
    rewritten: bool
    wal_emptied: bool


def compact(engine: Engine, max_bytes: int | None = None) -> Compaction:
    """Rewrite a database, and empty its write-ahead log. Raises `StorageUnavailable`.

    With `max_bytes`, only an SQLite database of that size at most is rewritten: on a server it would stop the scores of
    all machines.
    """
    database = database_of(engine)
    if database is None:
        if max_bytes is not None:
            return Compaction("postgresql", rewritten=False, wal_emptied=False)
        with storage_errors():
            return Compaction("postgresql", rewritten=True, wal_emptied=postgresql_compaction.compact(engine))
    small = max_bytes is None or database.path.stat().st_size <= max_bytes
    with storage_errors(), engine.connect() as connection:
        reject_lost_files(connection)
        if small:
            _run(connection, "VACUUM")
        return Compaction("sqlite", small, _run(connection, "PRAGMA wal_checkpoint(TRUNCATE)"))


def _run(connection: Connection, statement: str) -> bool:
    """Run a statement outside of a transaction as soon as no other one is in its way. Returns whether it succeeded."""
    driver = cast(sqlite3.Connection, connection.connection.driver_connection)
    deadline = monotonic() + MAX_WAIT_SECONDS
    while True:
        try:
            row = driver.execute(statement).fetchone()
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith("SQLITE_BUSY") or monotonic() > deadline:
                raise
        else:
            # A checkpoint that had to leave something answers 1.
            if not row or not row[0]:
                return True
            if monotonic() > deadline:
                return False
        sleep(_POLL_SECONDS)
