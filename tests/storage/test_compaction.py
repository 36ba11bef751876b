"""Rewriting a PostgreSQL database: no deleted row is left in its tables, or the operator learns why."""

from collections.abc import Iterator
from threading import Timer

import pytest
from sqlalchemy import Engine, make_url

from moderation.domain.errors import StorageUnavailable
from moderation.storage import postgresql_compaction
from moderation.storage.compaction import MAX_BYTES, compact
from moderation.storage.engine import open_engine, read_transaction, write_transaction
from tests.postgresql import PostgresServer

pytestmark = pytest.mark.postgresql

ADD = "INSERT INTO moderators (name, password_hash, created_at) VALUES ('mara', 'x', now())"
DELETE = "DELETE FROM moderators"
SIZE = "SELECT pg_relation_size('moderators')"


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Return an engine whose database has a deleted row."""
    engine = open_engine(database_url, busy_timeout_seconds=1)
    for statement in (ADD, DELETE):
        with write_transaction(engine) as connection:
            connection.exec_driver_sql(statement)
    yield engine
    engine.dispose()


def size(engine: Engine) -> int:
    with read_transaction(engine) as connection:
        return int(connection.exec_driver_sql(SIZE).scalar_one())


def test_an_erasure_leaves_the_rewriting_to_the_operator(engine: Engine) -> None:
    """It would lock the tables of all machines at any time of the day."""
    assert not compact(engine, MAX_BYTES).rewritten and size(engine) > 0


def test_a_deleted_row_is_gone(engine: Engine) -> None:
    """The next user of a connection has the timeout of the settings again."""
    assert compact(engine) == ("postgresql", True, True)
    assert size(engine) == 0
    with read_transaction(engine) as connection:
        assert connection.exec_driver_sql("SHOW statement_timeout").scalar() == "1s"


def test_an_older_transaction_is_waited_for(engine: Engine, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server keeps rows for it. If it does not end, nothing is rewritten and the message says so."""
    monkeypatch.setattr(postgresql_compaction, "MAX_WAIT_SECONDS", 0.3)
    other = open_engine(database_url, busy_timeout_seconds=5)
    with write_transaction(engine) as connection:
        connection.exec_driver_sql(ADD)
    with other.connect().execution_options(isolation_level="REPEATABLE READ") as reading:
        reading.exec_driver_sql("SELECT 1")
        with write_transaction(engine) as connection:
            connection.exec_driver_sql(DELETE)
        with pytest.raises(StorageUnavailable, match="A long transaction keeps deleted rows"):
            compact(engine)
        assert size(engine) > 0
        monkeypatch.setattr(postgresql_compaction, "MAX_WAIT_SECONDS", 30)
        Timer(0.5, reading.rollback).start()
        compact(engine)
    assert size(engine) == 0
    other.dispose()


def test_a_role_that_owns_the_tables_alone_is_refused(postgres_server: PostgresServer) -> None:
    """The planner's statistics have names and addresses, and PostgreSQL would skip them with a mere warning."""
    postgres_server.execute("CREATE ROLE tenant LOGIN")
    with postgres_server.database() as url:
        name = make_url(url).database
        assert name
        postgres_server.execute("ALTER TABLE alembic_version OWNER TO tenant", name)
        tenant = open_engine(postgres_server.url(name, "tenant"), busy_timeout_seconds=1)
        with pytest.raises(StorageUnavailable, match="make it the owner of the database"):
            compact(tenant)
        tenant.dispose()
    postgres_server.execute("DROP ROLE tenant")


def test_segments_that_a_replica_needs_are_named(engine: Engine, postgres_server: PostgresServer) -> None:
    """A slot keeps the log of its replica, with the deleted rows."""
    postgres_server.execute("SELECT pg_create_physical_replication_slot('behind', true)")
    try:
        assert compact(engine) == ("postgresql", True, False)
    finally:
        postgres_server.execute("SELECT pg_drop_replication_slot('behind')")
