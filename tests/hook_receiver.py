"""A receiver of webhooks: a real HTTP server on loopback that keeps each message unchanged."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from time import sleep
from typing import NamedTuple


class Message(NamedTuple):
    """A request: its headers in lower case, and its body."""

    headers: dict[str, str]
    body: bytes


@dataclass
class HookReceiver:
    """The messages that arrived. Each is answered with `status`, after a pause."""

    url: str = ""
    status: int = 204
    pause_seconds: float = 0.0
    messages: list[Message] = field(default_factory=list)


@contextmanager
def receiving_hooks() -> Iterator[HookReceiver]:
    """Run a receiver until the block ends."""
    receiver = HookReceiver()

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.messages.append(Message(headers, self.rfile.read(int(headers["content-length"]))))
            sleep(receiver.pause_seconds)
            self.send_response(receiver.status)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Endpoint) as server:
        receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
