"""A person with thousands of comments is erased while others comment: no byte is left in any file, no score fails."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest

from tests.e2e.busy_site import SITE, add_site, client_of, files_with, fill, label_each, marked_comment, others_comment
from tests.e2e.service import ROOT, Served, Service, served

pytestmark = pytest.mark.e2e

MARK = "zanzibarquux"
COMMENTS = 3_000
BATCH = 100
LABELLED = 20


def comment_meanwhile(port: int, stop: Event, statuses: list[int]) -> None:
    with client_of(port) as client:
        for number in range(10**6):
            if stop.is_set():
                return
            statuses.append(client.post("/v1/score", json=others_comment(10**6 + number)).status_code)


def has_mark(content: bytes) -> bool:
    return MARK.encode() in content.lower()


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return add_site(Service(tmp_path))


@pytest.fixture
def serving(service: Service) -> Iterator[Served]:
    with served(service) as serving:
        yield serving


def test_no_byte_is_left(service: Service, serving: Served) -> None:
    """In the database, its -wal file, a backup made after, the models and the output of the service."""
    var, models = service.folder / "var", service.folder / "models"
    with client_of(serving.port) as client:
        fill(client, MARK, range(COMMENTS), BATCH)
        for number in range(COMMENTS, COMMENTS + LABELLED):
            label_each(client, [(marked_comment(MARK, number), "spam"), (others_comment(number), "ham")])
    service.moderation("backup", str(service.folder / "before.tar"))
    assert var / "moderation.db" in files_with(has_mark, var)
    assert files_with(has_mark, service.folder / "before.tar")

    statuses: list[int] = []
    stop = Event()
    commenting = Thread(target=comment_meanwhile, args=(serving.port, stop, statuses))
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
    assert files_with(has_mark, var, models, service.folder / "after.tar", receipt) == [] and MARK not in printed
    assert "is valid" in service.moderation("privacy", "verify", str(receipt))
    assert set(service.labels().values()) == {"ham"}

    receipt.write_text(receipt.read_text("utf-8").replace(f'"comments": {COMMENTS + LABELLED}', '"comments": 1'))
    command = [sys.executable, "-m", "moderation", "privacy", "verify", str(receipt)]
    refused = subprocess.run(command, cwd=ROOT, env=service.environment, capture_output=True, check=False)
    assert refused.returncode == 2 and b"was changed" in refused.stderr

    serving.process.terminate()
    output, _ = serving.process.communicate(timeout=30)
    assert files_with(has_mark, var) == [] and MARK not in output.lower()
