"""Two people are erased on PostgreSQL: after the steps of docs/privacy.md, no file of the server has a byte of them."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.prerequisites import require_tools, skip_or_fail
from tests.e2e.service import ROOT, Process, Service, start, wait_until_serving
from tests.models import small_model_registry
from tests.postgresql import PostgresServer, find_binaries, running_server

pytestmark = pytest.mark.e2e

KEY = "0123456789ab"
SITE = "https://busy.example"
ROLE = "blogs"
"""A role as in docs/postgresql.md: it owns its database, and has no other right on the server."""
MARKS = ("zanzibarquux", "wollongargle")
"""Every field of the comments of one of the two people has such a word."""
PIECE = 6
"""A compressed text keeps eight letters together at most, so that a word of twelve has six of them in a row."""
PIECES = [mark[start : start + PIECE].encode() for mark in MARKS for start in range(len(mark) - PIECE + 1)]
COMMENTS = 600
BATCH = 50
LABELLED = 10
RECYCLING = "-c min_wal_size=160MB"
"""Ten segments of the log are kept for later use."""


def persons_comment(mark: str, number: int) -> dict[str, str]:
    text = f"{number} loaves are baked by {mark} " + ("with much patience " * (number % 300))
    mail = f"{mark}@ovens.example" if number % 2 else f"{mark.upper()}@ovens.example"
    return {"text": text, "author": f"{mark} Baker {number}", "email": mail, "url": f"http://{mark}.example/{number}"}


def others_comment(number: int) -> dict[str, str]:
    return {"text": f"The soup of {number} was good, thanks", "author": f"Ada {number}", "email": "ada@mill.example"}


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
    service = Service(tmp_path, settings)
    small_model_registry(tmp_path / "models")
    service.moderation("init")
    service.moderation("site", "add", SITE, "--key", KEY)
    return service


@pytest.fixture
def process(service: Service) -> Iterator[Process]:
    with start([sys.executable, "-m", "moderation", "serve"], service.environment, ROOT) as process:
        yield process
        process.kill()


def fill(client: httpx.Client) -> None:
    """Store comments of the two people between those of others, and label some of them."""
    for first in range(0, COMMENTS, BATCH):
        for mark in MARKS:
            numbers = range(first, first + BATCH, 2)
            mixed = [each for number in numbers for each in (persons_comment(mark, number), others_comment(number))]
            answer = client.post("/v1/score/batch", json={"comments": mixed})
            assert answer.status_code == 200, answer.text
    for number in range(LABELLED):
        written = [(persons_comment(mark, COMMENTS + number), "spam") for mark in MARKS]
        for comment, label in [*written, (others_comment(COMMENTS + number), "ham")]:
            decision = client.post("/v1/score", json=comment).json()["id"]
            body = {"label": label, "reason": f"Looks like {comment['author']}"}
            assert client.put(f"/v1/decisions/{decision}/label", json=body).status_code == 200


def files_with_marks(*places: Path) -> set[str]:
    """Return the names of the files that have a piece of a word of the people, in letters of any case."""
    files = (file for place in places for file in (place.rglob("*") if place.is_dir() else [place]))
    return {str(file) for file in files if file.is_file() and has_mark(file.read_bytes())}


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


def test_no_byte_is_left(server: PostgresServer, service: Service, process: Process) -> None:
    """In the server's files, a dump made after, the models and all logs. Without the rights, its log alone has some."""
    data, log, models = server.folder / "data", server.folder / "log", service.folder / "models"
    started = re.search(r"http://127\.0\.0\.1:(\d+)", wait_until_serving(process))
    assert started
    port, headers = int(started[1]), {"Authorization": f"Bearer {KEY}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60, trust_env=False) as client:
        fill(client)
    # The planner's statistics of names and addresses, and all of it on disk, as after some hours.
    server.execute("ANALYZE", ROLE)
    server.execute("CHECKPOINT")
    statistics = data / server.path_of("pg_statistic", ROLE)
    assert files_with_marks(data / "base") and files_with_marks(statistics)
    erase_both(service, port)
    server.execute("CHECKPOINT")
    assert files_with_marks(data / "base") and files_with_marks(data / "pg_wal")

    assert "The server's log still has deleted rows" in service.moderation("privacy", "compact")
    server.execute("CHECKPOINT")
    assert files_with_marks(data) == files_with_marks(data / "pg_wal") != set()
    for statement in documented_grants():
        server.execute(statement, ROLE)
    assert service.moderation("privacy", "compact") == "The database is rewritten.\n"
    dump = dumped(server, service.folder / "after.sql")
    process.terminate()
    output, _ = process.communicate(timeout=30)
    assert files_with_marks(data, log, models, service.folder / "var", dump) == set()
    assert not has_mark(output.encode()) and "COPY public.comments" in dump.read_text("utf-8")
    assert set(service.labels().values()) == {"ham"}
