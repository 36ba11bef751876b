"""Bringing the database to this program's version, and telling whether it is there.

Alembic is imported by `upgrade` alone: a serving process only compares two revisions and has no use for it.
"""

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from moderation.domain.errors import StorageUnavailable
from moderation.storage.engine import open_engine, reading, writing

HEAD = "0004"
"""The newest revision in `migrations/versions`; revisions are four digits, so their order is that of the text."""

_SCRIPTS = Path(__file__).parent / "migrations"
_STORED = text("SELECT version_num FROM alembic_version")


def upgrade(url: str, busy_seconds: float = 5.0) -> None:
    """Creates the database or brings it to `HEAD`, wholly or not at all; harmless when it is there.

    Raises `StorageUnavailable` when it is locked, out of reach, or of a newer version than this program.
    """
    engine = open_engine(url, busy_seconds, create=True)
    try:
        with writing(engine) as connection:
            _refuse_newer(_stored_revision(connection))
            _run_scripts(connection)
    finally:
        engine.dispose()


def objection(engine: Engine) -> str | None:
    """Why the database cannot be used as it is, in a sentence that says what to do; `None` when it can."""
    try:
        with reading(engine) as connection:
            stored = _stored_revision(connection)
            _refuse_newer(stored)
    except StorageUnavailable as error:
        return str(error)
    if stored is None:
        return "The database is empty; run `moderation init`."
    if stored < HEAD:
        return (
            f"The database is of an older version ({stored}, not {HEAD}); run `moderation init` to bring it up to date."
        )
    return None


def _stored_revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(_STORED).scalar()


def _refuse_newer(stored: str | None) -> None:
    if stored is not None and stored > HEAD:
        raise StorageUnavailable(
            f"The database was made by a newer version of this program ({stored}, not {HEAD}): install that one. "
            "`moderation init` cannot take it back."
        )


def _run_scripts(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    # The configuration expands percent signs, which a folder's name may hold.
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    command.upgrade(config, "head")
