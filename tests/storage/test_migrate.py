"""The migrations make what the tables say, and the program knows which version it meets."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text

import moderation.storage
from moderation.domain.errors import StorageUnavailable
from moderation.domain.policy import Policy
from moderation.storage import decisions, sites, tables
from moderation.storage.engine import open_engine, reading, writing
from moderation.storage.migrate import HEAD, objection, upgrade

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
OLDER_ROWS = """
INSERT INTO sites (id, url, created_at) VALUES (1, 'https://a.example', '2026-01-02 12:00:00');
INSERT INTO comments (id, site_id, content_key, text, received_at) VALUES (1, 1, 'key', 'Hello', '2026-01-02 12:00:00');
INSERT INTO decisions (id, site_id, comment_id, probability, logit, bias, reasons, model,
    review_line, spam_line, discard_line, verdict, degraded, door, made_at)
VALUES ('00000000000000000000000000000000', 1, 1, 0.5, 0, 0, '[]', 'small',
    0.5, 0.9, 0.99, 'review', 0, 'api', '2026-01-02 12:00:00')
"""
SCRIPTS = Path(moderation.storage.__file__).parent / "migrations"


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/moderation.db"


@pytest.fixture
def engine(url: str) -> Engine:
    upgrade(url)
    return open_engine(url, busy_seconds=0.01)


def test_head_is_the_newest_script() -> None:
    """The serving process compares with a constant, so the constant must follow the scripts."""
    assert ScriptDirectory(str(SCRIPTS)).get_heads() == [HEAD]


def test_revisions_sort_as_they_follow() -> None:
    """Older and newer are told by comparing text: every revision is greater than the one below it."""
    script = ScriptDirectory(str(SCRIPTS))
    newest_first = [revision.revision for revision in script.walk_revisions()]
    assert newest_first == sorted(newest_first, reverse=True)
    assert all(len(revision) == 4 for revision in newest_first)


def test_migrations_make_the_tables(engine: Engine) -> None:
    """What the migrations leave behind is what the code is written against, column by column."""
    with reading(engine) as connection:
        found = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(found, tables.metadata) == []
    engine.dispose()


def test_migrations_can_be_taken_back(engine: Engine) -> None:
    """Every migration undoes itself, and can be done again."""
    with writing(engine) as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(SCRIPTS))
        command.downgrade(config, "base")
        assert inspect(connection).get_table_names() == ["alembic_version"]
        command.upgrade(config, "head")
    assert objection(engine) is None
    engine.dispose()


def test_upgrading_twice_is_upgrading_once(url: str, engine: Engine) -> None:
    """`moderation init` on a database in use changes nothing."""
    with writing(engine) as connection:
        connection.execute(tables.sites.insert(), {"url": "https://a.example", "created_at": NOON})
    upgrade(url)
    with reading(engine) as connection:
        assert connection.execute(tables.sites.select()).all()
    engine.dispose()


def test_what_was_decided_before_standings_reads_back(url: str, engine: Engine) -> None:
    """A database of the version before keeps its sites and decisions; nobody has earned anything in it."""
    with writing(engine) as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(SCRIPTS))
        command.downgrade(config, "0002")
        for statement in OLDER_ROWS.split(";"):
            connection.exec_driver_sql(statement)
    engine.dispose()
    upgrade(url)
    with reading(engine) as connection:
        (site,) = sites.living(connection)
        assert (site.budget, site.earned, site.policy) == (None, None, None)
        found = decisions.find(connection, site.id, "0" * 32)
        assert found is not None and found[0].standing is None and found[0].policy == Policy(0.5, 0.9, 0.99)
    engine.dispose()


def test_an_upgrade_waits_its_turn_or_leaves_nothing(url: str) -> None:
    """A migration happens wholly or not at all: against a lock it gives up and no table is there."""
    blocker = open_engine(url, busy_seconds=0.01, create=True)
    with writing(blocker), pytest.raises(StorageUnavailable, match="locked"):
        upgrade(url, busy_seconds=0.01)
    with reading(blocker) as connection:
        assert inspect(connection).get_table_names() == []
    blocker.dispose()


def test_nothing_to_object_to(engine: Engine) -> None:
    """A database of this version is served."""
    assert objection(engine) is None
    engine.dispose()


def test_a_missing_database_points_to_init(url: str) -> None:
    """Missing: the operator is told what to run."""
    assert "moderation init" in str(objection(open_engine(url, busy_seconds=0.01)))


def test_an_empty_database_points_to_init(url: str, tmp_path: Path) -> None:
    """Empty: the operator is told what to run."""
    (tmp_path / "moderation.db").touch()
    engine = open_engine(url, busy_seconds=0.01)
    assert "is empty; run `moderation init`" in str(objection(engine))
    engine.dispose()


def test_an_older_database_points_to_init(engine: Engine) -> None:
    """Older: the operator is told what brings it up to date."""
    _pretend(engine, "0000")
    assert "older version (0000" in str(objection(engine))
    assert "moderation init" in str(objection(engine))
    engine.dispose()


def test_a_newer_database_is_left_alone(url: str, engine: Engine) -> None:
    """Newer: neither serving nor `moderation init` touches what this program does not know."""
    _pretend(engine, "9999")
    assert "newer version" in str(objection(engine))
    with pytest.raises(StorageUnavailable, match="newer version"):
        upgrade(url)
    engine.dispose()


def _pretend(engine: Engine, revision: str) -> None:
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
