"""A service with ten million decisions on PostgreSQL beside one with ten thousand: they must answer about equally fast.

A history is stored row by row, then multiplied by the server itself. Its rows are stored in the order of time, as in
years of service.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

import httpx
import numpy as np
from sqlalchemy import Connection, Table, create_engine, text

from benchmarks.growth import TABLES, YEARS, alternate, score, signed_in, store_history
from benchmarks.installation import Installation
from benchmarks.rows import BUILD, ROOT, Row, at_most_ratio, figure, unmeasured
from moderation.settings import Settings
from moderation.storage.tables import comments, decisions, labels, queue_items
from moderation.wiring import prepare
from tests.postgresql import PostgresServer, find_binaries, running_server

FEW_DECISIONS, MANY_DECISIONS = 10_000, 10_000_000
SITES = 100
MAX_SCORE_RATIO, MAX_LIST_RATIO, MAX_STATISTICS_RATIO = 1.3, 1.5, 2.0

_BASE = 100_000
"""Decisions of the larger history that are stored row by row."""
_LABELLED_COPIES = 10
"""Copies whose labels are copied too: more labels than a site has would measure the similarity index alone."""
_SCORES, _PAGES = 2_000, 40
_PURGE_SECONDS = 60.0
_SERVER = "-c shared_buffers=2GB -c max_wal_size=16GB -c maintenance_work_mem=1GB -c listen_addresses="

Request = Callable[[httpx.Client, int], httpx.Response]

_LISTS = ("/queue", "/queue/blocked", "/queue/public", "/queue/decided")
_STATISTICS = ("/queue/sites", "/queue/sites/1")
_TIMES: dict[Table, tuple[str, ...]] = {
    comments: ("received_at",),
    decisions: ("decided_at",),
    queue_items: ("opened_at", "closed_at"),
    labels: ("created_at",),
}
_NUMBERS = frozenset({(comments, "id"), (decisions, "comment_id"), (queue_items, "id"), (labels, "id")}) | frozenset(
    {(labels, "comment_id")}
)
_IDS = frozenset({(decisions, "id"), (queue_items, "decision_id")})


@dataclass(frozen=True, slots=True)
class Timed:
    """Milliseconds of the requests to the service with few decisions and to the one with many."""

    few: Sequence[float]
    many: Sequence[float]

    def ratio_row(self, name: str, of: Callable[[Sequence[float]], float], max_ratio: float) -> Row:
        """Return the row that compares both."""
        return at_most_ratio(
            f"{name}, {MANY_DECISIONS:,} decisions",
            of(self.many),
            "ms",
            baseline=f"{FEW_DECISIONS:,} decisions",
            baseline_value=of(self.few),
            max_ratio=max_ratio,
        )


def measure() -> list[Row]:
    """Fill two databases of one server, serve both, and let them take turns."""
    if find_binaries() is None:
        return [unmeasured("ten million decisions", "no PostgreSQL (apt-get install postgresql)")]
    BUILD.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD) as folder, ExitStack() as stack:
        server = stack.enter_context(running_server(_SERVER, in_memory=False))
        few, many = (_installation(server, Path(folder) / name) for name in ("few", "many"))
        _fill(few, FEW_DECISIONS, copies=1)
        start = perf_counter()
        _fill(many, _BASE, copies=MANY_DECISIONS // _BASE)
        filled = figure("a database with ten million decisions, filled in", perf_counter() - start, "s")
        clients = []
        for installation in (few, many):
            stack.callback(installation.stop)
            installation.start()
            installation.wait_until_ready()
            clients.append(stack.enter_context(signed_in(installation)))
        size = figure("its size", _query(many, "SELECT pg_database_size(current_database())") / 1e9, "GB")
        return [filled, size, *_compared(clients), *_beside_purge(many, clients[1])]


def _compared(clients: Sequence[httpx.Client]) -> Iterator[Row]:
    scores = Timed(*alternate(score, clients, _SCORES))
    yield scores.ratio_row("score, median", median, MAX_SCORE_RATIO)
    yield scores.ratio_row("score, 99th percentile", lambda times: float(np.quantile(times, 0.99)), MAX_SCORE_RATIO)
    for paths, max_ratio in ((_LISTS, MAX_LIST_RATIO), (_STATISTICS, MAX_STATISTICS_RATIO)):
        for path in paths:
            yield Timed(*alternate(_page(path), clients, _PAGES)).ratio_row(path, median, max_ratio)


def _page(path: str) -> Request:
    return lambda client, _: client.get(path)


def _installation(server: PostgresServer, folder: Path) -> Installation:
    folder.mkdir()
    server.execute(f"CREATE DATABASE {folder.name}")
    return Installation(folder, server.url(folder.name), workers_number=1, has_reader=False)


def _fill(installation: Installation, decision_count: int, *, copies: int) -> None:
    """Store a history, each of its decisions `copies` times."""
    installation.prepare()
    engine = create_engine(installation.database_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        store_history(connection, decision_count, SITES)
        if copies > 1:
            multiply(connection, copies, decision_count)
        for table in (comments, queue_items, labels):
            newest = f"SELECT max(id) FROM {table.name}"
            connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), ({newest}))"))
        connection.commit()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
        connection.execute(text("CHECKPOINT"))
    engine.dispose()
    os.sync()
    # As after an upgrade: the labelled comments are indexed for the search for similar ones.
    settings = Settings(
        var=installation.var, models=installation.registry.folder, database_url=installation.database_url
    )
    prepare(settings).engine.dispose()


def multiply(connection: Connection, copies: int, decision_count: int) -> None:
    """Replace each row of the history by copies of it, which lie between it and the one before."""
    # Each row is a copy of one whose foreign keys were checked.
    connection.execute(text("SET session_replication_role = replica"))
    for table in TABLES:
        connection.execute(text(f"CREATE TEMPORARY TABLE base_{table.name} AS TABLE {table.name}"))
    connection.execute(text(f"TRUNCATE {', '.join(table.name for table in TABLES)} CASCADE"))
    seconds = YEARS.total_seconds() / (decision_count * copies)
    for table in TABLES:
        for index in table.indexes:
            index.drop(connection)
        columns = ", ".join(f'"{column.name}"' for column in table.c)
        values = ", ".join(_copied(table, column.name, copies, seconds) for column in table.c)
        last = min(copies, _LABELLED_COPIES) if table is labels else copies
        connection.execute(
            text(
                f"INSERT INTO {table.name} ({columns}) SELECT {values} FROM base_{table.name} AS base, "
                f"generate_series({last - 1}, 0, -1) AS copy ORDER BY base.ctid, copy DESC"
            )
        )
        for index in table.indexes:
            index.create(connection)


def _copied(table: Table, name: str, copies: int, seconds: float) -> str:
    """Return the expression of a column in a copy. A copy with a higher number is older."""
    column = f'base."{name}"'
    if (table, name) in _NUMBERS:
        return f"{column} * {copies} - copy"
    if (table, name) == (decisions, "label_id"):
        return f"CASE WHEN copy < {_LABELLED_COPIES} THEN {column} * {copies} - copy END"
    if (table, name) in _IDS:
        return f"md5({column} || '-' || copy)"
    if name == "content_hash":
        return f"decode(md5(encode({column}, 'hex') || copy), 'hex')"
    return f"{column} - copy * interval '{seconds} seconds'" if name in _TIMES[table] else column


def _beside_purge(installation: Installation, client: httpx.Client) -> Iterator[Row]:
    """Compare scores while old comments are purged with scores in a quiet moment."""
    quiet = [_score_milliseconds(client, number) for number in range(_SCORES)]
    command = [sys.executable, "-m", "moderation", "purge"]
    beside, started = [], perf_counter()
    with subprocess.Popen(command, cwd=ROOT, env=installation.environment, stdout=subprocess.DEVNULL) as purge:
        while purge.poll() is None and perf_counter() - started < _PURGE_SECONDS:
            beside.append(_score_milliseconds(client, _SCORES + len(beside)))
        purge.terminate()
    seconds = perf_counter() - started
    purged = _query(installation, "SELECT count(*) FROM comments WHERE purged_at IS NOT NULL")
    yield figure("comments purged a second, beside scores", purged / seconds, "comments/s")
    yield at_most_ratio(
        "score beside a purge, 99th percentile",
        float(np.quantile(beside, 0.99)),
        "ms",
        baseline="in a quiet moment",
        baseline_value=float(np.quantile(quiet, 0.99)),
        max_ratio=MAX_SCORE_RATIO,
    )


def _score_milliseconds(client: httpx.Client, number: int) -> float:
    start = perf_counter()
    score(client, number).raise_for_status()
    return 1e3 * (perf_counter() - start)


def _query(installation: Installation, statement: str) -> float:
    engine = create_engine(installation.database_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        number = float(connection.execute(text(statement)).scalar_one())
    engine.dispose()
    return number
