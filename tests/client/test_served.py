"""The client against the service itself: killed, hung, answers lost, and several processes that deliver."""

import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from time import monotonic

import pytest
from sqlalchemy import select

from moderation.client import Client, ConfigurationError, Refused, Unavailable
from moderation.storage import tables
from moderation.storage.engine import read_transaction
from tests.client.conftest import Installed
from tests.client.stub import KEY
from tests.client.test_spool import files
from tests.loopback import serving

pytestmark = pytest.mark.e2e

DEADLINE = 0.5
TOLERANCE = 0.5
ROOT = Path(__file__).parents[2]
DELIVER = """
import sys
from moderation.client import Client
print(Client(sys.argv[1], sys.argv[2], spool=sys.argv[3], timeout_seconds=10.0).deliver(), flush=True)
"""


@contextmanager
def losing_answers(address: str) -> Iterator[str]:
    """Pass requests on to a service, and hang up when it has answered. Yield the address."""

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            service = http.client.HTTPConnection(address.removeprefix("http://"))
            service.request(self.command, self.path, body, dict(self.headers))
            service.getresponse().read()
            service.close()

        def do_PUT(self) -> None:
            self.do_POST()

        def log_message(self, *args: object) -> None:
            pass

    with serving(Endpoint, "127.0.0.1", lambda: None) as port:
        yield f"http://127.0.0.1:{port}"


def start_delivery(installed: Installed, spool: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", DELIVER, installed.address, KEY, str(spool)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_a_comment_is_judged_and_labelled(installed: Installed) -> None:
    """By the service as it is served; an unknown decision is refused, and a wrong key raised."""
    client = Client(installed.address, KEY, timeout_seconds=10.0)
    with installed.served():
        answer = client.score("Cheap watches at http://watches.example/", author="Best Watches", comment_id="7")
        assert answer.error is None and answer.decision_id and answer.probability
        assert answer.body["reasons"]
        assert client.label(answer.decision_id, "spam", labelled_by="mara") is True
        with pytest.raises(Refused):
            client.label("0" * 32, "spam")
        with pytest.raises(Refused):
            client.score("x" * 2_000_000, on_error="raise")
        with pytest.raises(ConfigurationError):
            Client(installed.address, "ba9876543210", timeout_seconds=10.0).score("text")
    assert installed.count("decisions") == installed.count("labels") == 1


def test_a_killed_service_costs_no_comment(installed: Installed, tmp_path: Path) -> None:
    """Comments are held and kept while it is gone, and judged once when it is back."""
    spool = tmp_path / "spool"
    client = Client(installed.address, KEY, timeout_seconds=DEADLINE, spool=spool)
    with installed.served() as running:
        os.killpg(running.process.pid, signal.SIGKILL)
        running.process.wait()
        for number in range(7):
            began = monotonic()
            answer = client.score("Thank you.", comment_id=str(number))
            assert monotonic() - began < DEADLINE + TOLERANCE
            assert answer.verdict == "review" and answer.is_kept
    with installed.served():
        assert client.deliver().comments == 7
        assert client.deliver().comments == 0
    assert installed.count("decisions") == 7 and files(spool) == []


def test_a_hung_service_costs_no_comment(installed: Installed, tmp_path: Path) -> None:
    """It still has the requests when it goes on, and the spool is sent again under their keys."""
    spool = tmp_path / "spool"
    client = Client(installed.address, KEY, timeout_seconds=DEADLINE, on_error="publish", spool=spool)
    with installed.served() as running:
        with running.paused():
            for number in range(3):
                began = monotonic()
                answer = client.score("Thank you.", comment_id=str(number))
                assert monotonic() - began < DEADLINE + TOLERANCE
                assert answer.verdict == "publish" and answer.is_kept and isinstance(answer.error, Unavailable)
        patient = Client(installed.address, KEY, timeout_seconds=30.0, spool=spool)
        assert patient.deliver().comments == 3
    assert installed.count("decisions") == installed.count("comments") == 3


def test_lost_answers_make_no_second_decision(installed: Installed, tmp_path: Path) -> None:
    """The service stored the comment and its label, and none of the answers arrived.

    The label makes the service judge the comment anew, unless its key names it.
    """
    spool, answers = tmp_path / "spool", []
    with installed.served(), losing_answers(installed.address) as lossy:
        client = Client(lossy, KEY, timeout_seconds=10.0, spool=spool)
        assert client.score("Thank you.").is_kept
        with read_transaction(installed.services.engine) as connection:
            decision = connection.execute(select(tables.decisions.c.id)).scalar_one()
        assert client.label(decision, "ham") is False
        assert [installed.count(table) for table in ("decisions", "comments", "labels")] == [1, 1, 1]
        direct = Client(installed.address, KEY, timeout_seconds=10.0, spool=spool)
        delivery = direct.deliver(lambda _, answer: answers.append(answer.decision_id))
    assert (delivery.comments, delivery.labels, answers) == (1, 1, [decision])
    assert [installed.count(table) for table in ("decisions", "comments", "labels")] == [1, 1, 1]


def test_processes_that_deliver_at_once_send_each_comment_once(installed: Installed, tmp_path: Path) -> None:
    """Also if one of them is killed in the middle."""
    spool = tmp_path / "spool"
    client = Client(installed.address, KEY, timeout_seconds=0.1, spool=spool)
    for number in range(60):
        assert client.score("Thank you.", comment_id=str(number)).is_kept
    with installed.served(), ExitStack() as stack:
        killed = stack.enter_context(start_delivery(installed, spool))
        while len(files(spool)) == 60:
            assert killed.poll() is None
        killed.kill()
        killed.communicate()
        assert files(spool)
        deliveries = [stack.enter_context(start_delivery(installed, spool)) for _ in range(2)]
        printed = [delivery.communicate(timeout=60)[0] for delivery in deliveries]
        assert all("Delivery(" in line for line in printed), printed
    assert files(spool) == []
    assert installed.count("decisions") == installed.count("comments") == 60
