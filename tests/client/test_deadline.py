"""A call waits for its deadline at most, and then does as `on_error` says."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from threading import Event, active_count
from time import monotonic
from typing import Any

import pytest
from cryptography.x509 import IPAddress

from moderation.client import Client, NoAnswer, Refused, Unavailable
from tests.client.stub import BROKEN, GARBAGE, KEY, SILENT, SLOW_SECONDS, Stub, full_backlog, silent_port, stub_service
from tests.outbound.test_post import certificate, context_of

DEADLINE = 0.2
TOLERANCE = 0.5
"""A busy machine may wake a thread late."""
STATUSES = ("500", "502", "503/5", "429/60", "429", "404", "408", "405", "301", "204")
REFUSALS = ("400", "413", "415", "422")

getaddrinfo = socket.getaddrinfo


@contextmanager
def at_most(seconds: float = DEADLINE) -> Iterator[None]:
    began = monotonic()
    yield
    assert monotonic() - began < seconds + TOLERANCE


def assert_unavailable(client: Client, message: str | None = None) -> None:
    with at_most(), pytest.raises(Unavailable, match=message):
        client.score("text", on_error="raise")


@pytest.mark.parametrize("fault", [*SILENT, *BROKEN, *GARBAGE, *STATUSES])
def test_each_fault_has_the_verdict_of_on_error_in_time(stub: Stub, fault: str) -> None:
    """Publish, hold or raise, by client or by call; the error is named."""
    stub.faults = [fault]
    for by_client, by_call, verdict in (("publish", None, "publish"), ("raise", "hold", "review")):
        client = stub.client(timeout_seconds=DEADLINE, on_error=by_client)
        with at_most():
            answer = client.score("text", on_error=by_call)
        assert answer.verdict == verdict and isinstance(answer.error, Unavailable)
        assert answer.decision_id is None and answer.probability is None and not answer.is_kept
    assert_unavailable(stub.client(timeout_seconds=DEADLINE))


@pytest.mark.parametrize("status", REFUSALS)
def test_a_refused_comment_is_never_published(stub: Stub, status: str) -> None:
    """Else a spammer would only have to write too much. It is sent once, as no retry can help."""
    stub.faults = [status]
    for choice in ("publish", "hold"):
        answer = stub.client(on_error=choice).score("text")
        assert answer.verdict == "review" and isinstance(answer.error, Refused)
        assert "No such thing." in str(answer.error)
    with pytest.raises(Refused):
        stub.client(on_error="raise").score("text")
    assert len(stub.calls) == 3


def test_a_slow_answer_within_the_deadline_counts(stub: Stub) -> None:
    """It is read, and the comment is sent once."""
    stub.faults = ["slow"]
    assert stub.client(timeout_seconds=4 * SLOW_SECONDS).score("text").error is None
    assert len(stub.calls) == 1


def test_a_service_that_does_not_run_is_no_wait() -> None:
    """Nothing listens at the port."""
    with silent_port() as port:
        pass
    assert_unavailable(Client(f"http://127.0.0.1:{port}", KEY, timeout_seconds=DEADLINE), "could not be connected")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_silence_ends_at_the_deadline(scheme: str) -> None:
    """Of a server that accepts in its kernel alone: no answer, and no TLS handshake."""
    with silent_port() as port:
        assert_unavailable(Client(f"{scheme}://127.0.0.1:{port}", KEY, timeout_seconds=DEADLINE), "in time")


def test_a_connection_that_no_one_accepts_ends_at_the_deadline() -> None:
    """The first try leaves its time to no address after it."""
    with full_backlog() as port:
        client = Client(f"http://127.0.0.1:{port}", KEY, timeout_seconds=DEADLINE)
        error = client.score("text").error
        assert_unavailable(client, "in time")
    assert isinstance(error, Unavailable) and not error.may_have_arrived


def test_a_server_that_does_not_read_ends_at_the_deadline() -> None:
    """The buffers of both sides are full before the comment is sent."""
    with silent_port() as port, at_most():
        answer = Client(f"http://127.0.0.1:{port}", KEY, timeout_seconds=DEADLINE).score("x" * 20_000_000)
    assert "in time" in str(answer.error)


@pytest.mark.parametrize("fault", ["", *SILENT])
def test_tls_has_the_same_deadline(tmp_path: Path, fault: str) -> None:
    """With the context that the client was given; without it the server's authority is not known."""
    path = certificate(tmp_path, [IPAddress(ip_address("127.0.0.1"))])
    with stub_service(context_of(path)) as stub:
        stub.faults = [fault]
        trusting = ssl.create_default_context(cafile=str(path))
        with at_most(2.0 if not fault else DEADLINE):
            answer = stub.client(timeout_seconds=2.0 if not fault else DEADLINE, tls=trusting).score("text")
        assert (answer.error is None) == (not fault)
        with pytest.raises(Unavailable, match="certificate"):
            stub.client().score("text", on_error="raise")


def test_a_resolver_that_hangs_ends_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """All calls wait for one look-up, so that no thread is added for each."""
    answers = Event()

    def hang(*_: Any, **__: Any) -> Any:
        answers.wait(30)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    client = Client("http://moderation.example", KEY, timeout_seconds=DEADLINE)
    threads = active_count()
    for _ in range(4):
        assert_unavailable(client, "in time")
    assert active_count() <= threads + 1
    answers.set()
    assert_unavailable(client, "could not be looked up")


def test_an_address_that_hangs_leaves_time_for_the_next(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host may have an address of IPv6 that leads nowhere."""
    with full_backlog() as port:
        right, rows = int(stub.address.rpartition(":")[2]), []

        def resolve(host: str, _: int, **options: Any) -> Any:
            rows.append(host)
            return [row for place in (port, right) for row in getaddrinfo("127.0.0.1", place, **options)]

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        answer = Client("http://moderation.example", KEY, timeout_seconds=2.0).score("text")
    assert answer.error is None and rows == ["moderation.example"]


def test_a_deadline_is_above_zero(stub: Stub) -> None:
    """Of a client and of a call."""
    with pytest.raises(ValueError, match="more than 0"):
        stub.client(timeout_seconds=0)
    with pytest.raises(ValueError, match="more than 0"):
        stub.client().score("text", timeout_seconds=float("nan"))


def test_on_error_is_checked_before_it_is_needed(stub: Stub) -> None:
    """A wrong word would else be found in the first outage."""
    with pytest.raises(ValueError, match="ignore"):
        stub.client(on_error="ignore")
    with pytest.raises(ValueError, match="ignore"):
        stub.client().score("text", on_error="ignore")
    with pytest.raises(ValueError, match="ignore"):
        stub.client().label("0" * 32, "ham", on_error="ignore")
    assert stub.calls == [] and issubclass(Unavailable, NoAnswer)
