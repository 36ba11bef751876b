"""The database as a place: durable, patient up to a point, and clear about what is wrong."""

import sqlite3
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from moderation.domain.errors import InputRefused, StorageUnavailable
from moderation.storage.engine import open_engine, reading, writing
from moderation.storage.migrate import upgrade

ADD = text("INSERT INTO moderators (name, password_hash, created_at) VALUES (:name, 'x', '2026-01-01 00:00:00')")
COUNT = text("SELECT count(*) FROM moderators")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/odd %20 name.db"


@pytest.fixture
def engine(url: str) -> Engine:
    upgrade(url)
    return open_engine(url, busy_seconds=0.01)


@pytest.mark.parametrize(("pragma", "value"), [("synchronous", 2), ("journal_mode", "wal"), ("foreign_keys", 1)])
def test_durable(engine: Engine, pragma: str, value: object) -> None:
    """A commit is on disk when it returns (FULL = 2), readers do not wait for writers, and references hold."""
    with reading(engine) as connection:
        assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value
    engine.dispose()


def test_a_second_writer_is_told_that_the_database_is_locked(engine: Engine) -> None:
    """A write waits for the other one as long as it was told to, then says so in a sentence."""
    with writing(engine), pytest.raises(StorageUnavailable, match="locked by another program"), writing(engine):
        pass
    engine.dispose()


def test_a_new_database_that_is_locked_is_waited_for(tmp_path: Path) -> None:
    """Two who make the same database at once wait for each other, as long as they were told to."""
    other = sqlite3.connect(tmp_path / "new.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    engine = open_engine(f"sqlite:///{tmp_path}/new.db", busy_seconds=0.05)
    with pytest.raises(StorageUnavailable, match="locked by another program"), reading(engine):
        pass
    other.execute("COMMIT")
    with reading(engine) as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    other.close()
    engine.dispose()


def test_a_connection_too_many_is_a_sentence(engine: Engine) -> None:
    """Too many at once are told to come back, and nobody waits for ever."""
    with ExitStack() as crowd, pytest.raises(StorageUnavailable, match="Every connection"):
        for _ in range(100):
            crowd.enter_context(reading(engine))
    engine.dispose()


def test_a_reader_does_not_wait_for_a_writer(engine: Engine) -> None:
    """A reader sees the state before an unfinished write, and keeps seeing it until its block ends."""
    with reading(engine) as reader:
        assert reader.execute(COUNT).scalar() == 0
        with writing(engine) as writer:
            writer.execute(ADD, {"name": "mara"})
            assert reader.execute(COUNT).scalar() == 0
        assert reader.execute(COUNT).scalar() == 0
    with reading(engine) as reader:
        assert reader.execute(COUNT).scalar() == 1
    engine.dispose()


def test_a_write_that_raises_leaves_nothing(engine: Engine) -> None:
    """A transaction is kept whole or not at all."""
    with pytest.raises(ZeroDivisionError), writing(engine) as connection:
        connection.execute(ADD, {"name": "mara"})
        raise ZeroDivisionError
    with reading(engine) as connection:
        assert connection.execute(COUNT).scalar() == 0
    engine.dispose()


def test_a_missing_database_is_named_and_not_made(tmp_path: Path) -> None:
    """Serving never creates an empty file in place of the database that was expected."""
    engine = open_engine(f"sqlite:///{tmp_path}/absent.db", busy_seconds=0.01)
    with pytest.raises(StorageUnavailable, match="moderation init"), reading(engine):
        pass
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    """A wrong file is refused with a sentence, not with the driver's error."""
    (tmp_path / "letter.db").write_bytes(b"Dear reader, this is a letter and no database. " * 50)
    engine = open_engine(f"sqlite:///{tmp_path}/letter.db", busy_seconds=0.01)
    with pytest.raises(StorageUnavailable, match="not an SQLite database"), reading(engine):
        pass
    engine.dispose()


def test_a_database_without_tables_points_to_init(tmp_path: Path) -> None:
    """A table that is not there means that nobody ran `moderation init`."""
    (tmp_path / "empty.db").touch()
    engine = open_engine(f"sqlite:///{tmp_path}/empty.db", busy_seconds=0.01)
    with pytest.raises(StorageUnavailable, match="moderation init"), reading(engine) as connection:
        connection.execute(COUNT)
    engine.dispose()


def test_no_error_shows_what_was_written(engine: Engine) -> None:
    """A parameter may be a comment's text: neither the error nor its cause repeats it."""
    statement = text("INSERT INTO no_such_table VALUES (:words)")
    with pytest.raises(StorageUnavailable) as caught, writing(engine) as connection:
        connection.execute(statement, {"words": "a private remark"})
    assert "private" not in f"{caught.value}{caught.value.__cause__}"
    engine.dispose()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "nonsense", "nosuch://host/name"])
def test_a_url_that_cannot_work_is_refused(url: str) -> None:
    """An operator hears of a wrong database URL before anything starts."""
    with pytest.raises(InputRefused, match="database URL"):
        open_engine(url, busy_seconds=1)
