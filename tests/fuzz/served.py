"""A real service to send hostile bytes to: its address, its one worker, and how it answers an input."""

import http.client
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from time import monotonic

import httpx

from tests.e2e.service import Served, Service, served
from tests.fuzz.time_limit import without_hang
from tests.postgresql import NOT_DURABLE, running_server

KEY = "0123456789ab"
SITE = "https://fuzz.example"
PASSWORD = "correct horse battery"
CLIENT_SECONDS = 30.0


@dataclass(frozen=True)
class Answer:
    """The response to an input."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def assert_sound(self) -> None:
        """Fail for a status of 500 or above."""
        assert self.status < 500, (self.status, self.body[:300])


class FuzzedService:
    """A served service. Inputs travel one after another on one connection, which is opened again when it ends."""

    def __init__(self, running: Served) -> None:
        self.port = running.port
        self.address = f"http://127.0.0.1:{running.port}"
        self._pid = running.process.pid
        self._worker = self._find_worker()
        self._socket: socket.socket | None = None
        self._printed: list[str] = []
        stdout = running.process.stdout
        assert stdout is not None
        # A full pipe would stop the server.
        Thread(target=lambda: self._printed.extend(stdout), daemon=True).start()

    def send(self, method: str, target: str, headers: list[tuple[str, str]], body: bytes = b"") -> Answer:
        """Return the answer to a request with any content, framed as HTTP asks for. Fails if it hangs."""
        lines = [f"{method} {target} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers]
        head = "\r\n".join(lines).encode("latin-1")
        answer = without_hang(lambda: self._exchange(head + b"\r\n\r\n" + body, method), monotonic)
        answer.assert_sound()
        return answer

    def send_raw(self, raw: bytes) -> None:
        """Send any bytes on a connection of their own, and end our side. Fails unless the server answers or ends it."""
        answer = without_hang(lambda: self._answer_or_end(raw), monotonic)
        if answer is not None:
            answer.assert_sound()

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def assert_unharmed(self) -> None:
        """Fail if the worker died, or if the service logged an unexpected error."""
        assert self._find_worker() == self._worker, "".join(self._printed)[-5_000:]
        faults = [line for line in self._printed if re.search(r"Traceback|ERROR|panicked|unexpected error", line)]
        assert not faults, "".join(self._printed)[-5_000:]

    def _find_worker(self) -> str:
        return Path(f"/proc/{self._pid}/task/{self._pid}/children").read_text()

    def _connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), CLIENT_SECONDS)

    def _exchange(self, request: bytes, method: str) -> Answer:
        for _ in range(2):
            self._socket, reused = self._socket or self._connect(), self._socket is not None
            try:
                # The server may refuse a body before its end, with an answer.
                with suppress(BrokenPipeError):
                    self._socket.sendall(request)
                answer, ends = _read_answer(self._socket, method)
            except (ConnectionError, http.client.BadStatusLine):
                self.close()
                # The server may close a connection that we would use again; a new one it must answer.
                if not reused:
                    raise
            else:
                if ends:
                    self.close()
                return answer
        raise AssertionError("The server closed two connections.")

    def _answer_or_end(self, raw: bytes) -> Answer | None:
        method = raw.partition(b" ")[0].decode("latin-1")
        with self._connect() as connection, suppress(ConnectionError):
            connection.sendall(raw)
            # Fails if the server has ended the connection, maybe with an answer.
            with suppress(OSError):
                connection.shutdown(socket.SHUT_WR)
            return _read_answer(connection, method)[0]
        return None


def _read_answer(connection: socket.socket, method: str) -> tuple[Answer, bool]:
    """Return the answer, and whether the connection ends with it."""
    response = http.client.HTTPResponse(connection, method=method)
    with response:
        response.begin()
        return Answer(response.status, response.headers, response.read()), response.will_close


@contextmanager
def fuzzed_service(folder: Path, database: str) -> Iterator[FuzzedService]:
    """Serve on a new database with the site and key of this module; fail at the end if the service took harm.

    Every comment of the site is held, so that the queue's pages show what was sent.
    """
    with ExitStack() as stack:
        settings = {"MODERATION_MAX_CHECKS_PER_MINUTE": "0"}
        if database == "postgresql":
            server = stack.enter_context(running_server(NOT_DURABLE))
            server.create_template()
            settings["MODERATION_DATABASE_URL"] = stack.enter_context(server.database())
        service = Service(folder, settings)
        service.prepare()
        service.moderation("site", "add", SITE, "--key", KEY)
        service.moderation("site", "thresholds", SITE, "--review", "1e-12", "--spam", "1", "--discard", "1")
        (folder / "password").write_text(PASSWORD)
        service.moderation("moderator", "add", "mara", "--password-file", str(folder / "password"))
        fuzzed = FuzzedService(stack.enter_context(served(service)))
        stack.callback(fuzzed.close)
        yield fuzzed
        fuzzed.assert_unharmed()


def sign_in(service: FuzzedService) -> tuple[str, str]:
    """Sign mara in. Returns the `Cookie` header of her browser, and the CSRF token of its forms."""
    with httpx.Client(base_url=service.address, follow_redirects=True) as browser:
        token = _csrf_token(browser.get("/queue/sign-in").text)
        fields = {"csrf_token": token, "name": "mara", "password": PASSWORD}
        page = browser.post("/queue/sign-in", data=fields)
        assert page.url.path == "/queue", page.text
        return "; ".join(f"{name}={value}" for name, value in browser.cookies.items()), _csrf_token(page.text)


def _csrf_token(page: str) -> str:
    match = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert match, "the page has no form"
    return match[1]
