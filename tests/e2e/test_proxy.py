"""docs/proxy/nginx.conf in front of the real service: what gets through, what stays inside, what it says itself."""

import json
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

from tests.e2e.proxy import Place, proxied
from tests.e2e.service import Served, Service, served
from tests.e2e.wanted import need

BLOG = "https://bakery.example"
COMMENT = {"blog": BLOG, "user_ip": "192.0.2.7", "comment_author": "viagra-test-123"}
GUID = re.compile(r"[0-9a-f]{32}")

pytestmark = pytest.mark.e2e


@dataclass(frozen=True)
class Outside:
    """The world in front of the proxy."""

    place: Place
    trusted: ssl.SSLContext
    key: str
    service: Served

    def ask(self, host: str, path: str, data: dict[str, str] | None = None, *, tls: bool = True) -> httpx.Response:
        """What the proxy answers when it is called by the name `host`: to a POST of `data`, else to a GET."""
        origin = f"https://{self.place.address}:{self.place.https}" if tls else f"http://127.0.0.1:{self.place.http}"
        with httpx.Client(verify=self.trusted, timeout=30, trust_env=False) as client:
            return client.request(
                "GET" if data is None else "POST",
                origin + path,
                data=data,
                headers={"Host": host},
                extensions={"sni_hostname": host},
            )

    def raw(self, sent: bytes) -> bytes:
        """All that is answered to `sent` over plain http until the proxy closes."""
        with closing(socket.create_connection((self.place.address, self.place.http), timeout=30)) as line:
            line.sendall(sent)
            return b"".join(iter(lambda: line.recv(65536), b""))

    @property
    def own_name(self) -> str:
        return f"{self.key}.{self.place.akismet}"


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    need(nginx="nginx-light", openssl="openssl")
    service = Service(tmp_path_factory.mktemp("service"))
    service.prepare()
    key = json.loads(service.moderation("site", "add", BLOG, "--json"))["key"]
    place = Place("127.0.0.1", free_port(), free_port())
    folder = tmp_path_factory.mktemp("proxy")
    with served(service) as running, proxied(running.port, place, folder) as authority:
        yield Outside(place, ssl.create_default_context(cafile=str(authority)), key, running)


def is_held_by_wordpress(reply: httpx.Response) -> bool:
    """Neither verdict, not HTML, and with the guid by which the plugin finds its comment."""
    return (
        reply.text not in {"true", "false"}
        and "<" not in reply.text
        and reply.headers["Content-Type"] == "text/plain; charset=utf-8"
        and GUID.fullmatch(reply.headers["X-akismet-guid"]) is not None
    )


@pytest.mark.parametrize("tls", [True, False])
def test_the_first_label_of_the_name_is_the_key(outside: Outside, tls: bool) -> None:
    """The host arrives as it was sent, over https and over plain http, and the service's guid goes through alone."""
    reply = outside.ask(outside.own_name, "/1.1/comment-check", COMMENT, tls=tls)
    assert (reply.status_code, reply.text) == (200, "true")
    (guid,) = reply.headers.get_list("X-akismet-guid")
    assert GUID.fullmatch(guid)
    stranger = f"ffffffffffff.{outside.place.akismet}"
    assert outside.ask(stranger, "/1.1/comment-check", COMMENT, tls=tls).text == "invalid"


def test_the_key_may_be_a_parameter(outside: Outside) -> None:
    """Under the name without a key."""
    body = {"api_key": outside.key, "blog": BLOG}
    assert outside.ask(outside.place.akismet, "/1.1/verify-key", body).text == "valid"


def test_a_proxy_setting_works(outside: Outside) -> None:
    """A client that takes us for its web proxy sends the whole address in its first line; CONNECT is refused."""
    body = f"blog={BLOG}&user_ip=&comment_author=viagra-test-123".encode()
    head = f"POST http://{outside.own_name}/1.1/comment-check HTTP/1.1\r\nHost: {outside.own_name}\r\n"
    rest = f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    assert outside.raw((head + rest).encode() + body).endswith(b"\r\n\r\ntrue")
    refused = outside.raw(b"CONNECT rest.example.org:443 HTTP/1.1\r\nHost: rest.example.org:443\r\n\r\n")
    assert re.match(rb"HTTP/1\.1 40\d ", refused)


def test_a_comment_that_is_too_large_is_held(outside: Outside) -> None:
    """The proxy refuses it itself, whether its length was told before or not, and still sends a guid."""
    large = {**COMMENT, "comment_content": "x" * 2**20}
    reply = outside.ask(outside.own_name, "/1.1/comment-check", large)
    assert reply.status_code == 413 and is_held_by_wordpress(reply)
    head = f"POST /1.1/comment-check HTTP/1.1\r\nHost: {outside.own_name}\r\nTransfer-Encoding: chunked\r\n\r\n"
    told = outside.raw(head.encode() + b"100001\r\n" + b"x" * 0x100001 + b"\r\n0\r\n\r\n")
    assert told.startswith(b"HTTP/1.1 413 ") and re.search(rb"\r\nX-akismet-guid: [0-9a-f]{32}\r\n", told)


@pytest.mark.parametrize("path", ["/metrics", "/livez", "/readyz", "//metrics", "/%6detrics", "/queue/../metrics"])
def test_health_stays_inside(outside: Outside, path: str) -> None:
    """Neither name shows it, however it is spelled."""
    for host in (outside.place.akismet, outside.place.queue):
        assert outside.ask(host, path).status_code == 404


def test_the_queue_and_our_own_door_have_their_name(outside: Outside) -> None:
    """A moderator's page and /v1 over https under the second name, and only there."""
    place = outside.place
    assert "csrf_token" in outside.ask(place.queue, "/queue/sign-in").text
    assert outside.ask(place.queue, "/v1/score", {}).status_code == 401
    assert outside.ask(place.queue, "/1.1/verify-key", {}).status_code == 404
    assert outside.ask(place.akismet, "/queue/sign-in").status_code == 404
    plain = outside.ask(place.queue, "/queue", tls=False)
    assert plain.status_code == 301 and plain.headers["Location"] == f"https://{place.queue}/queue"


def test_a_service_that_is_too_slow_has_the_comment_held(outside: Outside) -> None:
    """503 before the plugin gives up waiting; afterwards all is as before."""
    with outside.service.asleep():
        reply = outside.ask(outside.own_name, "/1.1/comment-check", COMMENT)
        assert reply.status_code == 503 and is_held_by_wordpress(reply)
        assert reply.elapsed.total_seconds() < 12
    assert outside.ask(outside.own_name, "/1.1/comment-check", COMMENT).text == "true"


def test_a_service_that_is_down_has_the_comment_held(outside: Outside, tmp_path: Path) -> None:
    """503 at once, with when to ask again."""
    place = replace(outside.place, http=free_port(), https=free_port())
    with proxied(free_port(), place, tmp_path) as authority:
        alone = replace(outside, place=place, trusted=ssl.create_default_context(cafile=str(authority)))
        reply = alone.ask(outside.own_name, "/1.1/comment-check", COMMENT)
    assert reply.status_code == 503 and is_held_by_wordpress(reply)
    assert reply.headers["Retry-After"] == "60" and reply.elapsed.total_seconds() < 1
