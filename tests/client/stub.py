"""A stub of the service: a real HTTP server on loopback that answers rightly, or with a fault that a test names."""

import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from threading import Event, Lock
from typing import Any, NamedTuple
from uuid import uuid4

from moderation.client import Client
from tests.loopback import serving

KEY = "0123456789ab"
SLOW_SECONDS = 0.3
HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

SILENT = ("hangs", "hangs after its head", "hangs in its body", "drips its head", "drips its body", "drips chunks")
"""Faults without an end: a call waits until its deadline."""
BROKEN = ("hangs up", "is cut off", "is cut off in a chunk")
"""Faults of a connection: the same request may succeed at once."""
GARBAGE = {
    "is not HTTP": b"220 mail.example ESMTP\r\n",
    "is empty": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "is a page": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>Please sign in.</p>",
    "is a list": f"{HEAD}\r\n[]".encode(),
    "is deep": f"{HEAD}\r\n".encode() + b"[" * 100_000,
    "has no verdict": f'{HEAD}\r\n{{"probability": 0.5, "id": null}}'.encode(),
    "has a list as verdict": f'{HEAD}\r\n{{"verdict": [], "probability": 0.5, "id": null}}'.encode(),
    "has an unknown verdict": f'{HEAD}\r\n{{"verdict": "maybe", "probability": 0.5, "id": null}}'.encode(),
    "has a number as id": f'{HEAD}\r\n{{"verdict": "spam", "probability": 0.5, "id": 7}}'.encode(),
    "has no probability": f'{HEAD}\r\n{{"verdict": "spam", "probability": NaN, "id": null}}'.encode(),
    "is no UTF-8": f"{HEAD}\r\n".encode() + b"\xff\xfe\x00",
    "is too long": f"{HEAD}\r\n".encode() + b" " * 3_000_000,
    "has a long head": b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 70_000 + b"\r\n\r\n",
    "has many heads": b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 200 + b"\r\n",
    "is a redirect": b"HTTP/1.1 307 Moved\r\nLocation: /v1/score\r\nContent-Length: 0\r\n\r\n",
}
"""Responses that are no answers, each sent as it is."""


class Call(NamedTuple):
    """A request: its headers in lower case, the JSON of its body, and its length in bytes."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    length: int


@dataclass
class Stub:
    """The calls that arrived, and the faults of the next answers, one for each call; the last one stays.

    A fault is a status, with `/SECONDS` for `Retry-After`, a word of `SILENT`, `BROKEN` or `GARBAGE`, `slow`, or empty
    for a right answer. `decisions` has the ids by idempotency key: one for each comment that was judged.
    """

    address: str = ""
    faults: list[str] = field(default_factory=lambda: [""])
    verdict: str = "publish"
    is_degraded: bool = False
    calls: list[Call] = field(default_factory=list)
    decisions: dict[str, str] = field(default_factory=dict)
    labels: dict[str, list[str]] = field(default_factory=dict)
    closing: Event = field(default_factory=Event)
    lock: Lock = field(default_factory=Lock)

    def client(self, **options: Any) -> Client:
        """Return a client of this service."""
        return Client(self.address, KEY, **options)

    def receive(self, call: Call) -> str:
        """Record a call and return its fault."""
        with self.lock:
            self.calls.append(call)
            return self.faults.pop(0) if len(self.faults) > 1 else self.faults[0]

    def answer(self, call: Call) -> dict[str, Any]:
        """Judge the comment or store the label of a call."""
        with self.lock:
            if call.method == "PUT":
                self.labels.setdefault(call.path.split("/")[3], []).append(call.body["label"])
                return {"value": call.body["label"]}
            decision_id = None
            if not self.is_degraded:
                decision_id = self.decisions.setdefault(call.headers["idempotency-key"], uuid4().hex)
            return {
                "verdict": self.verdict,
                "probability": 0.25,
                "id": decision_id,
                "degraded": self.is_degraded,
            }


@contextmanager
def stub_service(context: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[Stub]:
    """Serve a stub until the block ends, over TLS with a context."""
    stub = Stub()
    with serving(type("Endpoint", (_Endpoint,), {"stub": stub}), host, stub.closing.set, context) as port:
        stub.address = f"{'https' if context else 'http'}://{host}:{port}"
        yield stub


@contextmanager
def silent_port() -> Iterator[int]:
    """Accept connections in the kernel alone, and never read, until the block ends."""
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        yield int(silent.getsockname()[1])


@contextmanager
def full_backlog() -> Iterator[int]:
    """Yield the port of a server that accepts no connection, as if a firewall dropped the packets."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield int(listener.getsockname()[1])


class _Endpoint(BaseHTTPRequestHandler):
    stub: Stub
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_POST(self) -> None:
        self.close_connection = True
        content = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        call = Call(self.command, self.path, headers, json.loads(content), len(content))
        with suppress(OSError):
            self._respond(self.stub.receive(call), call)

    def do_PUT(self) -> None:
        self.do_POST()

    def _respond(self, fault: str, call: Call) -> None:
        if fault == "slow":
            self.stub.closing.wait(SLOW_SECONDS)
        if fault in GARBAGE:
            self.wfile.write(GARBAGE[fault])
        elif fault in SILENT:
            self._stay_silent(fault)
        elif fault in BROKEN:
            self.wfile.write(_beginning(fault))
        elif fault[:1].isdigit():
            self._refuse(*fault.split("/"))
        else:
            self._send(200, json.dumps(self.stub.answer(call)).encode(), {})

    def _stay_silent(self, fault: str) -> None:
        self.wfile.write({"hangs": b"", "drips its head": b"HTTP/1.1 200 OK\r\nX: "}.get(fault, HEAD.encode()))
        if fault.endswith("body"):
            self.wfile.write(b"Content-Length: 1000\r\n\r\n")
        if fault == "drips chunks":
            self.wfile.write(b"Transfer-Encoding: chunked\r\n\r\n")
        piece = b"1\r\n \r\n" if fault == "drips chunks" else b" "
        while not self.stub.closing.wait(0.02):
            if fault.startswith("drips"):
                self.wfile.write(piece)

    def _refuse(self, status: str, seconds: str = "") -> None:
        problem = json.dumps({"status": int(status), "detail": "No such thing."}).encode()
        headers = {"Retry-After": seconds} if seconds else {}
        self._send(int(status), problem, {"Content-Type": "application/problem+json", **headers})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        all_headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
        for name, value in all_headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


def _beginning(fault: str) -> bytes:
    """Return the part of an answer that is sent before the server hangs up."""
    if fault == "is cut off":
        return f"{HEAD}Content-Length: 1000\r\n\r\n{{".encode()
    if fault == "is cut off in a chunk":
        return f"{HEAD}Transfer-Encoding: chunked\r\n\r\n10\r\n{{".encode()
    return b""
