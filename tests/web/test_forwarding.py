"""The caller's address and the public path behind a proxy."""

import re
from ipaddress import ip_network

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from moderation.actions.services import Services
from moderation.domain.decision import Moderator
from moderation.domain.errors import InvalidInput
from moderation.settings import Settings
from moderation.web.app import create_app
from moderation.web.forwarding import TrustedProxies, network_of
from tests.conftest import PASSWORD
from tests.web.conftest import Browser

PROXIES = TrustedProxies(map(ip_network, ("127.0.0.1", "10.0.0.0/8", "::1")))


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "address"),
    [
        ("192.0.2.1", "198.51.100.1", "192.0.2.1"),
        ("127.0.0.1", "", None),
        ("127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("::ffff:127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "203.0.113.9, 198.51.100.1, 10.1.2.3", "198.51.100.1"),
        ("10.1.2.3", "10.0.0.1,127.0.0.1", None),
        ("127.0.0.1", "198.51.100.1, unknown", "unknown"),
        ("::1", "2001:db8::7", "2001:db8::7"),
        ("::1", "2001:0db8:1:2:3:4:5:6", "2001:0db8:1:2:3:4:5:6"),
        ("127.0.0.1", "198.51.100.1:49152, 10.1.2.3:80", "198.51.100.1"),
        ("127.0.0.1", "[2001:db8::7]:49152", "2001:db8::7"),
        ("127.0.0.1", "[2001:db8::7]", "2001:db8::7"),
    ],
)
def test_the_rightmost_untrusted_address_is_the_caller(peer: str, forwarded_for: str, address: str | None) -> None:
    """Further left is the caller's own claim; only a trusted proxy is believed."""
    assert PROXIES.client_address(peer, forwarded_for) == address


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::2:3", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        (None, "", True),
        ("unix:", "", False),
    ],
)
def test_one_client_owns_an_ipv6_network(one: str | None, other: str, same: bool) -> None:
    """A client may choose among the addresses of its network."""
    assert (network_of(one) == network_of(other)) is same


def ask(app: Flask, path: str, peer: str, prefix: str = "") -> TestResponse:
    headers = {"X-Forwarded-Prefix": prefix} if prefix else {}
    return app.test_client().get(path, headers=headers, environ_base={"REMOTE_ADDR": peer})


@pytest.mark.parametrize("path", ["/queue", "/spam/filter/queue"])
def test_a_trusted_proxy_names_the_prefix(app: Flask, path: str) -> None:
    """Redirects, links, forms and static files have it, whether the proxy passes the prefix on or not."""
    redirect = ask(app, path, "127.0.0.1", "/spam/filter/")
    assert redirect.headers["Location"].startswith("/spam/filter/queue/sign-in")
    page = ask(app, "/queue/sign-in", "127.0.0.1", "/spam/filter").text
    link = re.search(r'href="(/spam/filter/static/[^"]+)"', page)
    assert link and 'action="/spam/filter/queue/sign-in"' in page
    with ask(app, link[1], "127.0.0.1", "/spam/filter") as style:
        assert style.status_code == 200


def test_a_sign_in_leads_back_to_the_page_under_the_prefix(app: Flask, moderator: Moderator) -> None:
    """The form carries the path without the prefix, which the redirect adds once."""
    browser = Browser(app.test_client())
    browser.client.environ_base |= {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_PREFIX": "/spam"}
    wanted = browser.get("/spam/queue?skipped=1").headers["Location"]
    form = browser.get(wanted).text
    assert 'name="next" value="/queue?skipped=1"' in form
    sign_in = "/spam/queue/sign-in"
    answer = browser.send(sign_in, page=sign_in, name="mara", password=PASSWORD, next="/queue?skipped=1")
    assert answer.headers["Location"] == "/spam/queue?skipped=1"


def test_problems_and_the_openapi_document_have_the_prefix(app: Flask) -> None:
    """A program that follows the type of a problem, or the address of the server, arrives."""
    problem = ask(app, "/v1/decisions/x", "127.0.0.1", "/spam").get_json(force=True)
    assert problem["type"] == "/spam/docs#authentication-failed" and problem["instance"] == "/spam/v1/decisions/x"
    assert ask(app, "/openapi.json", "127.0.0.1", "/spam").get_json()["servers"] == [{"url": "/spam"}]
    assert ask(app, "/openapi.json", "127.0.0.1").get_json()["servers"] == [{"url": "/"}]


def test_cookies_have_the_prefix(app: Flask) -> None:
    """Other services on the host of the proxy do not get them."""
    cookie = ask(app, "/queue/sign-in", "127.0.0.1", "/spam").headers["Set-Cookie"]
    assert "; Path=/spam/" in cookie
    assert "; Path=/" in ask(app, "/queue/sign-in", "127.0.0.1").headers["Set-Cookie"]


@pytest.mark.parametrize(
    ("peer", "prefix"), [("192.0.2.1", "/spam"), ("127.0.0.1", "//evil.example"), ("127.0.0.1", "/a b"), ("", "/spam")]
)
def test_no_other_prefix_counts(app: Flask, peer: str, prefix: str) -> None:
    """Neither of a stranger, nor one that would lead to another host."""
    assert ask(app, "/queue", peer, prefix).headers["Location"].startswith("/queue/sign-in")


def test_the_setting_names_the_prefix(services: Services, settings: Settings) -> None:
    """Without a header, for any proxy; the path under the prefix is no other page."""
    app = create_app(services, settings.model_copy(update={"path_prefix": "/spam"}))
    assert ask(app, "/spam", "192.0.2.1").headers["Location"] == "/spam/queue"
    assert ask(app, "/spamqueue", "192.0.2.1").status_code == 404


@pytest.mark.parametrize(
    ("name", "value"),
    [("TRUSTED_PROXIES", "10.0.0.0/33"), ("TRUSTED_PROXIES", "proxy"), ("PATH_PREFIX", "spam"), ("PATH_PREFIX", "//x")],
)
def test_an_unusable_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """The start ends with a sentence that names the variable."""
    monkeypatch.setenv(f"MODERATION_{name}", value)
    with pytest.raises(InvalidInput, match=f"MODERATION_{name}"):
        Settings.from_environment()
