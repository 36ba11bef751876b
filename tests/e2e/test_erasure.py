"""A person with thousands of comments is erased while others comment: no byte is left in any file, no score fails."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import httpx
import pytest

from tests.e2e.service import ROOT, Process, Service, start, wait_until_serving
from tests.models import small_model_registry

pytestmark = pytest.mark.e2e

KEY = "0123456789ab"
SITE = "https://busy.example"
MARK = "zanzibarquux"
"""Every field of the person's comments has it."""
COMMENTS = 3_000
BATCH = 100
LABELLED = 20


def persons_comment(number: int) -> dict[str, str]:
    text = f"{number} loaves are baked by {MARK} " + ("with much patience " * (number % 300))
    mail = f"{MARK}@ovens.example" if number % 2 else f"{MARK.upper()}@ovens.example"
    return {"text": text, "author": f"{MARK} Baker {number}", "email": mail, "url": f"http://{MARK}.example/{number}"}


def others_comment(number: int) -> dict[str, str]:
    return {"text": f"The soup of {number} was good, thanks", "author": f"Ada {number}", "email": "ada@mill.example"}


def client_of(port: int) -> httpx.Client:
    headers = {"Authorization": f"Bearer {KEY}"}
    return httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60, trust_env=False)


def fill(port: int) -> None:
    """Store comments of the person between those of others, and label some of both."""
    with client_of(port) as client:
        for start_number in range(0, COMMENTS, BATCH // 2):
            numbers = range(start_number, start_number + BATCH // 2)
            mixed = [make(number) for number in numbers for make in (persons_comment, others_comment)]
            answer = client.post("/v1/score/batch", json={"comments": mixed})
            assert answer.status_code == 200, answer.text
        for number in range(LABELLED):
            for make, label in ((persons_comment, "spam"), (others_comment, "ham")):
                comment = make(COMMENTS + number)
                decision = client.post("/v1/score", json=comment).json()["id"]
                body = {"label": label, "reason": f"Looks like {comment['author']}"}
                assert client.put(f"/v1/decisions/{decision}/label", json=body).status_code == 200


def comment_meanwhile(port: int, stop: Event, statuses: list[int]) -> None:
    with client_of(port) as client:
        for number in range(10**6):
            if stop.is_set():
                return
            statuses.append(client.post("/v1/score", json=others_comment(10**6 + number)).status_code)


def files_with_mark(*places: Path) -> list[str]:
    files = (file for place in places for file in (place.rglob("*") if place.is_dir() else [place]))
    return sorted(file.name for file in files if file.is_file() and MARK.encode() in file.read_bytes().lower())


@pytest.fixture
def service(tmp_path: Path) -> Service:
    service = Service(tmp_path)
    small_model_registry(tmp_path / "models")
    service.moderation("init")
    service.moderation("site", "add", SITE, "--key", KEY)
    return service


@pytest.fixture
def process(service: Service) -> Iterator[Process]:
    with start([sys.executable, "-m", "moderation", "serve"], service.environment, ROOT) as process:
        yield process
        process.kill()


def test_no_byte_is_left(service: Service, process: Process) -> None:
    """In the database, its -wal file, a backup made after, the models and the output of the service."""
    var, models = service.folder / "var", service.folder / "models"
    started = re.search(r"http://127\.0\.0\.1:(\d+)", wait_until_serving(process))
    assert started
    port = int(started[1])
    fill(port)
    service.moderation("backup", str(service.folder / "before.tar"))
    assert "moderation.db" in files_with_mark(var) and files_with_mark(service.folder / "before.tar")

    statuses: list[int] = []
    stop = Event()
    commenting = Thread(target=comment_meanwhile, args=(port, stop, statuses))
    commenting.start()
    receipt = service.folder / "receipt.json"
    mail = f"{MARK}@ovens.example"
    printed = service.moderation("privacy", "erase", SITE, "--email", mail, "--receipt", str(receipt))
    during = len(statuses)
    stop.set()
    commenting.join()
    assert during > 10 and set(statuses) == {200}

    erased = json.loads(receipt.read_text("utf-8"))
    assert (erased["comments"], erased["labels"]) == (COMMENTS + LABELLED, LABELLED)
    assert erased["rewritten"] and erased["wal_emptied"]
    assert erased["backups"] == [str(service.folder / "before.tar")]
    service.moderation("backup", str(service.folder / "after.tar"))
    assert files_with_mark(var, models, service.folder / "after.tar", receipt) == [] and MARK not in printed
    assert "is valid" in service.moderation("privacy", "verify", str(receipt))
    assert set(service.labels().values()) == {"ham"}

    receipt.write_text(receipt.read_text("utf-8").replace(f'"comments": {COMMENTS + LABELLED}', '"comments": 1'))
    command = [sys.executable, "-m", "moderation", "privacy", "verify", str(receipt)]
    refused = subprocess.run(command, cwd=ROOT, env=service.environment, capture_output=True, check=False)
    assert refused.returncode == 2 and b"was changed" in refused.stderr

    process.terminate()
    output, _ = process.communicate(timeout=30)
    assert files_with_mark(var) == [] and MARK not in output.lower()
