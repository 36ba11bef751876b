"""A blog's end of the webhook: a real HTTP server on loopback that checks what WordPress's plugin checks.

What the plugin checks: the key, compared without regard to case (401 when it is another); `endpoint`; a list of
`comments`, each of whose `guid` is known (`success`) or not (`error`). It answers 200 with a state for each guid.
"""

import json
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from urllib.parse import parse_qsl

PATH = "/wp-json/akismet/v1/webhook"
_COMMENT = re.compile(r"comments\[(\d+)\]\[(\w+)\]")


@dataclass(frozen=True)
class Call:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    form: dict[str, str]


@dataclass
class Receiver:
    """Tells what arrived, and misbehaves as it is told.

    `outcomes` is what the blog believes by now: `true` for spam, by guid. `failing` is how many calls get a 503 before
    one is heard; `redirect` an address to send callers to; `body` a reply in place of the right one; `drip` makes the
    reply come byte by byte, a tenth of a second apart, without end. A call waits for `open_door` before it is heard.
    """

    key: str = "0123456789ab"
    known: set[str] = field(default_factory=set)
    calls: list[Call] = field(default_factory=list)
    outcomes: dict[str, str] = field(default_factory=dict)
    failing: int = 0
    redirect: str = ""
    body: bytes | None = None
    drip: bool = False
    url: str = ""
    arrived: Event = field(default_factory=Event)
    open_door: Event = field(default_factory=Event)
    closing: Event = field(default_factory=Event)
    lock: Lock = field(default_factory=Lock)

    @property
    def callback(self) -> str:
        """Where the blog wants to be called."""
        return self.url + PATH

    def heard(self, call: Call) -> tuple[int, bytes]:
        """Status and body of the reply."""
        with self.lock:
            self.calls.append(call)
            self.arrived.set()
        self.open_door.wait(30)
        with self.lock:
            if self.failing:
                self.failing -= 1
                return 503, b"later"
            return self._answer(call.form)

    def _answer(self, form: dict[str, str]) -> tuple[int, bytes]:
        if form.get("key", "").lower() != self.key.lower():
            return 401, b'{"code":"rest_forbidden"}'
        if form.get("endpoint") != "comment-check":
            return 200, b'{"comments":[]}'
        states = {guid: self._take(guid, result) for guid, result in _comments(form)}
        return 200, json.dumps({"comments": states}).encode() if self.body is None else self.body

    def _take(self, guid: str, result: str) -> dict[str, str]:
        if guid not in self.known:
            return {"status": "error", "message": "Could not find a comment with this guid."}
        if result not in {"true", "false"}:
            return {"status": "error", "message": "No result."}
        self.outcomes[guid] = result
        return {"status": "success"}


@contextmanager
def receiving(context: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[Receiver]:
    """A receiver at `http://host:PORT`, or https with a context; gone when the block ends."""
    receiver = Receiver()
    receiver.open_door.set()
    server = _Server((host, 0), _door_of(receiver))
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    receiver.url = f"{'https' if context else 'http'}://{host}:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.closing.set()
        receiver.open_door.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    # Its threads are waited for when it closes.
    daemon_threads = False

    def handle_error(self, request: object, client_address: object) -> None:
        """A caller that hangs up is nothing to report."""


def _door_of(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers["Content-Length"]))
            form = dict(parse_qsl(sent.decode("ascii"), keep_blank_values=True))
            status, body = receiver.heard(Call(self.path, dict(self.headers), form))
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
            self.send_header("Content-Length", "1000000" if receiver.drip else str(len(body)))
            self.end_headers()
            while receiver.drip and not receiver.closing.wait(0.1):
                self.wfile.write(b" ")
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    return Door


def _comments(form: dict[str, str]) -> list[tuple[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for name, value in form.items():
        if match := _COMMENT.fullmatch(name):
            found.setdefault(match[1], {})[match[2]] = value
    return [(each.get("guid", ""), each.get("result", "")) for each in found.values()]
