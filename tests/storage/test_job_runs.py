"""Jobs of several processes: one at a time runs a job, and a claim waits for no other."""

from threading import Event

import pytest
from sqlalchemy import Engine, select

from moderation.actions.background import PeriodicTask
from moderation.actions.jobs import in_one_process
from moderation.actions.services import Services
from moderation.actions.webhooks import add_webhook
from moderation.domain.webhooks import WebhookEvent
from moderation.storage import webhooks
from moderation.storage.engine import open_engine, read_transaction, write_transaction
from moderation.storage.job_runs import only_process
from moderation.storage.operator_tables import webhook_messages
from tests.conftest import Clock


@pytest.fixture
def other_engine(services: Services, database_url: str) -> Engine:
    """Return the engine of another process."""
    return open_engine(database_url, busy_timeout_seconds=5) if database_url else services.engine


@pytest.mark.postgresql
def test_one_process_at_a_time_runs_a_job(services: Services, other_engine: Engine) -> None:
    """Another job runs meanwhile. The end of the block frees the lock, an error too."""
    with only_process(services.engine, "purge") as first, only_process(other_engine, "purge") as second:
        assert (first, second) == (True, False)
        with only_process(other_engine, "shadow") as third:
            assert third
    with pytest.raises(ZeroDivisionError), only_process(services.engine, "purge"):
        raise ZeroDivisionError
    with only_process(other_engine, "purge") as free:
        assert free
    other_engine.dispose()


@pytest.mark.postgresql
def test_the_server_frees_the_lock_of_a_dead_process(services: Services, other_engine: Engine) -> None:
    """Its connection ends with it."""
    with only_process(services.engine, "purge"):
        with write_transaction(other_engine) as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid IN "
                "(SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND database = "
                "(SELECT oid FROM pg_database WHERE datname = current_database()))"
            )
        with only_process(other_engine, "purge") as free:
            assert free
    other_engine.dispose()


@pytest.mark.postgresql
def test_another_process_has_its_turn(services: Services, other_engine: Engine) -> None:
    """Its job is not run here, and counts as no run."""
    ran = Event()

    def job(_: Event) -> bool:
        ran.set()
        return False

    task = PeriodicTask(in_one_process(services, "purge", job), name="purge", pause_seconds=1)
    with only_process(other_engine, "purge"):
        assert not task.run(Event()) and not ran.is_set()
    assert task.run(Event()) and ran.is_set()
    other_engine.dispose()


@pytest.mark.sqlite("there is no such lock on it")
def test_sqlite_lets_every_process_run_a_job(services: Services) -> None:
    """The writes of a job read again."""
    with only_process(services.engine, "purge") as first, only_process(services.engine, "purge") as second:
        assert first and second


@pytest.mark.postgresql
def test_a_claim_leaves_out_a_locked_row(services: Services, other_engine: Engine, clock: Clock) -> None:
    """At once, and takes it when it is free."""
    hook = add_webhook(services, "https://hooks.example/", [WebhookEvent.HELD])
    with write_transaction(services.engine) as connection:
        webhooks.enqueue(connection, {"msg_1": hook.webhook_id}, WebhookEvent.HELD, "{}", clock())
    with read_transaction(services.engine) as connection:
        (message,) = webhooks.due(connection, clock(), 10, 10)
    with write_transaction(other_engine) as other:
        other.execute(select(webhook_messages.c.id).with_for_update())
        with write_transaction(services.engine) as connection:
            assert webhooks.claim(connection, message, clock()) is None
    with write_transaction(services.engine) as connection:
        assert webhooks.claim(connection, message, clock())
        assert webhooks.claim(connection, message, clock()) is None
    other_engine.dispose()
