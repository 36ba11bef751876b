"""The longest wait of a blog for its client against the deadline, for each fault of the service.

A fault is played by a stub on loopback, or is that of the service itself, killed or stopped. Each call also writes its
comment to a spool. That of the service is delivered at the end: each comment must have one decision.
"""

import logging
import os
import signal
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, sleep
from typing import Any

from benchmarks.rows import Row, at_least, at_most
from moderation.client import CircuitBreaker, Client, ClientError
from tests.client.stub import BROKEN, GARBAGE, KEY, SILENT, full_backlog, silent_port, stub_service
from tests.e2e.service import Service, free_port, served

DEADLINE_SECONDS = 0.5
TOLERANCE_SECONDS = 0.1
CALLS = 5
STATUSES = ("401", "403", "413", "429/60", "500", "503/5")
_LARGE_TEXT = "x" * 12_000_000


def measure() -> list[Row]:
    """Measure each fault with `CALLS` calls, and the delivery after the faults of the service itself."""
    # An entry in the log for each call would hide the table.
    logging.getLogger("moderation.client").setLevel(logging.CRITICAL)
    with TemporaryDirectory() as folder:
        return [*_stub_rows(Path(folder)), *_service_rows(Path(folder))]


def _stub_rows(folder: Path) -> Iterator[Row]:
    faults: dict[str, Callable[[], AbstractContextManager[str]]] = {
        **{f"the answer {fault}": partial(_playing, fault) for fault in (*SILENT, *BROKEN, *GARBAGE)},
        **{f"status {status}": partial(_playing, status) for status in STATUSES},
        "a slow answer": partial(_playing, "slow"),
        "nothing listens": _closed,
        "no connection is accepted": _full,
        "no TLS handshake": partial(_silent, "https"),
        "no byte is read": partial(_silent, "http"),
        "no name is looked up": _without_resolver,
    }
    for name, fault in faults.items():
        with fault() as address:
            # A text that fills the buffers is larger than the service takes, so a spool need not have it.
            is_large = name == "no byte is read"
            client = _client(address, None if is_large else folder / "stub")
            yield _row(name, client, _LARGE_TEXT if is_large else "Thank you.")


def _service_rows(folder: Path) -> Iterator[Row]:
    service = Service(folder, {"PORT": str(free_port())})
    service.prepare()
    service.moderation("site", "add", "https://client.example", "--key", KEY)
    client = _client(f"http://127.0.0.1:{service.settings['PORT']}", folder / "spool")
    with served(service) as running:
        os.killpg(running.process.pid, signal.SIGKILL)
        running.process.wait()
        yield _row("the service is killed", client)
    with served(service) as running:
        with running.paused():
            yield _row("the service is stopped", client)
        patient = _client(f"http://127.0.0.1:{running.port}", folder / "spool", timeout_seconds=30.0)
        yield at_least(f"delivered of {2 * CALLS} kept comments", patient.deliver().comments, 2 * CALLS, "comments")
        yield at_most("delivered again", patient.deliver().comments, 0, "comments")
    with closing(sqlite3.connect(folder / "var" / "moderation.db")) as database:
        (decisions,) = database.execute("SELECT count(*) FROM decisions").fetchone()
    yield at_most("decisions of the service", decisions, 2 * CALLS, "decisions")


def _client(address: str, spool: Path | None, *, timeout_seconds: float = DEADLINE_SECONDS) -> Client:
    """Return a client whose circuit breaker never opens: an open one makes no call wait."""
    breaker = CircuitBreaker(max_failures=1_000_000)
    return Client(address, KEY, timeout_seconds=timeout_seconds, spool=spool, breaker=breaker)


def _row(name: str, client: Client, text: str = "Thank you.") -> Row:
    longest = 0.0
    for number in range(CALLS):
        began = perf_counter()
        # A wrong key is raised.
        with suppress(ClientError):
            client.score(text, comment_id=f"{name} {number}")
        longest = max(longest, perf_counter() - began)
    return at_most(
        f"longest wait, deadline {DEADLINE_SECONDS:g} s: {name}", longest, DEADLINE_SECONDS + TOLERANCE_SECONDS, "s"
    )


@contextmanager
def _playing(fault: str) -> Iterator[str]:
    with stub_service() as stub:
        stub.faults = [fault]
        yield stub.address


@contextmanager
def _closed() -> Iterator[str]:
    with silent_port() as port:
        pass
    yield f"http://127.0.0.1:{port}"


@contextmanager
def _full() -> Iterator[str]:
    with full_backlog() as port:
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _silent(scheme: str) -> Iterator[str]:
    with silent_port() as port:
        yield f"{scheme}://127.0.0.1:{port}"


@contextmanager
def _without_resolver() -> Iterator[str]:
    getaddrinfo = socket.getaddrinfo

    def hang(*_: Any, **__: Any) -> Any:
        sleep(2 * CALLS * DEADLINE_SECONDS)
        raise socket.gaierror

    socket.getaddrinfo = hang
    try:
        yield "http://moderation.example"
    finally:
        socket.getaddrinfo = getaddrinfo
