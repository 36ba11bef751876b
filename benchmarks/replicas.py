"""How processes on one PostgreSQL learn of changes: the comparison of each request, beside LISTEN and NOTIFY.

The server runs for this benchmark alone, on a Unix socket, with its files in memory where there is room.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from threading import Thread
from time import perf_counter

import psycopg

from benchmarks.comments import diverse_comments
from benchmarks.rows import ROOT, Row, at_most_ratio, figure, unmeasured
from moderation.actions.services import Services
from moderation.actions.sites import add_site
from moderation.settings import Settings
from moderation.storage import lessons, sites
from moderation.web.app import create_app
from moderation.wiring import prepare
from tests.postgresql import PostgresServer, find_binaries, running_server

MAX_SHARE = 0.1
"""The part of a comment's time that the comparison may take."""
_COMMENTS = 400
_READS = 2_000
_WRITERS = 4
_COMMITS = 1_000
_NOTIFICATIONS = 500


def measure() -> list[Row]:
    """Return the time of the comparison, and the delay of notifications and their cost for writers."""
    if find_binaries() is None:
        return [unmeasured("How replicas learn of changes", "PostgreSQL is not installed")]
    with TemporaryDirectory() as folder, running_server() as server:
        settings = Settings(var=Path(folder) / "var", models=ROOT / "models", database_url=server.url("postgres"))
        services = prepare(settings)
        compared, requested = _comparison_seconds(services), _request_seconds(services, settings)
        services.engine.dispose()
        delays = _notification_delays(server)
        quiet, notifying = (_commits_a_second(server, statement) for statement in ("", "NOTIFY changes"))
    return [
        at_most_ratio(
            "Comparison of both versions, median",
            1e6 * compared,
            "microseconds a request",
            baseline="POST /v1/score",
            baseline_value=1e6 * requested,
            max_ratio=MAX_SHARE,
        ),
        figure("A notification arrives after the commit, median", 1e3 * median(delays), "milliseconds"),
        figure("A notification arrives after the commit, 99 %", 1e3 * quantiles(delays, n=100)[98], "milliseconds"),
        figure(f"Commits of {_WRITERS} writers", quiet, "a second"),
        figure(f"Commits of {_WRITERS} writers that notify", notifying, "a second"),
    ]


def _comparison_seconds(services: Services) -> float:
    """Return the median time in which a request learns that neither its site nor a label has changed."""
    site, _ = add_site(services, "https://blog.example")
    newest_label = partial(lessons.newest_label_id, site_id=site.id)
    seconds = []
    for _ in range(_READS):
        start = perf_counter()
        services.kept_connection.read(sites.version)
        services.kept_connection.read(newest_label)
        seconds.append(perf_counter() - start)
    return median(seconds)


def _request_seconds(services: Services, settings: Settings) -> float:
    """Return the median time of a request for a verdict, without the server's part."""
    headers = {"Authorization": f"Bearer {add_site(services, 'https://judged.example')[1]}"}
    client, seconds = create_app(services, settings).test_client(), []
    for comment in diverse_comments(_COMMENTS):
        start = perf_counter()
        answer = client.post("/v1/score", json=comment, headers=headers)
        seconds.append(perf_counter() - start)
        assert answer.status_code == 200, answer.text
    return median(seconds)


def _notification_delays(server: PostgresServer) -> list[float]:
    """Return the times from the end of a commit to the arrival of its notification at another connection."""
    with _connected(server) as listener, _connected(server) as writer:
        listener.execute("LISTEN changes")
        delays = []
        for _ in range(_NOTIFICATIONS):
            writer.execute("NOTIFY changes")
            start = perf_counter()
            next(listener.notifies())
            delays.append(perf_counter() - start)
    return delays


def _commits_a_second(server: PostgresServer, statement: str) -> float:
    """Return how many transactions writers commit side by side, each with one row and this statement."""
    with _connected(server) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS written (value text)")
    threads = [Thread(target=_commit, args=(server, statement)) for _ in range(_WRITERS)]
    start = perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return _WRITERS * _COMMITS / (perf_counter() - start)


def _commit(server: PostgresServer, statement: str) -> None:
    with _connected(server) as connection:
        for _ in range(_COMMITS):
            with connection.transaction():
                connection.execute("INSERT INTO written VALUES ('a change')")
                if statement:
                    connection.execute(statement.encode())


@contextmanager
def _connected(server: PostgresServer) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    with psycopg.connect(host=str(server.folder), user="moderation", dbname="postgres", autocommit=True) as connection:
        yield connection
