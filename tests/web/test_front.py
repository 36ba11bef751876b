"""A served request: it is complete before a thread works on it, or it is refused."""

import json
import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass

import httpx
import pytest

from benchmarks.strangers import POST_ROUTES
from moderation.web.admission import MAX_PER_STRANGER
from moderation.web.front import (
    MAX_FORM_BODY_BYTES,
    MAX_KEYLESS_BODY_BYTES,
    STRANGERS_PAGES_PER_MINUTE,
    WRONG_KEYS_PER_MINUTE,
)
from tests.conftest import PASSWORD
from tests.e2e.service import Service, served

BODY_SECONDS = 1.5
STRANGER = "127.0.0.2"
"""Another address than the one of trusted proxies."""


@dataclass(frozen=True)
class Server:
    """A running server and the key of a site."""

    port: int
    key: str

    def raw(self, request: bytes, *, source: str = STRANGER, end: bool = False) -> bytes:
        """Send bytes and return all until the server closes; `end` closes our side first, as a crashed client does."""
        with closing(self.connect(source)) as connection:
            connection.sendall(request)
            if end:
                connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def connect(self, source: str = STRANGER) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30, source_address=(source, 0))

    def head(self, path: str, *lines: str) -> bytes:
        return "\r\n".join([f"POST {path} HTTP/1.1", "Host: localhost", *lines, "", ""]).encode()

    def score(self, content: bytes, key: str | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key or self.key}", "Content-Type": "application/json"}
        return httpx.post(f"http://127.0.0.1:{self.port}/v1/score", content=content, headers=headers, timeout=30)

    @property
    def authorization(self) -> str:
        return f"Authorization: Bearer {self.key}"

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = {"MODERATION_BODY_TIMEOUT_SECONDS": str(BODY_SECONDS)}
    service = Service(tmp_path_factory.mktemp("service"), settings)
    service.prepare()
    key = json.loads(service.moderation("site", "add", "https://bakery.example", "--json"))["key"]
    password_file = service.folder / "password"
    password_file.write_text(PASSWORD, "utf-8")
    service.moderation("moderator", "add", "mara", "--password-file", str(password_file))
    with served(service) as running:
        yield Server(running.port, key)


def client_from(server: Server, address: str) -> httpx.Client:
    """Return a client that calls the server from an address."""
    transport = httpx.HTTPTransport(local_address=address)
    return httpx.Client(base_url=f"http://127.0.0.1:{server.port}", transport=transport, timeout=30)


def status(response: bytes) -> int:
    assert response.startswith(b"HTTP/1.1 "), response
    return int(response[9:12])


def test_silence_takes_no_thread(server: Server) -> None:
    """While many senders say nothing, comments and supervisors are answered at once; then each sender gets 408."""
    paths = ("/v1/score", "/v1/score/batch", "/1.1/comment-check", "/queue/sign-in", "/readyz")
    silent = [(path, server.head(path, "Content-Length: 500")) for path in paths for _ in range(5)]
    started = time.monotonic()
    with ExitStack() as stack:
        connections = []
        for _, head in silent:
            connection = stack.enter_context(closing(server.connect()))
            connection.sendall(head + b"{")
            connections.append(connection)
        for path in ("/livez", "/readyz"):
            assert httpx.get(f"http://127.0.0.1:{server.port}{path}", timeout=1).status_code == 200
        assert server.score(b'{"text": "Hello"}').status_code == 200
        assert time.monotonic() - started < BODY_SECONDS
        answers = [b"".join(iter(lambda c=c: c.recv(65536), b"")) for c in connections]  # type: ignore[misc]
    assert {status(answer) for answer in answers} == {408}
    assert time.monotonic() - started < BODY_SECONDS + 3
    assert re.search(rb"x-akismet-guid: [0-9a-f]{32}\r\n", answers[10])


def test_a_slow_sender_has_one_deadline(server: Server) -> None:
    """Single bytes in good time do not prolong it."""
    with closing(server.connect()) as connection:
        connection.sendall(server.head("/v1/score", "Content-Length: 500"))
        started = time.monotonic()
        with pytest.raises(OSError, match=r"reset|pipe"):
            for _ in range(60):
                connection.sendall(b" ")
                time.sleep(0.1)
    assert BODY_SECONDS - 0.5 < time.monotonic() - started < BODY_SECONDS + 2


@pytest.mark.parametrize("path", ["/v1/score", "/1.1/comment-check"])
def test_a_body_that_is_cut_off_is_never_judged(server: Server, path: str) -> None:
    """Chunked or with its length, the request is answered with 400."""
    body = b'{"text": "Hello"}' if path == "/v1/score" else f"api_key={server.key}&comment_content=Hello".encode()
    common = (server.authorization, "Content-Type: application/json")
    chunk = f"{len(body):x}\r\n".encode() + body + b"\r\n"
    chunked = server.head(path, "Transfer-Encoding: chunked", *common) + chunk
    announced = server.head(path, f"Content-Length: {len(body) + 9}", *common) + body
    assert [status(server.raw(request, end=True)) for request in (chunked, chunked + b"5\r\nab", announced)] == [
        400
    ] * 3
    whole = server.head(path, "Transfer-Encoding: chunked", "Connection: close", *common) + chunk + b"0\r\n\r\n"
    answer = server.raw(whole)
    assert status(answer) == (200) and b"Missing" not in answer[:200]


def test_without_a_valid_key_bodies_are_small(server: Server) -> None:
    """413 before the body is read, 401 for a wrong key; with a valid key the limit is the setting's."""
    too_large = f"Content-Length: {MAX_KEYLESS_BODY_BYTES + 1}"
    assert status(server.raw(server.head("/queue/sign-in", too_large))) == 413
    assert status(server.raw(server.head("/v1/score", too_large))) == 401
    assert status(server.raw(server.head("/v1/score", too_large, "Authorization: Bearer 000000000000"))) == 401
    form = server.raw(server.head("/1.1/comment-check", f"Content-Length: {MAX_FORM_BODY_BYTES + 1}"))
    assert status(form) == 413 and b"x-akismet-guid: " in form
    content = json.dumps({"text": "x" * 2 * MAX_KEYLESS_BODY_BYTES}).encode()
    assert server.score(content).status_code == 200
    assert server.score(b" " * (2**20 + 1)).status_code == 413
    wrong_token = server.raw(server.head("/v1/score", too_large, "Authorization: Bearer moderation-x"))
    assert status(wrong_token) == 401


@pytest.mark.parametrize("path", [*POST_ROUTES, "/v1/nowhere", "/1.1/nowhere", "/nowhere", "/livez", "/metrics"])
def test_no_route_takes_a_large_body_without_a_key(server: Server, path: str) -> None:
    """Neither announced nor in chunks, whether the route exists or not, with any method and content type."""
    kinds = ("Content-Type: application/json", "Content-Type: multipart/form-data; boundary=x")
    announced = [
        server.raw(server.head(path, f"Content-Length: {MAX_FORM_BODY_BYTES + 1}", kind).replace(b"POST", method))
        for kind, method in zip(kinds, (b"POST", b"PUT"), strict=True)
    ]
    if path == "/livez":
        # It reads no body at all.
        assert {status(answer) for answer in announced} == {405}
    else:
        assert {status(answer) for answer in announced} <= {401, 413}


def test_a_client_that_waits_for_100_is_told_to_continue_or_not(server: Server) -> None:
    """`Expect: 100-continue` costs no second, and a body that is too large is never asked for."""
    small = server.head("/1.1/verify-key", "Content-Length: 5", "Expect: 100-continue", "Connection: close")
    with closing(server.connect()) as connection:
        connection.sendall(small)
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"key=x")
        assert b"HTTP/1.1 200 OK" in b"".join(iter(lambda: connection.recv(65536), b""))
    too_large = f"Content-Length: {MAX_FORM_BODY_BYTES + 1}"
    assert status(server.raw(server.head("/1.1/verify-key", too_large, "Expect: 100-continue"))) == 413


def test_other_methods_have_an_answer(server: Server) -> None:
    """HEAD and OPTIONS have no body; a method that no route takes is a 405."""
    with client_from(server, "127.0.0.11") as client:
        assert client.head("/livez").status_code == 200 and client.head("/livez").content == b""
        assert "POST" in client.options("/v1/score").headers["Allow"]
        for method in ("PUT", "PATCH", "DELETE", "TRACE", "BREW"):
            assert client.request(method, "/queue/sign-in").status_code == 405


def test_a_chunked_body_stops_at_the_limit(server: Server) -> None:
    """A sender without an announced length is refused as soon as it is over the limit."""
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    assert status(server.raw(server.head("/queue/sign-in", "Transfer-Encoding: chunked") + 2 * chunk)) == 413


def test_requests_of_one_address_are_capped(server: Server) -> None:
    """One stranger's requests beyond the cap are refused at once, other addresses are not."""
    with ExitStack() as stack:
        for _ in range(MAX_PER_STRANGER):
            connection = stack.enter_context(closing(server.connect("127.0.0.3")))
            connection.sendall(server.head("/queue/sign-in", "Content-Length: 5"))
        time.sleep(0.2)
        request = b"GET /queue/sign-in HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        assert status(server.raw(request, source="127.0.0.3")) == 429
        assert status(server.raw(request, source="127.0.0.4")) == 200


def test_wrong_keys_are_slowed(server: Server) -> None:
    """Beyond the rate of an address, answers come late or are 429; a valid key and other addresses are not slowed."""
    with ExitStack() as stack:
        client, other = (stack.enter_context(client_from(server, address)) for address in ("127.0.0.5", "127.0.0.6"))
        wrong = {"Authorization": "Bearer 000000000000"}
        started = time.monotonic()
        for number in range(WRONG_KEYS_PER_MINUTE):
            path = ("/v1/score", "/1.1/comment-check")[number % 2]
            assert client.post(path, headers=wrong).status_code == (401, 200)[number % 2]
        assert time.monotonic() - started < 2
        with ThreadPoolExecutor(6) as pool:
            answers = [pool.submit(client.post, "/1.1/verify-key", data={"key": "x"}) for _ in range(6)]
            time.sleep(0.3)
            assert client.post("/v1/score", json={"text": "x"}, headers=server.bearer).elapsed.total_seconds() < 1
            assert other.post("/v1/score", headers=wrong).elapsed.total_seconds() < 1
            late = [answer.result().status_code for answer in answers]
        assert sorted(late) == [200] * 2 + [429] * 4
        assert 3 < time.monotonic() - started < 7
        refused = next(answer.result() for answer in answers if answer.result().status_code == 429)
        assert int(refused.headers["Retry-After"]) >= 4


def test_a_stranger_s_pages_are_slowed(server: Server) -> None:
    """Beyond the rate of an address, pages come late or are 429, and another address is not slowed."""
    with client_from(server, "127.0.0.8") as stranger, client_from(server, "127.0.0.9") as other:
        for _ in range(STRANGERS_PAGES_PER_MINUTE):
            assert stranger.get("/queue/sign-in").elapsed.total_seconds() < 1
        with ThreadPoolExecutor(10) as pool:
            answers = [pool.submit(stranger.get, "/queue/sign-in") for _ in range(10)]
            time.sleep(0.3)
            assert other.get("/queue/sign-in").elapsed.total_seconds() < 1
            late = [answer.result() for answer in answers]
    refused = [answer for answer in late if answer.status_code == 429]
    assert 0 < len(refused) < len(late) and all(int(answer.headers["Retry-After"]) > 3 for answer in refused)
    assert min(answer.elapsed.total_seconds() for answer in refused) > 3


def test_the_pages_of_a_moderator_are_not_slowed(server: Server) -> None:
    """With a session, the address counts as known."""
    with client_from(server, "127.0.0.10") as mara:
        token = re.findall(r'name="csrf_token" value="([^"]+)"', mara.get("/queue/sign-in").text)[0]
        form = {"csrf_token": token, "name": "mara", "password": PASSWORD}
        assert mara.post("/queue/sign-in", data=form).status_code == 303
        for _ in range(STRANGERS_PAGES_PER_MINUTE + 20):
            page = mara.get("/queue")
            assert page.status_code == 200 and page.elapsed.total_seconds() < 1


def test_the_application_sees_the_request(server: Server) -> None:
    """Query, encoded paths and repeated headers arrive; HEAD has no body; a missing page is a 404."""
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}") as client:
        assert "before" in client.get("/queue?before=7").headers["Location"]
        assert (
            client.get("/v1/decisions/caf%C3%A9", headers={"Authorization": f"Bearer {server.key}"}).status_code == 404
        )
        assert client.head("/openapi.json").headers["Content-Length"] == str(len(client.get("/openapi.json").content))
        assert client.get("/nowhere").status_code == 404
        assert client.get("/livez", headers={"X-Request-Id": "abc"}).headers["X-Request-Id"] == "abc"
    two_cookies = b"GET /queue HTTP/1.1\r\nHost: localhost\r\nCookie: a=1\r\nCookie: b=2\r\nConnection: close\r\n\r\n"
    assert status(server.raw(two_cookies)) == 303


def test_many_clients_at_once(server: Server) -> None:
    """Answers reach the connection that asked."""

    def ask(number: int) -> bool:
        headers = {"X-Request-Id": f"request-{number}", "Authorization": f"Bearer {server.key}"}
        response = client.post("/v1/score", json={"text": "Hello"}, headers=headers)
        return response.status_code == 200 and response.headers["X-Request-Id"] == f"request-{number}"

    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}") as client, ThreadPoolExecutor(16) as pool:
        assert all(pool.map(ask, range(100)))
