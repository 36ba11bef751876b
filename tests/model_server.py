"""A language model for tests: a real HTTP server on loopback that speaks OpenAI's chat, rightly or wrongly."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from threading import Event, Lock
from typing import Any, NamedTuple

from moderation.outbound.chat import ChatServer
from tests.loopback import serving

SPAM = '{"spam": true, "confidence": 0.92}'
HAM = '{"spam": false, "confidence": 0.8}'


class Question(NamedTuple):
    """A request: its path, its headers in lower case, and the JSON of its body."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def comment(self) -> dict[str, str]:
        """The comment between the markers."""
        fields: dict[str, str] = json.loads(self.body["messages"][1]["content"].split("\n")[1])
        return fields


@dataclass
class ModelServer:
    """The questions that arrived, and the faults that the server simulates.

    `content` is the model's answer, and `body` the whole response in place of a correct one. With `refused`, a request
    that has this option gets a 400 after `refusal_seconds`. With `drips`, the body comes byte by byte without end. With
    `hangs_up`, nothing comes. A call waits for `may_answer`.
    """

    url: str = ""
    content: str | None = SPAM
    status: int = 200
    body: bytes | None = None
    redirect: str = ""
    refused: str = ""
    refusal_seconds: float = 0.0
    drips: bool = False
    hangs_up: bool = False
    questions: list[Question] = field(default_factory=list)
    arrived: Event = field(default_factory=Event)
    may_answer: Event = field(default_factory=Event)
    closing: Event = field(default_factory=Event)
    lock: Lock = field(default_factory=Lock)

    def adviser(self, *, model: str = "llama3.1", key: str = "", seconds: float = 10.0) -> ChatServer:
        """Return the settings that lead here."""
        return ChatServer(self.url, model, key, seconds)

    def release(self) -> None:
        """End all waits, before the server is closed."""
        self.closing.set()
        self.may_answer.set()


@contextmanager
def answering(host: str = "127.0.0.1") -> Iterator[ModelServer]:
    """Run a server until the block ends."""
    model = ModelServer()
    model.may_answer.set()
    with serving(_endpoint_class(model), host, model.release) as port:
        model.url = f"http://{host}:{port}/v1"
        yield model


def _endpoint_class(model: ModelServer) -> type[BaseHTTPRequestHandler]:
    class Endpoint(BaseHTTPRequestHandler):
        timeout = 30

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            headers = {name.lower(): value for name, value in self.headers.items()}
            with model.lock:
                model.questions.append(Question(self.path, headers, body))
            model.arrived.set()
            model.may_answer.wait(30)
            if not model.hangs_up:
                with suppress(OSError):
                    self._answer(is_refused=model.refused in body)

        def _answer(self, *, is_refused: bool) -> None:
            if is_refused:
                model.closing.wait(model.refusal_seconds)
                self.send_error(400)
            else:
                self._reply(model.status)

        def _reply(self, status: int) -> None:
            answer = {"choices": [{"message": {"content": model.content}}]}
            body = json.dumps(answer).encode() if model.body is None else model.body
            self.send_response(307 if model.redirect else status)
            if model.redirect:
                self.send_header("Location", model.redirect)
            self.send_header("Content-Length", str(10**9 if model.drips else len(body)))
            self.end_headers()
            while model.drips and not model.closing.wait(0.05):
                self.wfile.write(b" ")
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    return Endpoint
