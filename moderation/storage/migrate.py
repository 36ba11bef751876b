"""Migrate the database to this program's version, and compare the two versions.

Only `upgrade` imports Alembic: a serving process compares two revisions and does without it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from moderation.domain.errors import StorageUnavailable
from moderation.storage.engine import open_engine, read_transaction, write_transaction
from moderation.storage.postgresql import wait_for_migrations

HEAD = "0049"
"""Newest revision in `migrations/versions`. Revisions have four digits, so that they sort as text."""

_SCRIPTS = Path(__file__).parent / "migrations"
_STORED_REVISION = text("SELECT version_num FROM alembic_version")


def upgrade(url: str, busy_timeout_seconds: float = 5.0) -> None:
    """Create the database or migrate it to `HEAD`, wholly or not at all. A database at `HEAD` stays as it is.

    Raises `StorageUnavailable` when it is locked, out of reach, or of a newer version than this program.
    """
    # Without a timeout: a migration of many rows may take minutes.
    engine = open_engine(url, busy_timeout_seconds, create=True, patient=True)
    try:
        with write_transaction(engine) as connection:
            if engine.dialect.name == "postgresql":
                wait_for_migrations(connection, busy_timeout_seconds)
            stored = _stored_revision(connection)
            _reject_newer(stored)
            if stored != HEAD:
                _run_migrations(connection)
    finally:
        engine.dispose()


@contextmanager
def open_current(url: str, busy_timeout_seconds: float, *, patient: bool = False) -> Iterator[Engine]:
    """Yield an engine for a database at `HEAD`. Raises `StorageUnavailable` for another version.

    The block's connections are closed: a server that forks later must not hand its children an open one.
    """
    engine = open_engine(url, busy_timeout_seconds, patient=patient)
    try:
        problem = schema_problem(engine)
        if problem is not None:
            raise StorageUnavailable(problem)
        yield engine
    finally:
        engine.dispose()


def schema_problem(engine: Engine) -> str | None:
    """Return why the database cannot be used, in a sentence that says what to do, or `None` if it can."""
    try:
        with read_transaction(engine) as connection:
            stored = _stored_revision(connection)
            _reject_newer(stored)
    except StorageUnavailable as error:
        return str(error)
    if stored is None:
        return "The database is empty; run `moderation init`."
    if stored < HEAD:
        return f"The database is of an older version ({stored}, not {HEAD}); run `moderation init` to migrate it."
    return None


def _stored_revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(_STORED_REVISION).scalar()


def _reject_newer(stored: str | None) -> None:
    if stored is not None and stored > HEAD:
        raise StorageUnavailable(
            f"The database was made by a newer version of this program ({stored}, not {HEAD}): install that version. "
            "`moderation init` cannot migrate it back."
        )


def _run_migrations(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    # The configuration expands percent signs, which a folder's name may hold.
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    command.upgrade(config, "head")
