"""Clients that keep sending comments and labels while a service is being broken, and a record of every answer."""

from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

import httpx

CLIENTS = 8
LABEL_EVERY = 3
"""Each client labels its every third comment."""

_PAUSE_SECONDS = 0.02
_RETRY_SECONDS = 0.05
_GIVE_UP_SECONDS = 30.0
_CONNECTION_CUT = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError, httpx.CloseError)


@dataclass
class Record:
    """What the clients were answered.

    `statuses` counts answers; 0 stands for a cut connection, -1 for a refused one. `unusual` holds the answers that no
    fault excuses: an error without `Retry-After`, or a comment that was judged without a model.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    decisions: dict[str, str] = field(default_factory=dict)
    labels: set[str] = field(default_factory=set)
    slowest_seconds: float = 0.0
    unusual: list[str] = field(default_factory=list)


class Clients:
    """Clients of one service, each with a connection that it keeps."""

    def __init__(self, address: str, key: str) -> None:
        self.record = Record()
        self._address = address
        self._headers = {"Authorization": f"Bearer {key}"}
        self._lock = Lock()
        self._stop = Event()
        self._recovered: dict[int, float] = {}
        self._mark = monotonic()
        self._threads = [Thread(target=self._run, args=(number,), daemon=True) for number in range(CLIENTS)]

    def start(self) -> None:
        """Start sending."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop after the requests in flight were answered."""
        self._stop.set()
        for thread in self._threads:
            thread.join(2 * _GIVE_UP_SECONDS)

    def seconds_to_recover(self, since: float, limit: float) -> float:
        """Return the seconds from `since` until every client had a success that it asked for later, up to `limit`."""
        with self._lock:
            self._mark, self._recovered = since, {}
        while monotonic() < since + limit:
            with self._lock:
                if len(self._recovered) == CLIENTS:
                    return max(self._recovered.values()) - since
            sleep(0.01)
        return limit

    def _run(self, number: int) -> None:
        count = 0
        with closing(httpx.Client(base_url=self._address, headers=self._headers, timeout=_GIVE_UP_SECONDS)) as client:
            while not self._stop.is_set():
                count += 1
                text = (
                    f"Client {number} wrote comment {count}. Best casino bonus: http://lucky.example/{number}/{count}"
                )
                answer = self._send(client, number, "POST", "/v1/score", {"text": text})
                if answer is not None:
                    self._note_decision(text, answer)
                    path = f"/v1/decisions/{answer['id']}/label"
                    if count % LABEL_EVERY == 0 and self._send(client, number, "PUT", path, {"label": "spam"}):
                        self.record.labels.add(text)
                sleep(_PAUSE_SECONDS)

    def _note_decision(self, text: str, answer: dict[str, Any]) -> None:
        self.record.decisions[text] = answer["id"]
        if answer["degraded"]:
            self.record.unusual.append("judged without a model")

    def _send(
        self, client: httpx.Client, number: int, method: str, path: str, body: dict[str, str]
    ) -> dict[str, Any] | None:
        """Send a request until it succeeds, as a careful client does. Returns `None` if it has to stop before."""
        headers = {"Idempotency-Key": uuid4().hex}
        while True:
            begin = monotonic()
            try:
                response = client.request(method, path, json=body, headers=headers)
            except httpx.ConnectError:
                self._count(-1)
            except _CONNECTION_CUT:
                self._count(0)
            except httpx.TimeoutException:
                self._count(0, monotonic() - begin, f"{method}: no answer within {_GIVE_UP_SECONDS:g} s")
            else:
                if response.is_success:
                    self._count(response.status_code, monotonic() - begin)
                    self._note_success(number, begin)
                    return dict(response.json())
                allowed = response.status_code == httpx.codes.SERVICE_UNAVAILABLE and "Retry-After" in response.headers
                unusual = "" if allowed else f"{method}: {response.status_code} {response.text[:200]}"
                self._count(response.status_code, monotonic() - begin, unusual)
            if self._stop.is_set():
                return None
            sleep(_RETRY_SECONDS)

    def _note_success(self, number: int, begin: float) -> None:
        with self._lock:
            if begin >= self._mark:
                self._recovered.setdefault(number, monotonic())

    def _count(self, status: int, seconds: float = 0.0, unusual: str = "") -> None:
        with self._lock:
            self.record.statuses[status] += 1
            self.record.slowest_seconds = max(self.record.slowest_seconds, seconds)
            if unusual:
                self.record.unusual.append(unusual)
