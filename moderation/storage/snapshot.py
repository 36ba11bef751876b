"""Consistent copies of an SQLite database, their checks, and the commands that do the same for PostgreSQL."""

import shlex
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from sqlalchemy import make_url, select, text
from sqlalchemy.exc import DatabaseError

from moderation.domain.errors import StorageUnavailable
from moderation.storage import persons
from moderation.storage.engine import open_engine, read_transaction, write_transaction
from moderation.storage.tables import installation

DUMP_NAME = "moderation.dump"

_FIRST_WITH_BACKUPS = "0048"


class DatabaseFacts(NamedTuple):
    """The schema revision of a database, its identity, and the check value of its secret."""

    revision: str
    installation: str
    secret_digest: str | None


def database_path(url: str) -> Path | None:
    """Return the file of an SQLite database; `None` for another kind of database. Raises `InvalidInput`."""
    # Checks the URL; an engine connects later.
    parsed = open_engine(url, 1.0).url
    return Path(make_url(url).database or "").absolute() if parsed.get_backend_name() == "sqlite" else None


def copy_database(url: str, busy_timeout_seconds: float, target: Path) -> DatabaseFacts:
    """Copy an SQLite database to a new file while it is in use, and check the copy.

    Holds every transaction that was committed before the call. Raises `StorageUnavailable`.
    """
    engine = open_engine(url, busy_timeout_seconds)
    try:
        with read_transaction(engine) as connection, closing(sqlite3.connect(target)) as copy:
            source: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]  # SQLite's
            # In one step: with several, each write of another process would start the copy again.
            source.backup(copy)
    except sqlite3.Error as error:
        raise StorageUnavailable(f"The database cannot be copied to {target.parent}: {error}.") from None
    finally:
        engine.dispose()
    return check_database(target)


def check_database(path: Path) -> DatabaseFacts:
    """Return the facts of a database file that no process has open. Raises `StorageUnavailable` if it is damaged."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True)) as connection:
            # The file may come from elsewhere: nothing in its schema may run code.
            connection.execute("PRAGMA trusted_schema = OFF")
            damaged = connection.execute("PRAGMA integrity_check(1)").fetchone() != ("ok",)
            if damaged or connection.execute("PRAGMA foreign_key_check").fetchone():
                raise StorageUnavailable("The database is damaged: use an older backup.")
            (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            return DatabaseFacts(str(revision), *_identity(connection))
    except (sqlite3.Error, TypeError, ValueError) as error:
        raise StorageUnavailable(f"The file is no database of this program ({type(error).__name__}).") from None


def read_facts(url: str, busy_timeout_seconds: float) -> DatabaseFacts:
    """Return the facts of a database in use. Raises `StorageUnavailable`."""
    engine = open_engine(url, busy_timeout_seconds)
    try:
        with read_transaction(engine) as connection:
            revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
            identity, digest = connection.execute(select(installation.c.id, installation.c.secret_digest)).one()
            return DatabaseFacts(revision, identity, digest)
    except DatabaseError:
        raise StorageUnavailable("The database is of an older version: run `moderation init` first.") from None
    finally:
        engine.dispose()


def note_backup(url: str, busy_timeout_seconds: float, path: Path, revision: str, at: datetime) -> None:
    """Store the path of a backup that was written, so that an erasure can name it. Raises `StorageUnavailable`.

    A database of an older revision has no place for it.
    """
    if revision < _FIRST_WITH_BACKUPS:
        return
    engine = open_engine(url, busy_timeout_seconds)
    try:
        with write_transaction(engine) as connection:
            persons.add_backup(connection, str(path), at)
    finally:
        engine.dispose()


def dump_command(url: str) -> str:
    """Return the command that saves a PostgreSQL database, without its password."""
    return shlex.join(["pg_dump", "--format=custom", f"--file={DUMP_NAME}", f"--dbname={_without_password(url)}"])


def load_command(url: str) -> str:
    """Return the command that loads a dump of `dump_command` in one transaction, without the password."""
    options = ["--clean", "--if-exists", "--no-owner", "--single-transaction"]
    return shlex.join(["pg_restore", *options, f"--dbname={_without_password(url)}", DUMP_NAME])


def _identity(connection: sqlite3.Connection) -> tuple[str, str | None]:
    # Databases before revision 0006 have no identity.
    if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'installation'").fetchone():
        return "", None
    identity, digest = connection.execute("SELECT id, secret_digest FROM installation").fetchone()
    return str(identity), digest


def _without_password(url: str) -> str:
    parsed = make_url(url).difference_update_query(["password"])
    # `set` cannot remove a part.
    return parsed._replace(password=None, drivername=parsed.get_backend_name()).render_as_string()
