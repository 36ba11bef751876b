"""PostgreSQL: transactions, timeouts, a server that stops or refuses, text that it cannot store, waiting migrations."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from math import ceil
from time import monotonic, sleep
from uuid import uuid4

import pytest
from alembic import command
from sqlalchemy import Connection, Engine, event, make_url, text

from moderation.actions.callbacks import purge_settled
from moderation.actions.check import CheckRequest, check_comment, find_decision
from moderation.actions.labelling import export_labels, import_labels, label_comment
from moderation.actions.moderators import MAX_NAME_LENGTH, add_moderator, reset_password
from moderation.actions.readiness import readiness
from moderation.actions.review import list_comments
from moderation.actions.rollout import recalibrate
from moderation.actions.services import Services
from moderation.actions.sessions import purge_expired
from moderation.actions.similarity import index_missing
from moderation.actions.sites import MAX_URL_LENGTH, add_site, find_site
from moderation.actions.statistics import Period, activity, site_statistics
from moderation.domain.comment import Comment
from moderation.domain.decision import LabelValue
from moderation.domain.errors import InvalidInput, NotFound, StorageUnavailable
from moderation.domain.queue import ListName
from moderation.domain.site import Site
from moderation.settings import Settings
from moderation.storage.engine import disk_problem, open_engine, read_transaction, write_transaction
from moderation.storage.locks import lock_comments, lock_installation
from moderation.storage.migrate import schema_state, upgrade
from moderation.storage.writer import Writer
from moderation.wiring import open_services
from tests.postgresql import PostgresServer
from tests.storage.test_migrate import alembic_config

pytestmark = pytest.mark.postgresql

ADD = text("INSERT INTO moderators (name, password_hash, created_at) VALUES (:name, 'x', now())")
COUNT = text("SELECT count(*) FROM moderators")
HOSTILE = "nul \x00, half a pair \ud800, and \U0010ffff"


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url, busy_timeout_seconds=5)
    yield engine
    engine.dispose()


@pytest.fixture
def hurried(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url, busy_timeout_seconds=0.2)
    yield engine
    engine.dispose()


@contextmanager
def refused(url: str, sentence: str) -> Iterator[None]:
    """Expect that a connection to the URL fails with this sentence."""
    engine = open_engine(url, busy_timeout_seconds=2)
    with pytest.raises(StorageUnavailable, match=sentence) as caught, read_transaction(engine) as connection:
        connection.execute(COUNT)
    engine.dispose()
    assert "stranger" not in str(caught.value) and "/tmp" not in str(caught.value)
    yield


def test_a_read_sees_one_state_and_stores_nothing(engine: Engine) -> None:
    """A write that commits meanwhile is seen by the next read only."""
    with read_transaction(engine) as reader:
        assert reader.execute(COUNT).scalar() == 0
        with write_transaction(engine) as writer:
            writer.execute(ADD, {"name": "mara"})
        assert reader.execute(COUNT).scalar() == 0
    with read_transaction(engine) as reader:
        assert reader.execute(COUNT).scalar() == 1
    with pytest.raises(StorageUnavailable, match="only be read"), read_transaction(engine) as reader:
        reader.execute(ADD, {"name": "ben"})
    with write_transaction(engine) as writer:
        writer.execute(ADD, {"name": "ben"})


def test_a_commit_is_on_disk_when_it_returns(postgres_server: PostgresServer) -> None:
    """Also where the server is configured otherwise, which would lose acknowledged decisions."""
    with postgres_server.database() as url:
        postgres_server.execute(f"ALTER DATABASE {make_url(url).database} SET synchronous_commit = off")
        engine = open_engine(url, busy_timeout_seconds=1)
        with read_transaction(engine) as connection:
            assert connection.execute(text("SHOW synchronous_commit")).scalar() == "on"
        engine.dispose()


def test_a_lock_is_waited_for_no_longer_than_the_timeout(engine: Engine, hurried: Engine) -> None:
    """The sentence names the lock."""
    with write_transaction(engine) as connection:
        lock_installation(connection)
        start = monotonic()
        with pytest.raises(StorageUnavailable, match="locked by another"), write_transaction(hurried) as other:
            lock_installation(other)
        assert monotonic() - start < 2


def test_a_statement_has_a_timeout(hurried: Engine) -> None:
    """A query that takes too long fails with a sentence that names the setting."""
    start = monotonic()
    with pytest.raises(StorageUnavailable, match="MODERATION_BUSY_TIMEOUT"), read_transaction(hurried) as connection:
        connection.execute(text("SELECT pg_sleep(60)"))
    assert monotonic() - start < 2


def test_a_transaction_has_a_timeout(hurried: Engine) -> None:
    """Many short statements take no longer than twice that of one."""
    start = monotonic()
    with pytest.raises(StorageUnavailable, match="MODERATION_BUSY_TIMEOUT"), read_transaction(hurried) as connection:
        for _ in range(100):
            connection.execute(text("SELECT pg_sleep(0.05)"))
    assert monotonic() - start < 2


def test_a_slow_transaction_has_thirty_times_as_long(hurried: Engine, database_url: str) -> None:
    """The next one on the same connection has not; a command has no limit."""
    with read_transaction(hurried, slow=True) as connection:
        for _ in range(2):
            connection.execute(text("SELECT pg_sleep(0.3)"))
        assert connection.execute(text("SHOW statement_timeout")).scalar() == "6s"
    with read_transaction(hurried) as connection:
        assert connection.execute(text("SHOW statement_timeout")).scalar() == "200ms"
    patient = open_engine(database_url, busy_timeout_seconds=0.2, patient=True)
    with read_transaction(patient) as connection:
        connection.execute(text("SELECT pg_sleep(0.3)"))
        assert connection.execute(text("SHOW statement_timeout")).scalar() == "0"
    patient.dispose()


@pytest.mark.parametrize(
    "action",
    [
        lambda services, site: site_statistics(services, site, None, Period.DAY),
        lambda services, site: activity(services, site, services.clock()),
        lambda services, _: purge_settled(services),
        lambda services, _: purge_expired(services),
        recalibrate,
        lambda services, _: index_missing(services),
        lambda services, site: list(export_labels(services, site)),
        lambda services, site: import_labels(services, site, [(Comment("hello"), LabelValue.HAM)]),
    ],
)
def test_statistics_and_maintenance_are_slow(
    services: Services, settings: Settings, site: Site, action: Callable[[Services, Site], object]
) -> None:
    """All that reads or writes as many rows as there are. A request to judge is not, but for the first after labels."""
    serving = open_services(settings)
    statements: list[str] = []
    event.listen(serving.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    action(serving, site)
    milliseconds = ceil(30_000 * settings.busy_timeout_seconds)
    assert f"SET LOCAL statement_timeout = {milliseconds}" in statements
    check_comment(serving, site, CheckRequest(Comment("hello")))
    statements.clear()
    check_comment(serving, site, CheckRequest(Comment("hello again")))
    assert statements and not any("statement_timeout" in statement for statement in statements)
    serving.engine.dispose()


@pytest.mark.parametrize("busy_timeout_seconds", [1.0, 5.0])
def test_a_deadlock_is_run_again(database_url: str, busy_timeout_seconds: float) -> None:
    """Two writes that wait for each other both succeed, also within one second, in which the server looks for none."""
    engine = open_engine(database_url, busy_timeout_seconds)
    with write_transaction(engine) as connection:
        for name in ("ann", "ben"):
            connection.execute(ADD, {"name": name})
    rename = text("UPDATE moderators SET password_hash = password_hash || 'y' WHERE name = :name")

    def update(names: tuple[str, str]) -> None:
        writer = Writer(engine)

        def both(connection: Connection) -> None:
            for name in names:
                connection.execute(rename, {"name": name})
                sleep(0.1)

        writer.run(both)

    with ThreadPoolExecutor() as pool:
        list(pool.map(update, [("ann", "ben"), ("ben", "ann")]))
    with read_transaction(engine) as connection:
        assert set(connection.execute(text("SELECT password_hash FROM moderators")).scalars()) == {"xyy"}
    engine.dispose()


def test_a_restarted_server_is_connected_to_again(engine: Engine, postgres_server: PostgresServer) -> None:
    """A connection that the server ended fails once if it is in use, and never if it is idle."""
    others = "datname = current_database() AND pid <> pg_backend_pid()"
    end_all = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"
    with pytest.raises(StorageUnavailable, match="stopping or starting"), write_transaction(engine) as connection:
        connection.execute(ADD, {"name": "mara"})
        postgres_server.execute(end_all, str(engine.url.database))
        connection.execute(COUNT)
    for name in ("ann", "ben"):
        with write_transaction(engine) as connection:
            connection.execute(ADD, {"name": name})
        postgres_server.execute(end_all, str(engine.url.database))
    with read_transaction(engine) as connection:
        assert connection.execute(COUNT).scalar() == 2


def test_each_refusal_says_what_to_do(postgres_server: PostgresServer, database_url: str) -> None:
    """No sentence shows an address, a role or a password."""
    postgres_server.execute("DROP ROLE IF EXISTS stranger")
    postgres_server.execute("CREATE ROLE stranger LOGIN PASSWORD 'right'")
    wrong = database_url.replace("//moderation@", "//stranger:wrong@")
    right = database_url.replace("//moderation@", "//stranger:right@")
    with ExitStack() as all_of_them:
        for url, sentence in (
            ("postgresql://moderation@/any?host=/nowhere", "does not answer: start it"),
            ("postgresql://moderation@127.0.0.1:9/any", "does not answer: start it"),
            (wrong, "the role or its password"),
            (postgres_server.url(f"absent_{uuid4().hex}"), "no such database"),
            (postgres_server.url("postgres", "nobody_at_all"), "the role or its password"),
            (right, "grant it"),
        ):
            all_of_them.enter_context(refused(url, sentence))


def test_too_many_connections_are_named(postgres_server: PostgresServer, database_url: str) -> None:
    """The sentence names the limit of the server."""
    name = str(open_engine(database_url, 1.0).url.database)
    postgres_server.execute("DROP ROLE IF EXISTS guest")
    postgres_server.execute("CREATE ROLE guest LOGIN CONNECTION LIMIT 1")
    postgres_server.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO guest", name)
    url = database_url.replace("//moderation@", "//guest@")
    first = open_engine(url, 1.0)
    with read_transaction(first), refused(url, "no connection left"):
        pass
    first.dispose()
    postgres_server.execute("DROP OWNED BY guest", name)
    postgres_server.execute("DROP ROLE guest")


def test_a_database_that_may_only_be_read_is_named(services: Services, database_url: str) -> None:
    """A standby server takes no decisions. The operator's own options reach the server."""
    assert all(check.ready for check in readiness(services))
    standby = open_engine(f"{database_url}&options=-c%20default_transaction_read_only%3Don", 1.0)
    assert "only be read" in str(disk_problem(standby))
    with pytest.raises(StorageUnavailable, match="only be read"), write_transaction(standby) as connection:
        connection.execute(ADD, {"name": "mara"})
    standby.dispose()


def test_any_text_is_stored(services: Services, hold_all_site: Site) -> None:
    """PostgreSQL refuses NUL and lone surrogates: both become U+FFFD, in every field."""
    comment = Comment(*[HOSTILE for _ in Comment.__dataclass_fields__])
    decision = check_comment(services, hold_all_site, CheckRequest(comment)).decision
    stored = find_decision(services, hold_all_site, decision.id)[0].comment
    expected = HOSTILE.replace("\x00", "\ufffd").replace("\ud800", "\ufffd")
    assert {getattr(stored, field) for field in Comment.__dataclass_fields__} == {expected}


def test_long_fields_fit_into_every_index(services: Services, hold_all_site: Site) -> None:
    """An entry of a B-tree has at most 2,704 bytes; content is indexed by its digest."""
    long = "".join(uuid4().hex for _ in range(4_000))
    comment = Comment(text=long, author=long, email=long, permalink=f"https://careful.example/{long}", url=long)
    first = check_comment(services, hold_all_site, CheckRequest(comment)).decision
    again = check_comment(services, hold_all_site, CheckRequest(comment, recheck=True)).decision
    assert first.id != again.id
    label_comment(services, hold_all_site, comment, LabelValue.SPAM, long, "akismet")
    import_labels(services, hold_all_site, [(comment, LabelValue.SPAM)])
    for look_up in (
        lambda: find_decision(services, hold_all_site, long),
        lambda: find_site(services, f"https://careful.example/{long}"),
        lambda: reset_password(services, long, "correct horse"),
    ):
        with pytest.raises(NotFound):
            look_up()


def test_the_longest_names_fit_into_every_index(services: Services) -> None:
    """Also in letters of four bytes, which PostgreSQL cannot compress."""
    letters = [chr(0x20000 + number) for number in range(MAX_URL_LENGTH)]
    url = f"https://blog.example/{''.join(letters)}"[:MAX_URL_LENGTH]
    add_site(services, url)
    add_moderator(services, "".join(letters[:MAX_NAME_LENGTH]), "correct horse")
    with pytest.raises(InvalidInput, match="at most 500 characters; this one has 501"):
        add_site(services, f"{url}x")
    with pytest.raises(InvalidInput, match="1 to 100"):
        add_moderator(services, "".join(letters[: MAX_NAME_LENGTH + 1]), "correct horse")


@pytest.mark.parametrize("number", [2**31, 10**10, 2**63, 10**30])
@pytest.mark.parametrize("name", list(ListName))
def test_a_number_beyond_the_column_is_a_place(services: Services, name: ListName, number: int) -> None:
    """Not an error of the database."""
    assert list_comments(services, name, after=str(number)).comments == []


def test_migrations_wait_for_each_other(postgres_server: PostgresServer) -> None:
    """Longer than the timeout of a lock; the second one finds nothing to do."""
    with postgres_server.database("template0") as url, ThreadPoolExecutor() as pool:
        engine = open_engine(url, 1.0)
        with write_transaction(engine) as connection:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({0x4D6F64657261})"))
            waiting = [pool.submit(upgrade, url, 0.1) for _ in range(4)]
            sleep(0.6)
            assert not any(upgrading.done() for upgrading in waiting)
        for upgrading in waiting:
            upgrading.result()
        assert schema_state(engine).problem is None
        engine.dispose()


def test_requests_pass_a_migration_that_waits(postgres_server: PostgresServer) -> None:
    """A long read is in its way, and each request that waits behind it waits shortly. It ends after that read."""
    with postgres_server.database() as url, ThreadPoolExecutor() as pool:
        engine = open_engine(url, 1.0)
        with write_transaction(engine) as connection:
            # The next step alters the table that is read here.
            command.downgrade(alembic_config(connection), "0049")
        with read_transaction(engine) as connection:
            connection.execute(text("SELECT id FROM installation"))
            migrating = pool.submit(upgrade, url, 30.0)
            for _ in range(100):
                with read_transaction(engine) as other:
                    other.execute(text("SELECT id FROM installation"))
                sleep(0.01)
            assert not migrating.done()
        assert migrating.result() and schema_state(engine).problem is None
        engine.dispose()


def test_a_failed_migration_leaves_nothing(postgres_server: PostgresServer) -> None:
    """A table of another program is in the way of the last step: no table of ours stays."""
    with postgres_server.database("template0") as url:
        engine = open_engine(url, 1.0)
        with write_transaction(engine) as connection:
            connection.execute(text("CREATE TABLE installation (id text)"))
        with pytest.raises(Exception, match="already exists"):
            upgrade(url)
        with read_transaction(engine) as connection:
            tables = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars()
            assert list(tables) == ["installation"]
        engine.dispose()


def test_a_locked_comment_stops_no_other(services: Services, hold_all_site: Site, engine: Engine) -> None:
    """A check of the same site, and a new decision on the same comment's site, do not wait for a label."""
    check_comment(services, hold_all_site, CheckRequest(Comment("first")))
    with write_transaction(engine) as connection:
        lock_comments(connection, [1])
        start = monotonic()
        check_comment(services, hold_all_site, CheckRequest(Comment("second")))
        assert monotonic() - start < 1
