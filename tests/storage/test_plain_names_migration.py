"""A database of schema 0004 with rows in every table is migrated without the loss of a value."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import astuple
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Boolean, Connection, DateTime, Integer, MetaData, func, inspect, select
from sqlalchemy.types import TypeEngine

import moderation.storage
from moderation.domain.budget import Budget, Calibration, Guarantee, StoredCalibration
from moderation.domain.comment import Comment
from moderation.domain.decision import Label, LabelOrigin, LabelValue, Reason
from moderation.domain.people import ALL_SITES
from moderation.domain.queue import HELD
from moderation.domain.site import AkismetReviewSettings, ReviewAction
from moderation.domain.thresholds import Thresholds
from moderation.features import minhash
from moderation.features.parsed_comment import ParsedComment
from moderation.scoring.reasons import split_strongest
from moderation.storage import (
    calibrations,
    callbacks,
    decisions,
    labels,
    moderators,
    queue_lists,
    similarity_index,
    sites,
    tables,
)
from moderation.storage.engine import open_engine, read_transaction, write_transaction
from moderation.storage.migrate import upgrade

DUMP = Path(__file__).parent / "data" / "schema_0004.sql"
SCRIPTS = Path(moderation.storage.__file__).parent / "migrations"
OLD_TABLES = {"bands": "similarity_index", "items": "queue_items", "standings": "calibrations"}
NEW_CODES = {
    "ANCHOR_ASTRAY": "ANCHOR_OFF_TOPIC",
    "CASE_NOISE": "MIXED_CASE",
    "CRAFT": "TECHNICAL",
    "DIALOGUE": "CONVERSATION",
    "EMAIL_CHEAP": "EMAIL_CHEAP_TLD",
    "EMPTY_HANDED": "NOTHING_PROMOTED",
    "HANDLE": "MESSENGER_HANDLE",
    "HASTY": "TOO_FAST",
    "HIDDEN_CHARACTERS": "INVISIBLE_CHARACTERS",
    "INVITATION": "CALL_TO_ACTION",
    "LINK_ABRUPT": "LINK_UNINTRODUCED",
    "LINK_CHEAP": "LINK_CHEAP_TLD",
    "LINK_FREE_PAGE": "LINK_FREE_HOSTING",
    "LINK_HOME": "LINK_INTERNAL",
    "LINK_PARCEL_PATH": "LINK_FORUM_PROFILE",
    "LINK_ROOT": "LINK_HOME_PAGE",
    "NAME_ORDINARY": "NAME_DICTIONARY_WORDS",
    "ON_TAG": "PAGE_TAG_IN_TEXT",
    "REQUEST": "OPENS_WITH_REQUEST",
    "TRAP_FILLED": "HONEYPOT",
    "UNTYPED": "FEW_KEYSTROKES",
    "URL_CHEAP": "URL_CHEAP_TLD",
    "URL_FREE_PAGE": "URL_FREE_HOSTING",
    "URL_PARCEL_PATH": "URL_FORUM_PROFILE",
    "URL_REFERENCE": "URL_WELL_KNOWN_SITE",
    "VARIETY": "WORD_VARIETY",
}
RARE_CODES_ID = "0" * 32
"""A decision with every renamed code, of which the others have only some."""

Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture
def old(tmp_path: Path) -> Rows:
    """Create the old database in `tmp_path` and return its rows by table."""
    database = sqlite3.connect(tmp_path / "moderation.db")
    database.executescript(DUMP.read_text("utf-8"))
    reasons = json.dumps([[code, 0.5, "detail", [["text", 0, 1]]] for code in NEW_CODES])
    database.execute(
        "INSERT INTO decisions SELECT ?, site_id, comment_id, probability, logit, bias, ?, model, review_line,"
        " spam_line, discard_line, verdict, degraded, door, made_at, 1, step, standing_id FROM decisions LIMIT 1",
        (RARE_CODES_ID, reasons),
    )
    database.commit()
    database.row_factory = sqlite3.Row
    names = [row["name"] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    rows = {name: [dict(row) for row in database.execute(f"SELECT * FROM {name}")] for name in names}
    database.close()
    return rows


@pytest.fixture
def url(old: Rows, new_database: Callable[[str], str]) -> str:
    url = new_database("moderation")
    if url.startswith("postgresql"):
        copy_rows(old, url)
    return url


def copy_rows(old: Rows, url: str) -> None:
    """Fill a PostgreSQL database of schema 0004 with the rows of the old one."""
    engine = open_engine(url, busy_timeout_seconds=5)
    with write_transaction(engine) as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(SCRIPTS))
        command.upgrade(config, "0004")
        schema = MetaData()
        schema.reflect(connection)
        for table in schema.sorted_tables:
            if table.name == "alembic_version":
                continue
            rows = [{name: stored(table.c[name].type, value) for name, value in row.items()} for row in old[table.name]]
            connection.execute(table.insert(), rows)
            if "id" in table.c and isinstance(table.c.id.type, Integer):
                newest = f"(SELECT max(id) FROM {table.name})"
                connection.exec_driver_sql(f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), {newest})")
    engine.dispose()


def stored(column_type: TypeEngine[Any], value: Any) -> Any:
    """Return a value of SQLite as PostgreSQL takes it."""
    if isinstance(column_type, Boolean):
        return bool(value)
    return time(value) if isinstance(column_type, DateTime) else value


@pytest.fixture
def connection(old: Rows, url: str) -> Iterator[Connection]:
    """Upgrade the old database, twice, and yield a connection to it."""
    upgrade(url)
    upgrade(url)
    engine = open_engine(url, busy_timeout_seconds=10)
    with read_transaction(engine) as opened:
        yield opened
    engine.dispose()


def time(stored: str | None) -> datetime | None:
    return datetime.fromisoformat(stored).replace(tzinfo=UTC) if stored else None


def guarantee(stored: str | None) -> Guarantee | None:
    if stored is None:
        return None
    values = json.loads(stored)
    return Guarantee(threshold=values.pop("line"), max_rate=values.pop("allowed"), **values)


def counts(connection: Connection, names: list[str]) -> dict[str, int]:
    return {name: connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar_one() for name in names}


def migrate_to(url: str, revision: str) -> None:
    engine = open_engine(url, busy_timeout_seconds=10)
    with write_transaction(engine) as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(SCRIPTS))
        command.downgrade(config, revision)
    engine.dispose()


def test_the_dump_has_rows_in_every_table(old: Rows) -> None:
    """An empty table would prove nothing below."""
    assert all(old.values()) and old["alembic_version"] == [{"version_num": "0004"}]


# SQLAlchemy compares no index on an expression in SQLite; the plans of its queries are tested instead.
@pytest.mark.filterwarnings("ignore:.*expression-based index")
def test_the_schema_is_that_of_a_new_database(connection: Connection) -> None:
    """Column by column, with indexes and constraints, and no old table is left."""
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    assert compare_metadata(context, tables.metadata) == []
    assert not set(OLD_TABLES) & set(inspect(connection).get_table_names())


def test_each_decision_is_there_with_its_comment(connection: Connection, old: Rows) -> None:
    """Reasons have the new codes, the strongest first, and no spans; all other values are the same."""
    comments = {row["id"]: row for row in old["comments"]}
    standings = {row["id"]: row for row in old["standings"]}
    for row in old["decisions"]:
        stored = decisions.find(connection, row["site_id"], row["id"])
        assert stored is not None
        decision, comment_id = stored
        comment = comments[row["comment_id"]]
        assert comment_id == row["comment_id"]
        assert decision.comment == Comment(*(comment[name] for name in Comment.__dataclass_fields__))
        expected = [
            (NEW_CODES.get(code, code), *rest[:1], *(rest[1:2] or [""])) for code, *rest in json.loads(row["reasons"])
        ]
        strongest, others = split_strongest([Reason(*reason) for reason in expected])
        assert list(decision.score.reasons) == strongest + others
        assert (decision.score.probability, decision.score.logit, decision.score.bias, decision.score.model) == (
            row["probability"], row["logit"], row["bias"], row["model"],
        )  # fmt: skip
        assert astuple(decision.thresholds) == (row["review_line"], row["spam_line"], row["discard_line"])
        assert (decision.verdict, decision.degraded, decision.decided_at) == (
            row["verdict"], bool(row["degraded"]), time(row["made_at"]),
        )  # fmt: skip
        assert (decision.calibration and decision.calibration.stage) == row["step"]
        standing = standings.get(row["standing_id"])
        review = decision.calibration.review if decision.calibration else None
        assert review == (guarantee(standing["review"]) if standing else None)


def test_each_comment_keeps_its_content_hash(connection: Connection, old: Rows) -> None:
    """It is half as long now, and equals that of the same comment when a blog sends it again."""
    stored = connection.execute(select(tables.comments.c.id, tables.comments.c.content_hash)).all()
    assert {row.id: row.content_hash for row in stored} == {
        row["id"]: bytes.fromhex(row["content_key"])[:16] for row in old["comments"]
    }
    row = old["comments"][0]
    again = ParsedComment(Comment(row["text"].upper()))
    assert again.content_hash == dict(map(tuple, stored))[row["id"]]


def test_channels_and_superseded_decisions_are_kept(connection: Connection, old: Rows) -> None:
    """The statistics depend on both."""
    table = tables.decisions.c
    rows = connection.execute(select(table.id, table.channel, table.superseded)).all()
    assert {tuple(row) for row in rows} == {
        (row["id"], row["door"], bool(row["superseded"])) for row in old["decisions"]
    }


def test_each_label_is_there(connection: Connection, old: Rows) -> None:
    """In the order of the log, with withdrawals, authors, channels and times."""
    names = ("id", "site_id", "comment_id", "value", "labelled_by", "channel", "created_at")
    columns = [tables.labels.c[name] for name in names]
    stored = connection.execute(select(*columns).order_by(tables.labels.c.id)).all()
    assert [tuple(row) for row in stored] == [
        (*(row[name] for name in ("id", "site_id", "comment_id", "value", "who", "source")), time(row["given_at"]))
        for row in old["labels"]
    ]
    newest = {row["comment_id"]: row for row in old["labels"]}
    for comment_id, row in newest.items():
        value = row["value"] and LabelValue(row["value"])
        given_at = datetime.fromisoformat(row["given_at"]).replace(tzinfo=UTC)
        origin = LabelOrigin.IMPORT if row["source"] == "import" else LabelOrigin.SINGLE
        expected = Label(value, row["who"], row["source"], given_at, origin)
        assert labels.last(connection, comment_id) == expected


def test_each_queue_item_is_there(connection: Connection, old: Rows) -> None:
    """Open items are in the queue, skipped or not, and closed ones have their outcome."""
    open_rows = [row for row in old["items"] if row["closed_at"] is None]
    expected = [(row["decision_id"], time(row["opened_at"])) for row in reversed(open_rows)]
    held = queue_lists.page(connection, ALL_SITES, HELD._replace(include_skipped=True), "", 50, 100).comments
    assert [(each.id, each.since) for each in held] == expected
    skipped = [row["decision_id"] for row in open_rows if row["skipped_at"]]
    unskipped = queue_lists.page(connection, ALL_SITES, HELD, "", 50, 100).comments
    assert skipped and {each.id for each in unskipped} == {row["decision_id"] for row in open_rows} - {*skipped}
    columns = [tables.queue_items.c[name] for name in ("id", "site_id", "closed_by", "outcome")]
    assert {tuple(row) for row in connection.execute(select(*columns))} == {
        (row["id"], row["site_id"], row["closed_by"], row["outcome"]) for row in old["items"]
    }


def test_each_callback_is_there(connection: Connection, old: Rows) -> None:
    """With its guid, encrypted key, attempts and error; a pending one is still due."""
    names = ["decision_id", "site_id", "guid", "url", "encrypted_key", "publishes_at"]
    names += ["result", "attempts", "next_attempt_at", "delivered_at", "last_error"]
    columns = [tables.callbacks.c[name] for name in names]
    assert {tuple(row) for row in connection.execute(select(*columns))} == {
        (
            row["decision_id"], row["site_id"], row["guid"], row["url"], row["sealed_key"], time(row["publishes_at"]),
            row["result"], row["attempts"], time(row["next_at"]), time(row["told_at"]), row["problem"],
        )
        for row in old["callbacks"]
    }  # fmt: skip
    (pending,) = [row for row in old["callbacks"] if row["next_at"]]
    (due,) = callbacks.due(connection, datetime(2027, 1, 1, tzinfo=UTC), 10)
    assert (due.decision_id, due.guid, due.encrypted_key) == (
        pending["decision_id"], pending["guid"], pending["sealed_key"],
    )  # fmt: skip
    assert (due.result, due.attempts, due.private_callback) == (pending["result"], pending["attempts"], True)
    assert callbacks.list_failed(connection, ALL_SITES) == [("https://own.example", 1, pending["problem"])]


def test_each_site_has_its_settings(connection: Connection, old: Rows) -> None:
    """Thresholds, review settings, budget and calibration; a removed site stays removed."""
    blog, own = sites.active(connection)
    assert (blog.url, own.url) == ("https://blog.example", "https://own.example")
    assert [blog.created_at, own.created_at] == [time(row["created_at"]) for row in old["sites"][:2]]
    assert (blog.thresholds, blog.budget) == (None, Budget(0.01, 0.1, 0.9))
    assert (own.thresholds, own.budget, own.stored_calibration) == (Thresholds(0.3, 0.8, 0.97), None, None)
    assert own.type_thresholds == {"contact-form": Thresholds(0.6, 0.9, 1.0)}
    assert blog.akismet_review == AkismetReviewSettings()
    assert own.akismet_review == AkismetReviewSettings(ReviewAction.HOLD, 7_200, True)
    (standing,) = old["standings"]
    expected = StoredCalibration(
        standing["model"],
        Budget(0.01, 0.1, 0.9),
        Calibration(guarantee(standing["review"]), None, standing["id"]),
        59,
        0,
    )
    assert blog.stored_calibration == expected
    assert calibrations.find_newest(connection, blog.id, standing["model"], Budget(0.01, 0.1, 0.9)) == expected


def test_each_key_authenticates_its_site(connection: Connection, old: Rows) -> None:
    """Active keys do, retired ones do not; the prefix is kept for people."""
    for row in old["keys"]:
        site = sites.find_by_key(connection, row["digest"])
        assert (site.id if site else None) == (None if row["retired_at"] else row["site_id"])
    prefixes = connection.execute(select(tables.keys.c.prefix).order_by(tables.keys.c.id)).scalars()
    assert list(prefixes) == [row["hint"] for row in old["keys"]]


def test_each_moderator_is_there(connection: Connection, old: Rows) -> None:
    """With the password hash, and the next id is still a new one."""
    for row in old["moderators"]:
        stored = moderators.find(connection, row["name"])
        assert stored is not None
        moderator, password_hash = stored
        assert (moderator.id, moderator.created_at, password_hash) == (
            row["id"], time(row["created_at"]), row["password_hash"],
        )  # fmt: skip
    largest = max(row["id"] for row in old["moderators"])
    if connection.dialect.name == "sqlite":
        sequence = "SELECT seq FROM sqlite_sequence WHERE name = 'moderators'"
    else:
        sequence = "SELECT last_value FROM moderators_id_seq"
    assert connection.exec_driver_sql(sequence).scalar() == largest


def test_the_similarity_index_is_kept(connection: Connection, old: Rows) -> None:
    """Each entry is there, and candidates are found by the bands of a comment."""
    rows = connection.execute(select(*tables.similarity_index.c)).all()
    names = ("site_id", "value", "band", "comment_id", "version")
    assert {tuple(row) for row in rows} == {tuple(row[name] for name in names) for row in old["bands"]}
    band_hashes = [row["band"] for row in old["bands"] if row["comment_id"] == 1]
    found = similarity_index.candidates(
        connection, 1, LabelValue.HAM, band_hashes, exclude=None, limit=5, limit_per_band=50
    )
    assert found == [1] and len(band_hashes) == len(minhash.lsh_bands("any"))


def test_a_downgrade_and_another_upgrade_keep_every_row(old: Rows, url: str) -> None:
    """Both directions keep the numbers of rows and the values of a decision."""
    own = {name: rows for name, rows in old.items() if name not in {"alembic_version", "sqlite_sequence"}}
    upgrade(url)
    migrate_to(url, "0004")
    engine = open_engine(url, busy_timeout_seconds=10)
    with read_transaction(engine) as connection:
        assert counts(connection, list(own)) == {name: len(rows) for name, rows in own.items()}
        codes = connection.exec_driver_sql(f"SELECT reasons FROM decisions WHERE id = '{RARE_CODES_ID}'").scalar_one()
        assert [code for code, *_ in json.loads(codes)] == list(NEW_CODES)
    engine.dispose()
    upgrade(url)
    engine = open_engine(url, busy_timeout_seconds=10)
    with read_transaction(engine) as connection:
        new_names = {name: OLD_TABLES.get(name, name) for name in own}
        new_counts = counts(connection, list(new_names.values()))
        assert new_counts == {new: len(old[name]) for name, new in new_names.items()}
        decided = connection.execute(select(func.max(tables.decisions.c.decided_at))).scalar_one()
        assert decided - max(filter(None, (time(row["made_at"]) for row in old["decisions"]))) == timedelta()
    engine.dispose()
