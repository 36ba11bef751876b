"""A database with 50,000 held comments and 200,000 that people decided, in seconds.

Some hundred comments take the real way into the database. Copies of all their rows follow by SQL, at twenty sites and
over a month, so that every copy has what a stored comment has: reasons, labels, features, entries in the index.
"""

import csv
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, Table, func, select, text

from moderation.actions.check import check_comments
from moderation.actions.labelling import label_decision, remove_comment
from moderation.actions.moderators import add_moderator
from moderation.actions.services import Services
from moderation.actions.sites import add_site, set_thresholds
from moderation.domain.comment import Comment
from moderation.domain.decision import Decision, LabelValue
from moderation.domain.people import Grant, Role
from moderation.domain.site import Site
from moderation.domain.thresholds import Thresholds
from moderation.settings import Settings
from moderation.storage.columns import UtcDateTime
from moderation.storage.migrate import HEAD
from moderation.storage.tables import (
    comments,
    decisions,
    label_features,
    labels,
    metadata,
    queue_items,
    similarity_index,
)
from moderation.wiring import prepare
from tests.conftest import HOLD_ALL
from tests.e2e.service import ROOT, Service
from tests.shipped import SHIPPED_MODEL_ID

HELD, DECIDED, BLOCKED, PUBLISHED = 50, 200, 25, 25
"""Comments that take the real way, by the list that has them afterwards."""
COPIES = 1_000
"""Each comment is there so often."""

BLOG, KEY = "https://bakery.example", "00ba4e4f0001"
"""A site whose comments are all held, for the comments of one test."""
BLOCK_ALL, PUBLISH_ALL = Thresholds(1e-300, 1e-300, 1.0), Thresholds(1.0, 1.0, 1.0)
HOLD_EVEN_HAM = Thresholds(1e-300, 1.0, 1.0)
"""Lower than others: the site learns from each test, and must hold the comments of the next."""
MODERATORS = ("mara", "ben")
PASSWORD = "correct horse battery"

_SITES = 20
_MONTH = timedelta(days=30)
_COPIED = (comments, decisions, queue_items, labels, label_features, similarity_index)
_COPY = (
    "WITH RECURSIVE copy(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copy WHERE n < :copies) "
    "INSERT INTO {table} ({columns}) SELECT {values} FROM copy CROSS JOIN {table}"
)


def large_queue(folder: Path) -> Service:
    """Return a prepared service in `folder` with such a database, which is made once for all runs of the tests."""
    kept = ROOT / "build" / "queue" / _version()
    if not (kept / "filled").exists():
        shutil.rmtree(kept.parent, ignore_errors=True)
        kept.mkdir(parents=True)
        made = Service(kept)
        made.prepare()
        _fill(made)
        (kept / "filled").touch()
    shutil.copytree(kept, folder, dirs_exist_ok=True)
    return Service(folder)


def small_queue(folder: Path, fill: Callable[[Services], None] | None = None) -> Service:
    """Return a prepared service in `folder` with the blog and the moderators, and all that `fill` puts into it."""
    service = Service(folder)
    service.prepare()
    services = _open(service)
    _add_blog_and_moderators(services)
    if fill:
        fill(services)
    services.engine.dispose()
    return service


def _open(service: Service) -> Services:
    variables = service.environment
    var, models = (Path(variables[f"MODERATION_{name}"]) for name in ("VAR", "MODELS"))
    return prepare(Settings(var=var, models=models, database_url="", audit_share=0.0))


def _version() -> str:
    """Return another text after every change of this module, the model or the schema."""
    columns = [f"{table}: {table.columns}" for table in metadata.sorted_tables]
    return sha256(repr((Path(__file__).read_text("utf-8"), SHIPPED_MODEL_ID, HEAD, columns)).encode()).hexdigest()[:16]


def _fill(service: Service) -> None:
    services = _open(service)
    began = datetime.now(UTC) - _MONTH
    _take_the_real_way(replace(services, clock=lambda: began))
    with services.engine.connect() as connection:
        # A power cut would only cost a test.
        for pragma in ("synchronous = OFF", "foreign_keys = OFF", "cache_size = -1000000", "temp_store = MEMORY"):
            connection.exec_driver_sql(f"PRAGMA {pragma}")
        _copy(connection, COPIES - 1, (_MONTH - timedelta(days=1)) / COPIES)
        connection.commit()
    services.engine.dispose()


def _take_the_real_way(services: Services) -> None:
    urls = [f"https://blog{number}.example" for number in range(1, _SITES + 1)]
    for url in urls:
        add_site(services, url, None)
    texts = written_comments()
    for thresholds, number in ((BLOCK_ALL, BLOCKED), (PUBLISH_ALL, PUBLISHED), (HOLD_ALL, HELD + DECIDED)):
        site = set_thresholds(services, urls[0], thresholds)
        judged = check_comments(services, site, list(islice(texts, number)))
    _decide(services, site, judged[HELD:])
    _add_blog_and_moderators(services)


def _add_blog_and_moderators(services: Services) -> None:
    add_site(services, BLOG, KEY)
    set_thresholds(services, BLOG, HOLD_EVEN_HAM)
    for name in MODERATORS:
        add_moderator(services, name, PASSWORD, Grant(Role.OWNER))


def written_comments() -> Iterator[Comment]:
    """Yield the comments that were written for the project, ham and spam by turns."""
    with (ROOT / "data" / "starter.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield Comment(row["text"], author=row["author"] or None, url=row["url"] or None, context=row["context"])


def _decide(services: Services, site: Site, judged: Sequence[Decision]) -> None:
    """Label three of four comments by turns, and remove the others."""
    for number, decision in enumerate(judged):
        if number % 4 == 0:
            remove_comment(services, site, decision.id, "ann", "queue")
        else:
            value = LabelValue.HAM if number % 4 == 1 else LabelValue.SPAM
            label_decision(services, site, decision.id, value, "ann", "queue")


def _copy(connection: Connection, copies: int, step: timedelta) -> None:
    """Copy every row of the comments `copies` times, each copy a step later and at the next of the sites."""
    numbers = {f"max_{table.name}": _max_id(connection, table) for table in (comments, queue_items, labels)}
    numbers |= {"copies": copies, "seconds": int(step.total_seconds()), "sites": _SITES}
    for table in _COPIED:
        columns = ", ".join(column.name for column in table.columns)
        values = ", ".join(map(_copied, table.columns))
        connection.execute(text(_COPY.format(table=table.name, columns=columns, values=values)), numbers)


def _max_id(connection: Connection, table: Table) -> int:
    return int(connection.execute(select(func.max(table.c.id))).scalar_one())


def _copied(column: Column[Any]) -> str:
    """Return the SQL of a column's value in the copy number `n`, which differs where two comments would."""
    name, table = column.name, column.table.name
    if name == "site_id":
        return "(site_id - 1 + n) % :sites + 1"
    if name == "comment_id":
        return "comment_id + n * :max_comments"
    if name == "decision_id" or (table, name) == ("decisions", "id"):
        return f"substr({name}, 1, 24) || printf('%08x', n)"
    if name == "label_id":
        return "label_id + n * :max_labels"
    if name == "id":
        return f"id + n * :max_{table}"
    if name == "content_hash":
        return "CAST(hex(content_hash) || n AS BLOB)"
    if isinstance(column.type, UtcDateTime):
        return f"{name} + n * :seconds * 1000000"
    return name
