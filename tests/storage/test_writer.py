"""The writer stores all that it acknowledges, and nothing else; it never hangs, and shares the lock."""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest
from sqlalchemy import Connection, Engine, text

from moderation.domain.errors import Conflict, StorageUnavailable
from moderation.storage.engine import open_engine, read_transaction
from moderation.storage.migrate import upgrade
from moderation.storage.writer import Writer

pytestmark = pytest.mark.sqlite("a group commit is for a database with one writer")

ADD = text("INSERT INTO moderators (name, password_hash, created_at) VALUES (:name, 'x', 0)")
NAMES = text("SELECT name FROM moderators ORDER BY id")
BUSY_SECONDS = 0.3


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "moderation.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def engine(path: Path) -> Iterator[Engine]:
    engine = open_engine(f"sqlite:///{path}", BUSY_SECONDS)
    yield engine
    engine.dispose()


@pytest.fixture
def writer(engine: Engine) -> Writer:
    return Writer(engine)


def adding(name: str) -> Callable[[Connection], str]:
    def add(connection: Connection) -> str:
        connection.execute(ADD, {"name": name})
        return name

    return add


def names(engine: Engine) -> list[str]:
    with read_transaction(engine) as connection:
        return list(connection.execute(NAMES).scalars())


@contextmanager
def held_up(writer: Writer, pool: ThreadPoolExecutor) -> Iterator[None]:
    """Keep the writer within a function until the block ends, so that later writes become one group."""
    entered, released = threading.Event(), threading.Event()

    def hold_up(_: Connection) -> None:
        entered.set()
        released.wait(30)

    first = pool.submit(writer.run, hold_up)
    entered.wait(30)
    try:
        yield
    finally:
        released.set()
        wait([first], 30)


def submitted(
    writer: Writer, pool: ThreadPoolExecutor, functions: list[Callable[[Connection], str]]
) -> list[Future[str]]:
    """Hand functions to the writer, in this order, from a thread each."""
    futures = []
    for function in functions:
        futures.append(pool.submit(writer.run, function))
        while len(writer._waiting) < len(futures):  # no other sign that a thread waits
            pass
    return futures


def test_a_result_is_on_disk(writer: Writer, path: Path) -> None:
    """Another program reads what a write has returned."""
    assert writer.run(adding("ada")) == "ada"
    other = sqlite3.connect(path)
    assert other.execute("SELECT name FROM moderators").fetchall() == [("ada",)]
    other.close()


def test_writes_that_wait_together_run_in_order(writer: Writer, engine: Engine) -> None:
    """Each caller receives its own result, and the order of arrival is the order of the rows."""
    expected = [f"name {number}" for number in range(12)]
    with ThreadPoolExecutor(13) as pool:
        with held_up(writer, pool):
            futures = submitted(writer, pool, [adding(name) for name in expected])
        assert [future.result(30) for future in futures] == expected
    assert names(engine) == expected


def test_an_error_reaches_its_caller_alone(writer: Writer, engine: Engine) -> None:
    """What the failed function stored is undone; its neighbours in the group are stored."""

    def fail(connection: Connection) -> str:
        connection.execute(ADD, {"name": "undone"})
        raise Conflict("taken")

    with ThreadPoolExecutor(4) as pool:
        with held_up(writer, pool):
            before, failed, after = submitted(writer, pool, [adding("before"), fail, adding("after")])
        assert (before.result(30), after.result(30)) == ("before", "after")
        with pytest.raises(Conflict, match="taken"):
            failed.result(30)
    assert names(engine) == ["before", "after"]


def test_a_broken_transaction_reaches_its_whole_group(writer: Writer, engine: Engine) -> None:
    """SQLite undoes the whole transaction on a full disk. Then every caller of the group gets an error."""

    def break_off(connection: Connection) -> str:
        connection.exec_driver_sql("ROLLBACK")
        raise StorageUnavailable("The disk is full.")

    with ThreadPoolExecutor(4) as pool:
        with held_up(writer, pool):
            futures = submitted(writer, pool, [adding("before"), break_off, adding("after")])
        outcomes = [future.exception(30) for future in futures]
    assert [str(outcome) for outcome in outcomes[:2]] == ["The disk is full."] * 2
    assert outcomes[2] is None
    assert names(engine) == ["after"]


def test_a_full_disk_refuses_and_then_serves_again(writer: Writer, engine: Engine) -> None:
    """SQLite's own limit stands for the disk: the write is refused in a sentence, and the next small one succeeds."""

    def fill(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")
        connection.execute(ADD, {"name": "x" * 1_000_000})

    with pytest.raises(StorageUnavailable, match="disk of the database is full"):
        writer.run(fill)
    assert writer.run(adding("small")) == "small"
    assert names(engine) == ["small"]


def test_a_lock_that_is_not_released_is_an_error_in_time(writer: Writer, engine: Engine, path: Path) -> None:
    """Every caller is refused at its own deadline, and nothing of it is stored afterwards."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    start = monotonic()
    with ThreadPoolExecutor(5) as pool:
        futures = [pool.submit(writer.run, adding(f"name {number}")) for number in range(5)]
        assert all("locked by another program" in str(future.exception(30)) for future in futures)
    assert BUSY_SECONDS <= monotonic() - start < BUSY_SECONDS + 1
    other.execute("ROLLBACK")
    other.close()
    assert writer.run(adding("later")) == "later"
    assert names(engine) == ["later"]


def test_a_lock_that_is_released_is_waited_for(writer: Writer, path: Path) -> None:
    """The write begins within milliseconds of the other program's commit."""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(writer.run, adding("patient"))
        threading.Event().wait(BUSY_SECONDS / 3)
        assert not future.done()
        other.execute("COMMIT")
        assert future.result(30) == "patient"
    other.close()


def test_a_slow_function_delays_others_up_to_their_deadline(writer: Writer, engine: Engine) -> None:
    """A caller that was refused while another function ran has stored nothing, then or later."""
    with ThreadPoolExecutor(2) as pool, held_up(writer, pool):
        (late,) = submitted(writer, pool, [adding("late")])
        with pytest.raises(StorageUnavailable):
            late.result(30)
    assert names(engine) == []


def test_a_write_within_a_write_is_refused(writer: Writer, engine: Engine) -> None:
    """It would wait for itself; reading on another connection is allowed."""

    def nested(connection: Connection) -> list[str]:
        connection.execute(ADD, {"name": "outer"})
        with pytest.raises(RuntimeError, match="pass on the connection"):
            writer.run(adding("inner"))
        return names(engine)

    assert writer.run(nested) == []
    assert names(engine) == ["outer"]


def test_disposing_the_engine_closes_the_writers_connection(writer: Writer, engine: Engine, path: Path) -> None:
    """SQLite removes its side files with the last connection; the next write opens a new one."""
    writer.run(adding("first"))
    engine.dispose()
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    writer.run(adding("second"))
    assert names(engine) == ["first", "second"]


def test_a_forked_process_writes_on_its_own(writer: Writer, engine: Engine) -> None:
    """A fork in the middle of other threads' writes leaves both processes able to write."""
    stop = threading.Event()

    def write_on(thread: int) -> None:
        number = 0
        while not stop.is_set():
            writer.run(adding(f"{thread} {number}"), timeout_seconds=10)
            number += 1

    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(write_on, thread) for thread in range(2)]
        for number in range(5):
            process_id = os.fork()
            if process_id == 0:
                status = 1
                try:
                    writer.run(adding(f"child {number}"))
                    status = 0
                finally:
                    os._exit(status)
            assert os.waitpid(process_id, 0)[1] == 0
        stop.set()
        for future in running:
            future.result(30)
    stored = names(engine)
    assert len(set(stored)) == len(stored)
    assert {f"child {number}" for number in range(5)} < set(stored)
