"""A blog's webhook for tests: a real HTTP server on loopback with the checks of the WordPress plugin.

The plugin compares the key without regard to case (401 for another one) and checks `endpoint`. It answers 200 with a
status for the `guid` of each of the `comments`: `success`, or `error` for an unknown one.
"""

import json
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from threading import Event, Lock
from urllib.parse import parse_qsl

from tests.loopback import serving

PATH = "/wp-json/akismet/v1/webhook"
_COMMENT = re.compile(r"comments\[(\d+)\]\[(\w+)\]")


@dataclass(frozen=True)
class Call:
    """A request as it arrived."""

    path: str
    headers: dict[str, str]
    form: dict[str, str]


@dataclass
class Receiver:
    """The calls that arrived, and the faults that the server simulates.

    `results` has the blog's results by guid, `true` for spam. `failures_left` is the number of calls that get a 503,
    `redirect` the target of a redirect, `body` a body in place of the correct one. With `drip_body`, the body comes
    byte by byte, a tenth of a second apart, without end. A call waits for `may_answer` before it is processed.
    """

    key: str = "0123456789ab"
    known_guids: set[str] = field(default_factory=set)
    calls: list[Call] = field(default_factory=list)
    results: dict[str, str] = field(default_factory=dict)
    failures_left: int = 0
    redirect: str = ""
    body: bytes | None = None
    drip_body: bool = False
    url: str = ""
    arrived: Event = field(default_factory=Event)
    may_answer: Event = field(default_factory=Event)
    closing: Event = field(default_factory=Event)
    lock: Lock = field(default_factory=Lock)

    @property
    def callback(self) -> str:
        """URL of the webhook."""
        return self.url + PATH

    def receive(self, call: Call) -> tuple[int, bytes]:
        """Record a call and return status and body of the response."""
        with self.lock:
            self.calls.append(call)
            self.arrived.set()
        self.may_answer.wait(30)
        with self.lock:
            if self.failures_left:
                self.failures_left -= 1
                return 503, b"later"
            return self._answer(call.form)

    def release(self) -> None:
        """End all waits, before the server is closed."""
        self.closing.set()
        self.may_answer.set()

    def _answer(self, form: dict[str, str]) -> tuple[int, bytes]:
        if form.get("key", "").lower() != self.key.lower():
            return 401, b'{"code":"rest_forbidden"}'
        if form.get("endpoint") != "comment-check":
            return 200, b'{"comments":[]}'
        statuses = {guid: self._accept(guid, result) for guid, result in _comments(form)}
        return 200, json.dumps({"comments": statuses}).encode() if self.body is None else self.body

    def _accept(self, guid: str, result: str) -> dict[str, str]:
        if guid not in self.known_guids:
            return {"status": "error", "message": "Could not find a comment with this guid."}
        if result not in {"true", "false"}:
            return {"status": "error", "message": "No result."}
        self.results[guid] = result
        return {"status": "success"}


@contextmanager
def receiving(context: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[Receiver]:
    """Run a receiver at `http://host:PORT`, or https with a context, until the block ends."""
    receiver = Receiver()
    receiver.may_answer.set()
    with serving(_endpoint_class(receiver), host, receiver.release, context) as port:
        receiver.url = f"{'https' if context else 'http'}://{host}:{port}"
        yield receiver


def _endpoint_class(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Endpoint(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            form = dict(parse_qsl(content.decode("ascii"), keep_blank_values=True))
            status, body = receiver.receive(Call(self.path, dict(self.headers), form))
            with suppress(OSError):
                self._reply(status, body)

        def _reply(self, status: int, body: bytes) -> None:
            if receiver.redirect:
                self.send_response(307)
                self.send_header("Location", receiver.redirect)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=UTF-8")
            self.send_header("Content-Length", "1000000" if receiver.drip_body else str(len(body)))
            self.end_headers()
            while receiver.drip_body and not receiver.closing.wait(0.1):
                self.wfile.write(b" ")
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    return Endpoint


def _comments(form: dict[str, str]) -> list[tuple[str, str]]:
    comments: dict[str, dict[str, str]] = {}
    for name, value in form.items():
        if match := _COMMENT.fullmatch(name):
            comments.setdefault(match[1], {})[match[2]] = value
    return [(comment.get("guid", ""), comment.get("result", "")) for comment in comments.values()]
