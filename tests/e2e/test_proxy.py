"""deploy/nginx.conf in front of the real service: requests that pass, paths that are closed, answers of the proxy."""

import json
import re
import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

from tests.e2e.prerequisites import require_tools
from tests.e2e.proxy import ProxyConfig, running_proxy
from tests.e2e.service import ROOT, Served, Service, free_port, served

BLOG = "https://bakery.example"
COMMENT = {"blog": BLOG, "user_ip": "192.0.2.7", "comment_author": "viagra-test-123"}
PASSWORD = "correct horse battery"
GUID = re.compile(r"[0-9a-f]{32}")

pytestmark = pytest.mark.e2e


@dataclass(frozen=True)
class ProxyClient:
    """A client that calls the proxy by any of its names."""

    config: ProxyConfig
    trusted: ssl.SSLContext
    key: str
    service: Served

    def ask(
        self,
        host: str,
        path: str,
        data: dict[str, str] | None = None,
        *,
        tls: bool = True,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Call the proxy by the name `host`: with a POST if there is `data`, else with a GET."""
        origin = f"https://{self.config.address}:{self.config.https}" if tls else f"http://127.0.0.1:{self.config.http}"
        with httpx.Client(verify=self.trusted, timeout=30, trust_env=False) as client:
            return client.request(
                "GET" if data is None else "POST",
                origin + path,
                data=data,
                headers={"Host": host, **(headers or {})},
                extensions={"sni_hostname": host},
            )

    def raw(self, request: bytes) -> bytes:
        """Send bytes over plain http, and return all bytes until the proxy closes."""
        with closing(socket.create_connection((self.config.address, self.config.http), timeout=30)) as connection:
            connection.sendall(request)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    @property
    def own_name(self) -> str:
        return f"{self.key}.{self.config.akismet}"


def locations(service: int) -> str:
    """Return the example of docs/install.md for a service under a path."""
    page = (ROOT / "docs" / "install.md").read_text("utf-8")
    (example,) = re.findall(r"^```nginx\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert "http://127.0.0.1:8000/;" in example
    return str(example).replace("127.0.0.1:8000", f"127.0.0.1:{service}")


@pytest.fixture(scope="module")
def proxy_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxyClient]:
    require_tools(nginx="nginx-light", openssl="openssl")
    service = Service(tmp_path_factory.mktemp("service"))
    service.prepare()
    key = json.loads(service.moderation("site", "add", BLOG, "--json"))["key"]
    password_file = service.folder / "password"
    password_file.write_text(PASSWORD, "utf-8")
    service.moderation("moderator", "add", "mara", "--role", "operator", "--password-file", str(password_file))
    config = ProxyConfig("127.0.0.1", free_port(), free_port())
    folder = tmp_path_factory.mktemp("proxy")
    with served(service) as running, running_proxy(running.port, config, folder, locations(running.port)) as authority:
        yield ProxyClient(config, ssl.create_default_context(cafile=str(authority)), key, running)


def is_held_by_wordpress(reply: httpx.Response) -> bool:
    """Return whether the plugin holds a comment for this reply: no verdict, no HTML, but a guid.

    Other clients take a reply without a debug help for ham.
    """
    return (
        reply.text not in {"true", "false"}
        and "<" not in reply.text
        and reply.headers["Content-Type"] == "text/plain; charset=utf-8"
        and GUID.fullmatch(reply.headers["X-akismet-guid"]) is not None
        and "X-akismet-debug-help" in reply.headers
    )


@pytest.mark.parametrize("tls", [True, False])
def test_the_first_label_of_the_name_is_the_key(proxy_client: ProxyClient, tls: bool) -> None:
    """The host arrives unchanged, over https and plain http, and the reply has one guid, the service's."""
    reply = proxy_client.ask(proxy_client.own_name, "/1.1/comment-check", COMMENT, tls=tls)
    assert (reply.status_code, reply.text) == (200, "true")
    (guid,) = reply.headers.get_list("X-akismet-guid")
    assert GUID.fullmatch(guid)
    stranger = f"ffffffffffff.{proxy_client.config.akismet}"
    assert proxy_client.ask(stranger, "/1.1/comment-check", COMMENT, tls=tls).text == "invalid"


def test_the_key_may_be_a_parameter(proxy_client: ProxyClient) -> None:
    """The key can be a parameter under the name without one."""
    body = {"api_key": proxy_client.key, "blog": BLOG}
    assert proxy_client.ask(proxy_client.config.akismet, "/1.1/verify-key", body).text == "valid"


def test_a_proxy_setting_works(proxy_client: ProxyClient) -> None:
    """A client that uses nginx as its web proxy sends the whole address in its first line; CONNECT is refused."""
    body = f"blog={BLOG}&user_ip=&comment_author=viagra-test-123".encode()
    head = f"POST http://{proxy_client.own_name}/1.1/comment-check HTTP/1.1\r\nHost: {proxy_client.own_name}\r\n"
    rest = f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    assert proxy_client.raw((head + rest).encode() + body).endswith(b"\r\n\r\ntrue")
    refused = proxy_client.raw(b"CONNECT rest.example.org:443 HTTP/1.1\r\nHost: rest.example.org:443\r\n\r\n")
    assert re.match(rb"HTTP/1\.1 40\d ", refused)


def test_a_comment_that_is_too_large_is_held(proxy_client: ProxyClient) -> None:
    """The proxy refuses it, with or without a Content-Length, and still sends a guid."""
    large = {**COMMENT, "comment_content": "x" * 2**20}
    reply = proxy_client.ask(proxy_client.own_name, "/1.1/comment-check", large)
    assert reply.status_code == 413 and is_held_by_wordpress(reply)
    head = f"POST /1.1/comment-check HTTP/1.1\r\nHost: {proxy_client.own_name}\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunked = proxy_client.raw(head.encode() + b"100001\r\n" + b"x" * 0x100001 + b"\r\n0\r\n\r\n")
    assert chunked.startswith(b"HTTP/1.1 413 ") and re.search(rb"\r\nX-akismet-guid: [0-9a-f]{32}\r\n", chunked)


@pytest.mark.parametrize("path", ["/metrics", "/livez", "/readyz", "//metrics", "/%6detrics", "/queue/../metrics"])
def test_health_stays_inside(proxy_client: ProxyClient, path: str) -> None:
    """Neither name answers it, in any spelling of the path."""
    for host in (proxy_client.config.akismet, proxy_client.config.queue):
        assert proxy_client.ask(host, path).status_code == 404


def test_the_queue_and_the_json_api_have_their_name(proxy_client: ProxyClient) -> None:
    """The queue and /v1 are answered over https under the second name only."""
    config = proxy_client.config
    assert "csrf_token" in proxy_client.ask(config.queue, "/queue/sign-in").text
    assert proxy_client.ask(config.queue, "/v1/score", {}).status_code == 401
    assert proxy_client.ask(config.queue, "/1.1/verify-key", {}).status_code == 404
    assert proxy_client.ask(config.akismet, "/queue/sign-in").status_code == 404
    plain = proxy_client.ask(config.queue, "/queue", tls=False)
    assert plain.status_code == 301 and plain.headers["Location"] == f"https://{config.queue}/queue"


def test_under_a_path_everything_has_the_path(proxy_client: ProxyClient) -> None:
    """A moderator signs in, works and signs out there; problems and the OpenAPI document have the path too."""
    config = proxy_client.config
    origin = f"https://{config.address}:{config.https}"
    headers = {"Host": config.queue, "Referer": f"https://{config.queue}/moderation/queue"}
    with httpx.Client(verify=proxy_client.trusted, headers=headers, trust_env=False, timeout=30) as browser:

        def ask(path: str, **form: str) -> httpx.Response:
            method = "POST" if form else "GET"
            return browser.request(method, origin + path, data=form, extensions={"sni_hostname": config.queue})

        assert ask("/moderation/").headers["Location"] == "/moderation/queue"
        page = ask(ask("/moderation/queue").headers["Location"])
        token = re.findall(r'name="csrf_token" value="([^"]+)"', page.text)[0]
        answer = ask("/moderation/queue/sign-in", csrf_token=token, name="mara", password=PASSWORD)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/moderation/queue")
        cookies = [*page.headers.get_list("Set-Cookie"), *answer.headers.get_list("Set-Cookie")]
        assert cookies and all("; Path=/moderation/" in cookie for cookie in cookies)
        for path in ("/moderation/queue", "/moderation/queue/sites", "/moderation/docs"):
            shown = ask(path)
            assert shown.status_code == 200
            links = re.findall(r'(?:href|action|src)="(/[^"]*)"', shown.text)
            assert links and [link for link in links if not link.startswith("/moderation/")] == []
        (style,) = re.findall(r'rel="stylesheet" href="([^"]+)"', page.text)
        assert ask(style).status_code == 200
        assert ask("/moderation/openapi.json").json()["servers"] == [{"url": "/moderation"}]
        problem = ask("/moderation/v1/score", x="y").json()
        assert problem["type"] == "/moderation/docs#authentication-failed"
        assert problem["instance"] == "/moderation/v1/score"
        assert ask("/moderation/metrics").status_code == 404


def test_a_caller_names_neither_its_address_nor_a_path(proxy_client: ProxyClient) -> None:
    """The service knows the caller behind the proxy, so that wrong keys slow this one alone."""
    config = proxy_client.config

    def ask(client: httpx.Client, number: int) -> httpx.Response:
        claimed = {"Host": config.akismet, "X-Forwarded-For": f"192.0.2.{number}"}
        return client.post(f"http://{config.address}:{config.http}/1.1/verify-key", data={"key": "x"}, headers=claimed)

    with client_of("127.0.0.7") as stranger, client_of("127.0.0.8") as other, ThreadPoolExecutor(40) as pool:
        statuses = {answer.status_code for answer in pool.map(lambda number: ask(stranger, number), range(40))}
        assert statuses == {200, 429}
        assert ask(other, 1).elapsed.total_seconds() < 1
    claimed_path = proxy_client.ask(config.queue, "/queue", headers={"X-Forwarded-Prefix": "/evil"})
    assert claimed_path.headers["Location"].startswith("/queue/sign-in")


def client_of(address: str) -> httpx.Client:
    return httpx.Client(transport=httpx.HTTPTransport(local_address=address), timeout=30)


def test_a_service_that_is_too_slow_has_the_comment_held(proxy_client: ProxyClient) -> None:
    """503 before the plugin's timeout; when the service answers again, so does the proxy."""
    with proxy_client.service.paused():
        reply = proxy_client.ask(proxy_client.own_name, "/1.1/comment-check", COMMENT)
        assert reply.status_code == 503 and is_held_by_wordpress(reply)
        assert reply.elapsed.total_seconds() < 12
    assert proxy_client.ask(proxy_client.own_name, "/1.1/comment-check", COMMENT).text == "true"


def test_a_service_that_is_down_has_the_comment_held(proxy_client: ProxyClient, tmp_path: Path) -> None:
    """503 at once, with a Retry-After."""
    config = replace(proxy_client.config, http=free_port(), https=free_port())
    with running_proxy(free_port(), config, tmp_path) as authority:
        alone = replace(proxy_client, config=config, trusted=ssl.create_default_context(cafile=str(authority)))
        reply = alone.ask(proxy_client.own_name, "/1.1/comment-check", COMMENT)
    assert reply.status_code == 503 and is_held_by_wordpress(reply)
    assert reply.headers["Retry-After"] == "60" and reply.elapsed.total_seconds() < 1
