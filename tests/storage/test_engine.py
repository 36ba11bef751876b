"""The engine is durable, waits for a limited time, names every error, and notices lost files."""

import os
import resource
import shutil
import sqlite3
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from time import monotonic

import pytest
from sqlalchemy import Engine, make_url, text

from moderation.domain.errors import InvalidInput, StorageUnavailable
from moderation.storage.checkpoints import MAX_CHECKPOINT_WAIT_SECONDS, is_foreign_wal
from moderation.storage.engine import disk_problem, open_engine, read_transaction, write_transaction
from moderation.storage.migrate import upgrade

pytestmark = pytest.mark.sqlite("it is about the database files and their locks")

ADD = text("INSERT INTO moderators (name, password_hash, created_at) VALUES (:name, 'x', 0)")
COUNT = text("SELECT count(*) FROM moderators")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/odd %20 name.db"


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    upgrade(url)
    engine = open_engine(url, busy_timeout_seconds=0.01)
    yield engine
    engine.dispose()


def add(engine: Engine, name: str) -> None:
    with write_transaction(engine) as connection:
        connection.execute(ADD, {"name": name})


def count(engine: Engine) -> int:
    with read_transaction(engine) as connection:
        return int(connection.execute(COUNT).scalar_one())


@pytest.fixture
def path(url: str) -> Path:
    return Path(str(make_url(url).database))


def remove_all(path: Path) -> None:
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()


@pytest.mark.parametrize(
    ("pragma", "value"), [("synchronous", 2), ("journal_mode", "wal"), ("foreign_keys", 1), ("cache_size", -512)]
)
def test_commits_are_durable(engine: Engine, pragma: str, value: object) -> None:
    """A commit is on disk when it returns (FULL = 2), readers do not wait for writers, and references are checked."""
    with read_transaction(engine) as connection:
        assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value


def test_a_second_writer_gets_a_locked_error(engine: Engine) -> None:
    """A write waits for the other one up to the busy timeout, then fails with a sentence."""
    with (
        write_transaction(engine),
        pytest.raises(StorageUnavailable, match="locked by another program"),
        write_transaction(engine),
    ):
        pass


def test_creation_waits_for_a_locked_new_database(tmp_path: Path) -> None:
    """Two processes that create the same database at once wait for each other, up to the busy timeout."""
    other = sqlite3.connect(tmp_path / "new.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    engine = open_engine(f"sqlite:///{tmp_path}/new.db", busy_timeout_seconds=0.05)
    with pytest.raises(StorageUnavailable, match="locked by another program"), read_transaction(engine):
        pass
    other.execute("COMMIT")
    with read_transaction(engine) as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    other.close()
    engine.dispose()


def test_one_connection_too_many_is_an_error(engine: Engine) -> None:
    """A request beyond the pool fails after a limited time with a sentence."""
    with ExitStack() as connections, pytest.raises(StorageUnavailable, match="Every connection"):
        for _ in range(100):
            connections.enter_context(read_transaction(engine))


def test_a_reader_does_not_wait_for_a_writer(engine: Engine) -> None:
    """A reader sees the state before an unfinished write, and keeps seeing it until its block ends."""
    with read_transaction(engine) as reader:
        assert reader.execute(COUNT).scalar() == 0
        with write_transaction(engine) as writer:
            writer.execute(ADD, {"name": "mara"})
            assert reader.execute(COUNT).scalar() == 0
        assert reader.execute(COUNT).scalar() == 0
    with read_transaction(engine) as reader:
        assert reader.execute(COUNT).scalar() == 1


def test_a_write_that_raises_leaves_nothing(engine: Engine) -> None:
    """A transaction is stored wholly or not at all."""
    with pytest.raises(ZeroDivisionError), write_transaction(engine) as connection:
        connection.execute(ADD, {"name": "mara"})
        raise ZeroDivisionError
    with read_transaction(engine) as connection:
        assert connection.execute(COUNT).scalar() == 0


def test_a_missing_database_is_named_and_not_created(tmp_path: Path) -> None:
    """Serving never creates an empty file in place of the expected database."""
    engine = open_engine(f"sqlite:///{tmp_path}/absent.db", busy_timeout_seconds=0.01)
    with pytest.raises(StorageUnavailable, match="moderation init"), read_transaction(engine):
        pass
    assert not list(tmp_path.iterdir())


def test_a_file_of_another_kind_is_named(tmp_path: Path) -> None:
    """A wrong file is refused with a sentence, not with the error of the driver."""
    (tmp_path / "letter.db").write_bytes(b"Dear reader, this is a letter and no database. " * 50)
    engine = open_engine(f"sqlite:///{tmp_path}/letter.db", busy_timeout_seconds=0.01)
    with pytest.raises(StorageUnavailable, match="not an SQLite database"), read_transaction(engine):
        pass
    engine.dispose()


def test_a_database_without_tables_points_to_init(tmp_path: Path) -> None:
    """A missing table means that `moderation init` was not run."""
    (tmp_path / "empty.db").touch()
    engine = open_engine(f"sqlite:///{tmp_path}/empty.db", busy_timeout_seconds=0.01)
    with pytest.raises(StorageUnavailable, match="moderation init"), read_transaction(engine) as connection:
        connection.execute(COUNT)
    engine.dispose()


def test_no_error_shows_a_parameter(engine: Engine) -> None:
    """A parameter may be a comment's text: neither the error nor its cause repeats it."""
    statement = text("INSERT INTO no_such_table VALUES (:words)")
    with pytest.raises(StorageUnavailable) as caught, write_transaction(engine) as connection:
        connection.execute(statement, {"words": "a private remark"})
    assert "private" not in f"{caught.value}{caught.value.__cause__}"


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "nonsense", "nosuch://host/name"])
def test_an_unusable_url_is_refused(url: str) -> None:
    """A wrong database URL is an error before anything starts."""
    with pytest.raises(InvalidInput, match="database URL"):
        open_engine(url, busy_timeout_seconds=10)


def test_a_file_removed_during_a_write_is_not_acknowledged(engine: Engine, path: Path) -> None:
    """The commit goes into a file without a name, so the write is an error."""
    with pytest.raises(StorageUnavailable, match="gone"), write_transaction(engine) as connection:
        connection.execute(ADD, {"name": "mara"})
        remove_all(path)


def test_a_removed_file_is_noticed_by_a_new_connection(engine: Engine, path: Path) -> None:
    """`moderation init` would create an empty database, so the sentence does not suggest it."""
    add(engine, "mara")
    engine.dispose()
    path.unlink()
    with pytest.raises(StorageUnavailable, match="gone: put it back"):
        count(engine)


def test_a_second_connection_does_not_open_a_stale_wal_file(engine: Engine, path: Path, tmp_path: Path) -> None:
    """A copy beside the -wal file of the former database stays closed, also to connections that are new."""
    add(engine, "mara")
    copy = tmp_path / "copy"
    shutil.copy(path, copy)
    with read_transaction(engine):
        os.replace(copy, path)
        with pytest.raises(StorageUnavailable, match="-wal and -shm files of the former one"):
            count(engine)


def test_the_wal_file_of_a_database_that_is_away_is_kept(engine: Engine, path: Path, tmp_path: Path) -> None:
    """All connections close meanwhile. A new one must not take the -wal file, with its commits, for the other's."""
    add(engine, "mara")
    upgrade(f"sqlite:///{tmp_path}/other.db")
    os.link(path, tmp_path / "away.db")
    os.replace(tmp_path / "other.db", path)
    engine.dispose()
    with pytest.raises(StorageUnavailable, match="-wal and -shm files of the former one"):
        count(engine)
    os.replace(tmp_path / "away.db", path)
    assert count(engine) == 1


@pytest.mark.parametrize("suffix", ["-wal", "-shm"])
def test_a_removed_side_file_is_written_back(engine: Engine, url: str, path: Path, tmp_path: Path, suffix: str) -> None:
    """The former -wal file holds the only copy of recent commits."""
    add(engine, "mara")
    Path(f"{path}{suffix}").unlink()
    with pytest.raises(StorageUnavailable, match="restart the service"):
        count(engine)
    shutil.copy(path, tmp_path / "later.db")
    later = open_engine(f"sqlite:///{tmp_path}/later.db", busy_timeout_seconds=10)
    assert count(later) == 1
    later.dispose()


def test_the_side_files_of_a_link_are_compared(tmp_path: Path) -> None:
    """A database behind a symbolic link has its -wal file beside the target."""
    (tmp_path / "target").mkdir()
    (tmp_path / "link.db").symlink_to(tmp_path / "target" / "real.db")
    upgrade(f"sqlite:///{tmp_path}/link.db")
    engine = open_engine(f"sqlite:///{tmp_path}/link.db", busy_timeout_seconds=10)
    add(engine, "mara")
    (tmp_path / "target" / "real.db-wal").unlink()
    with pytest.raises(StorageUnavailable, match="restart the service"):
        count(engine)
    engine.dispose()


def test_a_restored_copy_is_opened(engine: Engine, path: Path, tmp_path: Path) -> None:
    """One transaction fails to say that the file was replaced; the next one uses the copy."""
    copy = tmp_path / "copy.db"
    with sqlite3.connect(path) as source, sqlite3.connect(copy) as target:
        source.backup(target)
    source.close()
    target.close()
    add(engine, "mara")
    remove_all(path)
    os.replace(copy, path)
    with pytest.raises(StorageUnavailable, match="the next request opens"):
        count(engine)
    assert count(engine) == 0
    add(engine, "mara")


def test_a_different_database_is_refused(engine: Engine, path: Path, tmp_path: Path) -> None:
    """Its identity differs, and it stays unchanged."""
    upgrade(f"sqlite:///{tmp_path}/other.db")
    add(engine, "mara")
    remove_all(path)
    os.replace(tmp_path / "other.db", path)
    with pytest.raises(StorageUnavailable, match="replaced"):
        count(engine)
    for _ in range(2):
        with pytest.raises(StorageUnavailable, match="different database"):
            count(engine)


def overwrite(path: Path, copy: Path) -> None:
    """Copy over the file as `cp` does: its inode stays."""
    path.write_bytes(copy.read_bytes())


def copy_database(path: Path, target: Path) -> Path:
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
    return target


def fill(engine: Engine, path: Path) -> None:
    """Add rows of several pages, and move them from the -wal file to the database file."""
    for number in range(20):
        add(engine, f"{number} {'x' * 3_000}")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@pytest.mark.parametrize("is_older_copy", [True, False])
def test_a_copy_over_the_open_file_is_noticed(
    engine: Engine, url: str, path: Path, tmp_path: Path, is_older_copy: bool
) -> None:
    """Before a commit is acknowledged, at reads, and by other processes; and only the first of each waits."""
    other = open_engine(url, busy_timeout_seconds=10)
    assert count(other) == count(engine) == 0
    if is_older_copy:
        copy = copy_database(path, tmp_path / "older.db")
        fill(engine, path)
    else:
        copy = tmp_path / "different.db"
        upgrade(f"sqlite:///{copy}")
    assert count(other) == count(engine)
    with (
        pytest.raises(StorageUnavailable, match="Another program has written"),
        write_transaction(engine) as connection,
    ):
        connection.execute(ADD, {"name": "mara"})
        overwrite(path, copy)
    for reader in (engine, other, engine):
        with pytest.raises(StorageUnavailable, match="Another program has written"):
            count(reader)
    started = monotonic()
    for reader in (engine, other) * 5:
        with pytest.raises(StorageUnavailable, match="Another program has written"):
            count(reader)
    assert monotonic() - started < MAX_CHECKPOINT_WAIT_SECONDS
    other.dispose()


def test_a_different_database_over_the_open_file_is_noticed_after_a_checkpoint(
    engine: Engine, path: Path, tmp_path: Path
) -> None:
    """A checkpoint of another process would explain the change; the identity in the file tells the two apart."""
    copy = tmp_path / "different.db"
    upgrade(f"sqlite:///{copy}")
    fill(engine, path)
    count(engine)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(str(ADD).replace(":name", "'mara'"))
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    overwrite(path, copy)
    with pytest.raises(StorageUnavailable, match="Another program has written"):
        count(engine)


def test_checkpoints_are_no_copies(url: str, path: Path) -> None:
    """Of this process or another program, whole or in part, while others read and write."""
    upgrade(url)
    engines = [open_engine(url, busy_timeout_seconds=5) for _ in range(3)]
    end = monotonic() + 1.5

    def write(engine: Engine) -> int:
        written = 0
        while monotonic() < end:
            with write_transaction(engine) as connection:
                connection.exec_driver_sql("PRAGMA wal_autocheckpoint = 20")
                connection.execute(ADD, {"name": f"{id(engine)} {written} {'x' * 3_000}"})
            written += 1
            assert count(engine) >= written
        return written

    def run_checkpoints() -> None:
        with closing(sqlite3.connect(path, timeout=5)) as connection:
            while monotonic() < end:
                for mode in ("PASSIVE", "RESTART", "TRUNCATE"):
                    connection.execute(f"PRAGMA wal_checkpoint({mode})")
                os.utime(path)

    with ThreadPoolExecutor() as pool:
        checkpoints = pool.submit(run_checkpoints)
        assert min(pool.map(write, engines)) > 0
        checkpoints.result()
    for engine in engines:
        engine.dispose()


@pytest.mark.parametrize("deletes", [False, True])
def test_a_vacuum_is_no_copy(engine: Engine, path: Path, deletes: bool) -> None:
    """It moves the table with the identity, and after a checkpoint it frees pages with the change counter as it was."""
    fill(engine, path)
    assert count(engine) == 20
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        statements = ["DELETE FROM moderators", "VACUUM"] if deletes else ["VACUUM"]
        for statement in [*statements, str(ADD).replace(":name", "'mara'"), "DELETE FROM moderators"]:
            other.execute(statement)
            other.execute("PRAGMA wal_checkpoint")
            count(engine)
    add(engine, "mara")
    assert count(engine) == 1


def test_the_page_that_sqlite_never_writes_is_not_missed(tmp_path: Path) -> None:
    """A transaction that grows a database beyond a gigabyte leaves out the page of the locks."""
    path, wal_path = tmp_path / "large.db", tmp_path / "large.db-wal"
    page_size = 2**16
    lock_page = 2**30 // page_size + 1
    with path.open("wb") as file:
        file.truncate((lock_page - 1) * page_size)
    header = struct.pack(">8xI4x8s8x", page_size, b"salts..,")
    frame = struct.pack(">II8s8x", lock_page + 1, lock_page + 1, b"salts..,") + bytes(page_size)
    wal_path.write_bytes(header + frame)
    assert not is_foreign_wal(path, wal_path)
    wal_path.write_bytes(header + struct.pack(">II8s8x", lock_page + 2, lock_page + 2, b"salts..,"))
    assert is_foreign_wal(path, wal_path)


def test_the_wal_of_a_larger_database_is_not_opened(engine: Engine, path: Path, tmp_path: Path) -> None:
    """A process that died left it behind, and an older copy was put in the place of the database."""
    older = copy_database(path, tmp_path / "older.db")
    fill(engine, path)
    add(engine, "mara")
    died = tmp_path / "died.db"
    for suffix in ("", "-wal"):
        shutil.copy(f"{path}{suffix}", f"{died}{suffix}")
    right = shutil.copy(died, tmp_path / "right.db")
    restarted = open_engine(f"sqlite:///{died}", busy_timeout_seconds=10)
    shutil.copy(older, died)
    with pytest.raises(StorageUnavailable, match="of the former one lie beside it"):
        count(restarted)
    shutil.copy(right, died)
    assert count(restarted) == 21
    restarted.dispose()


def test_closed_connections_leave_no_expectation(engine: Engine) -> None:
    """SQLite removes the -wal file with the last connection; a later connection finds another one."""
    add(engine, "mara")
    with engine.connect() as connection:
        connection.invalidate()
    assert count(engine) == 1


def test_a_disk_that_takes_no_data_is_named(engine: Engine, path: Path, tmp_path: Path) -> None:
    """The probe writes, so a limit counts like a full disk; it leaves no file behind."""
    assert disk_problem(engine) is None
    soft_limit, hard_limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard_limit))
    try:
        assert disk_problem(engine) == "The disk of the database is full: free some space."
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft_limit, hard_limit))
    names = {path.name for path in tmp_path.iterdir()}
    shutil.rmtree(tmp_path)
    assert names == {path.name} and "cannot be written to" in str(disk_problem(engine))
