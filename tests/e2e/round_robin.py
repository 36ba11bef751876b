"""Clients that send comments to several replicas in turn, as a proxy does, and keep a record of each request."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from threading import Event, Lock, Thread
from typing import NamedTuple

import httpx

from tests.e2e.replicas import KEY

CLIENTS = 3
PAUSE_SECONDS = 0.01
LABEL_EVERY = 10
"""Of so many comments one is labelled."""


class Sent(NamedTuple):
    """A request: when it was sent, to which port, its status (0 without an answer), its decision and the model."""

    sent_at: float
    port: int
    status: int
    decision: str = ""
    model: str = ""


@dataclass
class RoundRobin:
    """The ports in rotation, and the requests so far. A refused connection is no request: the next port gets it."""

    ports: list[int]
    sent: list[Sent] = field(default_factory=list)
    _stop: Event = field(default_factory=Event)
    _numbers: Iterator[int] = field(default_factory=count)
    _lock: Lock = field(default_factory=Lock)

    @property
    def failed(self) -> list[Sent]:
        """Requests without an answer, or with another than 200."""
        return [each for each in self.sent if each.status != 200]

    def answered(self, port: int, after: float = 0.0) -> list[Sent]:
        """Return the good answers of a replica to requests that were sent after a time."""
        return [each for each in self.sent if each.port == port and each.status == 200 and each.sent_at > after]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Send until the block ends."""
        threads = [Thread(target=self._send_comments) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join(60)

    def _send_comments(self) -> None:
        headers = {"Authorization": f"Bearer {KEY}", "Connection": "close"}
        with httpx.Client(headers=headers, timeout=30, trust_env=False) as client:
            while not self._stop.is_set():
                with self._lock:
                    number = next(self._numbers)
                sent = self._send(client, number, "POST", "/v1/score", {"text": f"The soup of {number} was good."})
                if sent and sent.decision and number % LABEL_EVERY == 0:
                    self._send(client, number + 1, "PUT", f"/v1/decisions/{sent.decision}/label", {"label": "ham"})
                time.sleep(PAUSE_SECONDS)

    def _send(self, client: httpx.Client, number: int, method: str, path: str, body: dict[str, str]) -> Sent | None:
        ports = list(self.ports)
        for turn in range(len(ports)):
            port, sent_at = ports[(number + turn) % len(ports)], time.time()
            try:
                answer = client.request(method, f"http://127.0.0.1:{port}{path}", json=body)
            except httpx.ConnectError:
                continue
            except httpx.TransportError:
                sent = Sent(sent_at, port, 0)
            else:
                body = answer.json()
                sent = Sent(sent_at, port, answer.status_code, body.get("id", ""), body.get("model", ""))
            self.sent.append(sent)
            return sent
        self.sent.append(Sent(time.time(), 0, 0))
        return None
