"""The migrations create the tables of the code, and each version of the database is recognised."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, Row, inspect, text

import moderation.storage
from moderation.domain.errors import StorageUnavailable
from moderation.domain.people import Grant, Role
from moderation.domain.retention import DEFAULT_RETENTION, KEEP_ALL
from moderation.domain.thresholds import Thresholds
from moderation.storage import decisions, grants, identities, moderators, retention, sessions, sites, tables, totp
from moderation.storage.engine import open_engine, read_transaction, write_transaction
from moderation.storage.migrate import FIRST_COMPATIBLE, HEAD, open_current, schema_state, upgrade
from moderation.storage.operator_tables import moderators as moderators_table
from moderation.storage.operator_tables import sessions as sessions_table

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
OLDER_ROWS = """
INSERT INTO sites (id, url, created_at) VALUES (1, 'https://a.example', '2026-01-02 12:00:00');
INSERT INTO comments (id, site_id, content_key, text, received_at)
    VALUES (1, 1, 'abcdef', 'Hello', '2026-01-02 12:00:00');
INSERT INTO decisions (id, site_id, comment_id, probability, logit, bias, reasons, model,
    review_line, spam_line, discard_line, verdict, degraded, door, made_at)
VALUES ('00000000000000000000000000000000', 1, 1, 0.5, 0, 0, '[]', 'small',
    0.5, 0.9, 0.99, 'review', FALSE, 'api', '2026-01-02 12:00:00')
"""
MARKED_FROM = "0049"
SCRIPTS = Path(moderation.storage.__file__).parent / "migrations"


def alembic_config(connection: Connection) -> Config:
    """Return what Alembic needs to migrate the database of a connection."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(SCRIPTS))
    return config


@pytest.fixture
def url(new_database: Callable[[str], str]) -> str:
    return new_database("moderation")


@pytest.fixture
def engine(url: str) -> Engine:
    upgrade(url)
    return open_engine(url, busy_timeout_seconds=10)


def test_head_is_the_newest_script() -> None:
    """The serving process compares with a constant, so the constant must follow the scripts."""
    assert ScriptDirectory(str(SCRIPTS)).get_heads() == [HEAD]


def test_revisions_sort_in_their_order() -> None:
    """Versions are compared as text: every revision is greater than the former one."""
    script = ScriptDirectory(str(SCRIPTS))
    newest_first = [revision.revision for revision in script.walk_revisions()]
    assert newest_first == sorted(newest_first, reverse=True)
    assert all(len(revision) == 4 for revision in newest_first)


# SQLAlchemy compares no index on an expression in SQLite; the plans of its queries are tested instead.
@pytest.mark.filterwarnings("ignore:.*expression-based index")
def test_migrations_create_the_tables(engine: Engine) -> None:
    """The migrated tables equal those of the code, column by column."""
    with read_transaction(engine) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, tables.metadata) == []
    engine.dispose()


def test_migrations_can_be_taken_back(engine: Engine) -> None:
    """Every migration can be undone and done again."""
    with write_transaction(engine) as connection:
        config = alembic_config(connection)
        command.downgrade(config, "base")
        assert inspect(connection).get_table_names() == ["alembic_version"]
        command.upgrade(config, "head")
    assert schema_state(engine).problem is None
    engine.dispose()


def test_a_second_upgrade_changes_nothing(url: str, engine: Engine) -> None:
    """`moderation init` on a database in use changes nothing."""
    with write_transaction(engine) as connection:
        connection.execute(tables.sites.insert(), {"url": "https://a.example", "created_at": NOON})
    upgrade(url)
    with read_transaction(engine) as connection:
        assert connection.execute(tables.sites.select()).all()
    engine.dispose()


def test_decisions_before_calibrations_read_back(url: str, engine: Engine) -> None:
    """A database of an older version keeps its sites and decisions; no site has a calibration."""
    with write_transaction(engine) as connection:
        config = alembic_config(connection)
        command.downgrade(config, "0002")
        for statement in OLDER_ROWS.split(";"):
            connection.exec_driver_sql(statement)
    engine.dispose()
    upgrade(url)
    # The migration gave the database an identity that the first engine does not know.
    upgraded = open_engine(url, busy_timeout_seconds=10)
    with read_transaction(upgraded) as connection:
        (site,) = sites.active(connection)
        assert (site.budget, site.stored_calibration, site.thresholds) == (None, None, None)
        row = decisions.find(connection, site.id, "0" * 32)
        assert row is not None and row[0].calibration is None and row[0].thresholds == Thresholds(0.5, 0.9, 0.99)
    upgraded.dispose()


def test_sessions_before_oidc_go_on(url: str, engine: Engine) -> None:
    """They have no second factor of a provider. A process of the version before still begins some."""
    with write_transaction(engine) as connection:
        config = alembic_config(connection)
        command.downgrade(config, "0046")
        mara = moderators.add(connection, "mara", "hash", NOON)
        row = {"moderator_id": mara.id, "expires_at": NOON + timedelta(hours=1)}
        connection.execute(sessions_table.insert(), {**row, "digest": "a"})
        command.upgrade(config, "head")
        connection.execute(sessions_table.insert(), {**row, "digest": "b"})
        sessions.add(connection, "c", mara.id, NOON + timedelta(hours=1), has_second_factor=True)
        assert [sessions.has_second_factor(connection, digest) for digest in "abcd"] == [False, False, True, False]
        identities.add(connection, "https://login.example", "1", mara.id, NOON)
        command.downgrade(config, "0046")
        found = {sessions.find_moderator(connection, digest, NOON) for digest in "abc"}
        assert {moderator and moderator.name for moderator in found} == {"mara"}
        command.upgrade(config, "head")
        assert identities.subjects(connection) == {}
    engine.dispose()


def test_moderators_before_totp_sign_in_as_before(url: str, engine: Engine) -> None:
    """They keep password, roles and sessions, and have no TOTP. Taken back, the migration leaves them again."""
    with write_transaction(engine) as connection:
        config = alembic_config(connection)
        command.downgrade(config, "0044")
        mara = moderators.add(connection, "mara", "hash", NOON).id
        row = {"digest": "digest", "moderator_id": mara, "expires_at": NOON + timedelta(hours=1)}
        connection.execute(sessions_table.insert(), row)
        grants.add(connection, mara, "mara", Grant(Role.OWNER), "cli", NOON)
        command.upgrade(config, "head")
        found = moderators.find(connection, "mara")
        assert found and not found[0].has_totp and found[0].access.grants == (Grant(Role.OWNER),)
        assert sessions.find_moderator(connection, "digest", NOON) == found[0]
        totp.put_pending(connection, mara, "encrypted")
        command.downgrade(config, "0044")
        assert connection.execute(moderators_table.select()).one().password_hash == "hash"
        command.upgrade(config, "head")
        assert totp.find(connection, mara) is None
    engine.dispose()


def test_sites_before_retention_keep_everything(url: str, engine: Engine) -> None:
    """An upgrade deletes nothing. A new site has the default."""
    with write_transaction(engine) as connection:
        config = alembic_config(connection)
        command.downgrade(config, "0047")
        connection.execute(
            text("INSERT INTO sites (url, created_at) VALUES ('https://old.example', CURRENT_TIMESTAMP)")
        )
        command.upgrade(config, "head")
        sites.add(connection, "https://new.example", NOON)
        kept = {site.url: site.retention for site in retention.list_sites(connection)}
    assert kept == {"https://old.example": KEEP_ALL, "https://new.example": DEFAULT_RETENTION}
    engine.dispose()


@pytest.mark.sqlite("PostgreSQL has a type for times")
def test_times_in_text_become_numbers_and_text_again(url: str, engine: Engine) -> None:
    """With and without a fraction, also before 1970; a missing time stays missing."""
    texts = ["2026-01-02 12:00:00.345678", "1969-12-31 23:59:59.999999", "1970-01-01 00:00:00.000000"]
    with write_transaction(engine) as connection:
        config = alembic_config(connection)
        command.downgrade(config, "0040")
        for number, moment in enumerate([*texts, "2026-01-02 12:00:00"]):
            connection.exec_driver_sql(f"INSERT INTO sites (url, created_at) VALUES ('https://{number}', '{moment}')")
        command.upgrade(config, "head")
        found = connection.execute(tables.sites.select().order_by(tables.sites.c.id)).all()
        assert [str(site.created_at.replace(tzinfo=None)) for site in found] == [
            "2026-01-02 12:00:00.345678",
            "1969-12-31 23:59:59.999999",
            "1970-01-01 00:00:00",
            "2026-01-02 12:00:00",
        ]
        assert {site.removed_at for site in found} == {None}
        command.downgrade(config, "0040")
        assert connection.exec_driver_sql("SELECT created_at FROM sites ORDER BY id").scalars().all()[:3] == texts
    engine.dispose()


@pytest.mark.sqlite("on PostgreSQL a migration waits")
def test_an_upgrade_against_a_lock_leaves_nothing(url: str) -> None:
    """A migration happens wholly or not at all: after the busy timeout there is no table."""
    blocker = open_engine(url, busy_timeout_seconds=0.01, create=True)
    with write_transaction(blocker), pytest.raises(StorageUnavailable, match="locked"):
        upgrade(url, busy_timeout_seconds=0.01)
    with read_transaction(blocker) as connection:
        assert inspect(connection).get_table_names() == []
    blocker.dispose()


def test_a_current_database_has_no_problem(engine: Engine) -> None:
    """A database of this version is served."""
    assert schema_state(engine).problem is None
    engine.dispose()


@pytest.mark.sqlite("PostgreSQL's databases are created by the operator")
def test_a_missing_database_points_to_init(url: str) -> None:
    """The sentence names the command that creates one."""
    assert "moderation init" in str(schema_state(open_engine(url, busy_timeout_seconds=10)).problem)


def test_an_empty_database_points_to_init(url: str) -> None:
    """The sentence names the command that fills it."""
    engine = open_engine(url, busy_timeout_seconds=10, create=True)
    assert "is empty; run `moderation init`" in str(schema_state(engine).problem)
    engine.dispose()


def test_an_older_database_points_to_init(engine: Engine) -> None:
    """The sentence names the command that migrates it."""
    _set_revision(engine, "0000")
    assert "older version (0000" in str(schema_state(engine).problem)
    assert "moderation init" in str(schema_state(engine).problem)
    engine.dispose()


def test_each_migration_names_the_oldest_program_that_serves_after_it() -> None:
    """A step that only expands keeps that of the step before; none names a program that is older, or newer than it."""
    migrations = reversed(list(ScriptDirectory(str(SCRIPTS)).walk_revisions()))
    marked = [each for each in migrations if each.revision > MARKED_FROM]
    named = [getattr(each.module, "oldest_program", "") for each in marked]
    assert named == sorted(named) and min(named) >= FIRST_COMPATIBLE
    assert [each.revision for each, oldest in zip(marked, named, strict=True) if oldest > each.revision] == []


def test_an_expanded_database_is_served(url: str, engine: Engine) -> None:
    """A newer program has migrated it, and this one goes on, also after a restart with `moderation init`."""
    _set_revision(engine, "9999", oldest_program=HEAD)
    assert schema_state(engine).problem is None and "(9999, not" in str(schema_state(engine).notice)
    assert upgrade(url) is False
    with open_current(url, 10) as current:
        assert schema_state(current).revision == "9999"
    engine.dispose()


def test_a_migration_names_the_oldest_program(engine: Engine) -> None:
    """The database says which programs can serve on it: an older one does not know the migrations."""
    newest = ScriptDirectory(str(SCRIPTS)).get_revision(HEAD).module
    with read_transaction(engine) as connection:
        assert connection.execute(tables.installation.select()).one().oldest_program == newest.oldest_program
    engine.dispose()


def test_a_newer_database_stays_unchanged(url: str, engine: Engine) -> None:
    """Neither serving nor `moderation init` touches a schema that this program does not know."""
    _set_revision(engine, "9999", oldest_program="9998")
    assert "newer version" in str(schema_state(engine).problem)
    with pytest.raises(StorageUnavailable, match="newer version"):
        upgrade(url)
    engine.dispose()


def test_each_database_has_its_own_identity(new_database: Callable[[str], str]) -> None:
    """Two databases that were created alike have different ids, and neither has a check value of a secret yet."""
    rows: list[Row[Any]] = []
    for name in ("one", "two"):
        url = new_database(name)
        upgrade(url)
        engine = open_engine(url, busy_timeout_seconds=10)
        with read_transaction(engine) as connection:
            rows += connection.execute(tables.installation.select()).all()
        engine.dispose()
    assert len({row.id for row in rows}) == len(rows) == 2 and {row.secret_digest for row in rows} == {None}


def _set_revision(engine: Engine, revision: str, oldest_program: str = FIRST_COMPATIBLE) -> None:
    with write_transaction(engine) as connection:
        connection.execute(tables.installation.update().values(oldest_program=oldest_program))
        connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
