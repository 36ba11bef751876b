"""Callers without a key try to stop a real service; a site, a moderator and `/livez` must be answered all the same.

The strangers have addresses that the service does not trust, and open each connection again that it closes. They are
one process of the lowest priority that only sends bytes: the processors that they take are not the service's doing.
"""

import asyncio
import multiprocessing
import os
import re
import socket
import statistics
import tempfile
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from itertools import count, repeat
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event as EventType
from pathlib import Path
from threading import Event, Thread
from time import monotonic, perf_counter, sleep
from typing import Any
from urllib.parse import urlencode

import httpx

from benchmarks.installation import Installation
from benchmarks.rows import Row, at_least, at_most, at_most_ratio, figure
from moderation.web.queue.devices import COOKIE_NAME

DEFAULT_SECONDS = 60.0
SILENT_PER_ROUTE = 8
HALF_OPEN_HEADS = 2_000
SLOW_READERS = 200
SIGN_IN_CLIENTS = 20
CLIENTS_ON_THE_NAME = 10
FAILURES_ON_THE_NAME = 1_000
MAX_START_SECONDS = 60.0
MAX_SLOWDOWN = 3.0
MAX_LIVEZ_SECONDS = 1.0
MAX_SIGN_IN_SECONDS = 10.0

POST_ROUTES = (
    *(
        "/v1/score",
        "/v1/score/batch",
        "/v1/privacy/export",
        "/v1/privacy/erasure",
        "/queue/sign-in",
        "/queue/sign-out",
        "/queue/act",
    ),
    *("/queue/undo", "/queue/sweep", "/queue/campaigns/1", "/queue/campaigns/rules"),
    *("/queue/notes", "/queue/open", "/queue/views", "/queue/views/remove", "/queue/sign-in/code"),
    "/queue/sites/1/retention",
    *("/queue/account/totp", "/queue/account/totp/confirm", "/queue/account/totp/disable"),
    *("/1.1/verify-key", "/1.1/comment-check", "/1.1/submit-spam", "/1.1/submit-ham", "/1.1/get-subscription"),
    *(
        "/1.1/get-key-stats",
        "/1.1/key-sites",
        "/1.1/get-stats",
        "/1.2/get-key-stats",
        "/1.2/key-sites",
        "/1.2/usage-limit",
        "/1.1/test",
        "/1.1/token",
    ),
    *("/1.1/deactivate", "/1.1/verify-wpcom-key", "/1.2/compatible-plugins", "/coral/1"),
)
_ON_THE_NAME = "the moderator's name"
_SESSION_COOKIE = re.compile(r"(?i)^set-cookie: (moderation=[^;]+)", re.MULTILINE)
_LENGTH = re.compile(r"(?i)^content-length: ([0-9]+)", re.MULTILINE)
_CSRF_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
_COMMENT = {"text": "Thank you for the recipe, the bread was great.", "author": "Ana"}


def measure(seconds: float = DEFAULT_SECONDS) -> list[Row]:
    """Compare the time of comments without and with strangers, for `seconds` each."""
    with tempfile.TemporaryDirectory() as folder:
        installation = Installation(Path(folder), workers_number=1)
        installation.prepare()
        installation.start()
        try:
            installation.wait_until_ready()
            alone, _ = _site(installation, seconds)
            receiver, sender = multiprocessing.Pipe(duplex=False)
            context = multiprocessing.get_context("spawn")
            attacking, ended = context.Event(), context.Event()
            arguments = (installation.port, installation.moderator, attacking, ended, sender)
            strangers = context.Process(target=attack, args=arguments, daemon=True)
            strangers.start()
            if not attacking.wait(MAX_START_SECONDS):
                raise TimeoutError("The strangers could not connect.")
            moderator = Moderator(installation)
            moderator.start()
            among, livez = _site(installation, seconds)
            moderator.join()
            ended.set()
            counts = receiver.recv()
            strangers.join()
        finally:
            installation.stop()
    return [*_rows(alone, among, livez, counts), *moderator.rows(counts)]


def _rows(alone: list[float], among: list[float], livez: list[float], counts: Counter[str]) -> list[Row]:
    before, during = (1000 * statistics.quantiles(times, n=100)[98] for times in (alone, among))
    return [
        at_most_ratio(
            "a comment among strangers, 99th percentile",
            during,
            "ms",
            baseline="without strangers",
            baseline_value=before,
            max_ratio=MAX_SLOWDOWN,
        ),
        at_most("the slowest answer of /livez", max(livez), MAX_LIVEZ_SECONDS, "seconds"),
        figure("comments among strangers", len(among), "answers"),
        *(
            figure(name, number, "answers" if "answered" in name else "connections")
            for name, number in sorted(counts.items())
        ),
    ]


def _site(installation: Installation, seconds: float) -> tuple[list[float], list[float]]:
    """Return the times of one comment after the other, and of `/livez` once a second. Raises `httpx.HTTPError`."""
    livez: list[float] = []
    ended = Event()
    supervisor = Thread(target=_ask_livez, args=(installation, ended, livez))
    supervisor.start()
    times = []
    headers = {"Authorization": f"Bearer {installation.key}"}
    try:
        with httpx.Client(base_url=installation.address, headers=headers, timeout=30) as client:
            end = monotonic() + seconds
            while monotonic() < end:
                started = perf_counter()
                client.post("/v1/score", json=_COMMENT).raise_for_status()
                times.append(perf_counter() - started)
    finally:
        ended.set()
        supervisor.join()
    return times, livez


def _ask_livez(installation: Installation, ended: Event, times: list[float]) -> None:
    while not ended.wait(1.0 if times else 0.1):
        started = perf_counter()
        try:
            httpx.get(f"{installation.address}/livez", timeout=10).raise_for_status()
        except httpx.HTTPError:
            times.append(float("inf"))
        times.append(perf_counter() - started)


def attack(
    port: int, moderator: str, attacking: EventType, ended: EventType, counts: "Connection[Counter[str], Any]"
) -> None:
    """Send all strangers at a service until `ended`, and then send the number of their connections."""
    os.nice(19)
    counts.send(asyncio.run(Strangers(port, moderator).run(attacking, ended)))


class Strangers:
    """Callers without a key, and the number of connections that they have opened."""

    def __init__(self, port: int, moderator: str) -> None:
        self._port = port
        self._moderator = moderator
        self._counts: Counter[str] = Counter()

    async def run(self, attacking: EventType, ended: EventType) -> "Counter[str]":
        """Call until `ended`; set `attacking` when all have called. Returns the number of connections of each kind."""
        tasks = [
            asyncio.create_task(self._again("silent", f"127.0.1.{1 + number}", _silence(path)))
            for path in POST_ROUTES
            for number in range(SILENT_PER_ROUTE)
        ]
        tasks += [
            asyncio.create_task(self._again("half-open head", f"127.0.2.{1 + number // 50}", _half_a_head))
            for number in range(HALF_OPEN_HEADS)
        ]
        tasks += [
            asyncio.create_task(self._again("slow reader", f"127.0.3.{1 + number // 10}", _read_slowly))
            for number in range(SLOW_READERS)
        ]
        rotating = (f"name {number}" for number in count())
        tasks += [
            asyncio.create_task(self._sign_in("a rotating name", f"127.0.4.{1 + number}", rotating))
            for number in range(SIGN_IN_CLIENTS)
        ]
        tasks += [
            asyncio.create_task(self._sign_in(_ON_THE_NAME, f"127.0.5.{1 + number}", repeat(self._moderator)))
            for number in range(CLIENTS_ON_THE_NAME)
        ]
        while self._counts["half-open head"] < HALF_OPEN_HEADS:  # noqa: ASYNC110 - the tasks have no event for it
            await asyncio.sleep(0.1)
        attacking.set()
        while not ended.is_set():  # noqa: ASYNC110 - another process sets it
            await asyncio.sleep(0.1)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return self._counts

    async def _again(self, kind: str, address: str, call: Callable[[socket.socket], Coroutine[Any, Any, None]]) -> None:
        while True:
            with suppress(OSError), socket.socket() as connection:
                connection.setblocking(False)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                connection.bind((address, 0))
                await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", self._port))
                self._counts[kind] += 1
                await call(connection)
            await asyncio.sleep(1)

    async def _sign_in(self, kind: str, address: str, names: Iterator[str]) -> None:
        while True:
            with suppress(OSError, asyncio.IncompleteReadError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port, local_addr=(address, 0))
                try:
                    await self._fail(kind, reader, writer, names)
                finally:
                    writer.close()
            await asyncio.sleep(0.1)

    async def _fail(
        self, kind: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, names: Iterator[str]
    ) -> None:
        writer.write(b"GET /queue/sign-in HTTP/1.1\r\nHost: localhost\r\n\r\n")
        head, page = await _response(reader)
        cookie, token = _SESSION_COOKIE.search(head), _CSRF_TOKEN.search(page)
        while cookie and token:
            form = urlencode({"csrf_token": token[1], "name": next(names), "password": "wrong password"})
            writer.write(
                "POST /queue/sign-in HTTP/1.1\r\nHost: localhost\r\n"
                f"Cookie: {cookie[1]}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                f"Content-Length: {len(form)}\r\n\r\n{form}".encode()
            )
            head, _ = await _response(reader)
            self._counts[f"sign-in with {kind} answered {head[9:12]}"] += 1


class Moderator(Thread):
    """A moderator who signs in on a new device during the attack, and then once more on this device."""

    def __init__(self, installation: Installation) -> None:
        super().__init__()
        self._installation = installation
        self._seconds: list[float] = []

    def run(self) -> None:
        """Sign in twice. Raises `httpx.HTTPError`."""
        device: dict[str, str] = {}
        for address in ("127.0.6.1", "127.0.6.2"):
            transport = httpx.HTTPTransport(local_address=address)
            origin = self._installation.address
            started = perf_counter()
            with httpx.Client(base_url=origin, transport=transport, cookies=device, timeout=30) as browser:
                while (answer := self._try(browser)).headers.get("Retry-After"):
                    sleep(float(answer.headers["Retry-After"]))
                if answer.is_error:
                    answer.raise_for_status()
                device = {COOKIE_NAME: answer.cookies[COOKIE_NAME]}
            self._seconds.append(perf_counter() - started)

    def rows(self, counts: "Counter[str]") -> list[Row]:
        """Return the times, and how often the stranger failed on the name. A sign-in without success took for ever."""
        new, known = [*self._seconds, float("inf"), float("inf")][:2]
        failures = sum(number for name, number in counts.items() if _ON_THE_NAME in name)
        return [
            at_most("a moderator signs in on a new device", new, MAX_SIGN_IN_SECONDS, "seconds"),
            at_most("a moderator signs in on a known device", known, MAX_SIGN_IN_SECONDS, "seconds"),
            at_least("failures on the moderator's name", failures, FAILURES_ON_THE_NAME, "answers"),
        ]

    def _try(self, browser: httpx.Client) -> httpx.Response:
        page = browser.get("/queue/sign-in")
        if page.is_error:
            return page
        token = _CSRF_TOKEN.search(page.text)
        form = {"csrf_token": token[1] if token else "", "name": self._installation.moderator}
        return browser.post("/queue/sign-in", data={**form, "password": self._installation.password})


async def _response(reader: asyncio.StreamReader) -> tuple[str, str]:
    """Return head and body of a response. Raises `IncompleteReadError` at the end of the connection."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    length = _LENGTH.search(head)
    return head, (await reader.readexactly(int(length[1]) if length else 0)).decode()


def _silence(path: str) -> Callable[[socket.socket], Coroutine[Any, Any, None]]:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n".encode()

    async def send(connection: socket.socket) -> None:
        await asyncio.get_running_loop().sock_sendall(connection, head)
        await _wait_for_the_end(connection)

    return send


async def _half_a_head(connection: socket.socket) -> None:
    await asyncio.get_running_loop().sock_sendall(connection, b"POST /v1/score HTTP/1.1\r\nHost: loc")
    await _wait_for_the_end(connection)


async def _read_slowly(connection: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(connection, 20 * b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n")
    while await loop.sock_recv(connection, 1):  # noqa: ASYNC110 - a slow reader is slow by the clock
        await asyncio.sleep(1)


async def _wait_for_the_end(connection: socket.socket) -> None:
    while await asyncio.get_running_loop().sock_recv(connection, 65536):
        pass
