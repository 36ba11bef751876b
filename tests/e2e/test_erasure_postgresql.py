"""Two people are erased on PostgreSQL: after the steps of docs/privacy.md, no file of the server has a byte of them."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.busy_site import SITE, add_site, client_of, files_with, fill, label_each, marked_comment, others_comment
from tests.e2e.prerequisites import require_tools, skip_or_fail
from tests.e2e.service import ROOT, Served, Service, served
from tests.postgresql import PostgresServer, find_binaries, running_server

pytestmark = pytest.mark.e2e

ROLE = "blogs"
"""A role as in docs/postgresql.md: it owns its database, and has no other right on the server."""
MARKS = ("zanzibarquux", "wollongargle")
PIECE = 6
"""A compressed text keeps eight letters together at most, so that a word of twelve has six of them in a row."""
PIECES = [mark[start : start + PIECE].encode() for mark in MARKS for start in range(len(mark) - PIECE + 1)]
COMMENTS = 300
BATCH = 50
LABELLED = 10
RECYCLING = "-c min_wal_size=160MB"
"""Ten segments of the log are kept for later use."""


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    require_tools(pg_dump="postgresql-client")
    if find_binaries() is None:
        skip_or_fail("the programs of a PostgreSQL server (of the package postgresql)")
    with running_server(RECYCLING) as server:
        server.execute(f"CREATE ROLE {ROLE} LOGIN")
        server.execute(f"CREATE DATABASE {ROLE} OWNER {ROLE}")
        yield server


@pytest.fixture
def service(server: PostgresServer, tmp_path: Path) -> Service:
    settings = {"MODERATION_DATABASE_URL": server.url(ROLE, ROLE), "MODERATION_BUSY_TIMEOUT_SECONDS": "20"}
    return add_site(Service(tmp_path, settings))


@pytest.fixture
def serving(service: Service) -> Iterator[Served]:
    with served(service) as serving:
        yield serving


def has_mark(content: bytes) -> bool:
    lowered = content.lower()
    return any(piece in lowered for piece in PIECES)


def erase_both(service: Service, port: int) -> None:
    """Erase one person by the command line, and one over HTTP."""
    receipt = service.folder / "receipt.json"
    service.moderation("privacy", "erase", SITE, "--email", f"{MARKS[0]}@ovens.example", "--receipt", str(receipt))
    verified = service.moderation("privacy", "verify", str(receipt))
    assert "Rows are left in PostgreSQL's files: run `moderation privacy compact`." in verified
    token = json.loads(service.moderation("token", "add", SITE, "eraser", "--for", "admin", "--json"))["token"]
    answer = httpx.post(
        f"http://127.0.0.1:{port}/v1/privacy/erasure",
        json={"by": "email", "value": f"{MARKS[1]}@ovens.example"},
        headers={"Authorization": f"Bearer {token}"},
        timeout=60,
        trust_env=False,
    )
    assert answer.status_code == 200 and answer.json()["labels"] == LABELLED, answer.text


def documented_grants() -> list[str]:
    """Return the statements of docs/privacy.md, for the role of this test."""
    (block,) = re.findall(r"```sql\n(.+?)```", (ROOT / "docs" / "privacy.md").read_text("utf-8"), re.DOTALL)
    return [line.replace("TO moderation", f"TO {ROLE}") for line in block.splitlines()]


def dumped(server: PostgresServer, path: Path) -> Path:
    subprocess.run(["pg_dump", "--file", path, "--host", server.folder, "--username", ROLE, ROLE], check=True)
    return path


def test_no_byte_is_left(server: PostgresServer, service: Service, serving: Served) -> None:
    """In the server's files, a dump made after, the models and all logs. Without the rights, its log alone has some."""
    data, log, models = server.folder / "data", server.folder / "log", service.folder / "models"
    with client_of(serving.port) as client:
        for mark in MARKS:
            fill(client, mark, range(COMMENTS), BATCH)
        for number in range(COMMENTS, COMMENTS + LABELLED):
            label_each(client, [(marked_comment(mark, number), "spam") for mark in MARKS])
            label_each(client, [(others_comment(number), "ham")])
    # The planner's statistics of names and addresses, and all of it on disk, as after some hours.
    server.execute("ANALYZE", ROLE)
    server.execute("CHECKPOINT")
    statistics = data / server.path_of("pg_statistic", ROLE)
    assert files_with(has_mark, data / "base") and files_with(has_mark, statistics)
    erase_both(service, serving.port)
    server.execute("CHECKPOINT")
    assert files_with(has_mark, data / "base") and files_with(has_mark, data / "pg_wal")

    assert "The server's log still has deleted rows" in service.moderation("privacy", "compact")
    server.execute("CHECKPOINT")
    assert files_with(has_mark, data) == files_with(has_mark, data / "pg_wal") != []
    for statement in documented_grants():
        server.execute(statement, ROLE)
    assert service.moderation("privacy", "compact") == "The database is rewritten.\n"
    dump = dumped(server, service.folder / "after.sql")
    serving.process.terminate()
    output, _ = serving.process.communicate(timeout=30)
    assert files_with(has_mark, data, log, models, service.folder / "var", dump) == []
    assert not has_mark(output.encode()) and "COPY public.comments" in dump.read_text("utf-8")
    assert set(service.labels().values()) == {"ham"}
