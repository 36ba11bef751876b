"""Migrate the database to this program's version, and find out whether this program can serve on it.

A newer program may migrate the database while this one serves. Each migration names the oldest program that can serve
after it: one that expands the schema keeps that of the migration before, one that contracts it names a later one.
Only `upgrade` imports Alembic: a serving process compares revisions and does without it.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, inspect, text

from moderation.domain.errors import StorageUnavailable
from moderation.storage.engine import open_engine, read_transaction, write_transaction
from moderation.storage.postgresql import is_retried, wait_for_migrations

HEAD = "0051"
"""Newest revision in `migrations/versions`. Revisions have four digits, so that they sort as text."""
FIRST_COMPATIBLE = "0046"
"""Revision of the first program beside which a newer one may migrate the database."""

_MAX_RETRY_PAUSE_SECONDS = 1.0
_SCRIPTS = Path(__file__).parent / "migrations"
_STORED_REVISION = text("SELECT version_num FROM alembic_version")
_OLDEST_PROGRAM = text("SELECT oldest_program FROM installation")
_SET_OLDEST_PROGRAM = text("UPDATE installation SET oldest_program = :revision")


class SchemaState(NamedTuple):
    """The revision of the database, `None` if it has none or cannot be read.

    `problem` is a sentence that says why this program cannot serve on it, `notice` one for a newer one on which it can.
    """

    revision: str | None
    problem: str | None = None
    notice: str | None = None


def upgrade(url: str, busy_timeout_seconds: float = 5.0) -> bool:
    """Create the database or migrate it to `HEAD`, wholly or not at all. A database at `HEAD` stays as it is.

    So does one that a newer program has migrated, if this one can serve on it: returns whether it is at `HEAD`. Raises
    `StorageUnavailable` when it is locked, out of reach, or too new for this program.
    """
    # Without a timeout: a migration of many rows may take minutes.
    engine = open_engine(url, busy_timeout_seconds, create=True, patient=True)
    deadline = monotonic() + busy_timeout_seconds
    try:
        while True:
            try:
                return _upgrade(engine)
            except StorageUnavailable as error:
                if not is_retried(error.__cause__) or monotonic() >= deadline:
                    raise
            # Requests that queued behind the migration's wait for a lock have their turn.
            sleep(random.uniform(0.1, _MAX_RETRY_PAUSE_SECONDS))
    finally:
        engine.dispose()


def _upgrade(engine: Engine) -> bool:
    with write_transaction(engine) as connection:
        if engine.dialect.name == "postgresql":
            wait_for_migrations(connection)
        stored = _stored_revision(connection)
        if stored is not None and stored > HEAD:
            _reject_incompatible(connection, stored)
            return False
        if stored != HEAD:
            _run_migrations(connection)
        return True


@contextmanager
def open_current(url: str, busy_timeout_seconds: float, *, patient: bool = False) -> Iterator[Engine]:
    """Yield an engine for a database on which this program can serve. Raises `StorageUnavailable` for another one.

    The block's connections are closed: a server that forks later must not hand its children an open one.
    """
    engine = open_engine(url, busy_timeout_seconds, patient=patient)
    try:
        problem = schema_state(engine).problem
        if problem is not None:
            raise StorageUnavailable(problem)
        yield engine
    finally:
        engine.dispose()


def schema_state(engine: Engine) -> SchemaState:
    """Return the state of the database's schema. Raises no `StorageUnavailable`."""
    stored = None
    try:
        with read_transaction(engine) as connection:
            stored = _stored_revision(connection)
            if stored is not None and stored > HEAD:
                _reject_incompatible(connection, stored)
    except StorageUnavailable as error:
        return SchemaState(stored, str(error))
    if stored is None:
        return SchemaState(None, "The database is empty; run `moderation init`.")
    if stored < HEAD:
        problem = f"The database is of an older version ({stored}, not {HEAD}); run `moderation init` to migrate it."
        return SchemaState(stored, problem)
    if stored > HEAD:
        notice = (
            f"A newer version of this program has migrated the database ({stored}, not {HEAD}): install it here, too."
        )
        return SchemaState(stored, notice=notice)
    return SchemaState(stored)


def _stored_revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(_STORED_REVISION).scalar()


def _reject_incompatible(connection: Connection, stored: str) -> None:
    oldest = connection.execute(_OLDEST_PROGRAM).scalar()
    if oldest is None or oldest > HEAD:
        raise StorageUnavailable(
            f"The database was made by a newer version of this program ({stored}, not {HEAD}): install that version. "
            "`moderation init` cannot migrate it back."
        )


def _run_migrations(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config(attributes={"connection": connection})
    # The configuration expands percent signs, which a folder's name may hold.
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    command.upgrade(config, "head")
    modules: list[Any] = [script.module for script in ScriptDirectory.from_config(config).walk_revisions()]
    oldest = max(getattr(module, "oldest_program", FIRST_COMPATIBLE) for module in modules)
    connection.execute(_SET_OLDEST_PROGRAM, {"revision": oldest})
