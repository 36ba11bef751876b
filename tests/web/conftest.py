"""A served application over the desk of the cast, and callers of its doors."""

import re
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from moderation.actions.access import add_site, set_policy
from moderation.actions.desk import Desk
from moderation.domain.policy import Policy
from moderation.domain.site import Moderator, Site
from moderation.settings import Settings
from moderation.web.app import create_app
from tests.conftest import PASSWORD
from tests.e2e.pages import unmarked

KEY = "0123456789ab"
BLOG = "https://blog.example.org"

_NEVER, _ALWAYS = 1.0, 1e-12
PUBLISH_ALL = Policy(_NEVER, _NEVER, _NEVER)
HOLD_ALL = Policy(_ALWAYS, _NEVER, _NEVER)
SPAM_ALL = Policy(_ALWAYS, _ALWAYS, _NEVER)
DISCARD_ALL = Policy(_ALWAYS, _ALWAYS, _ALWAYS)


@dataclass(frozen=True)
class Blog:
    """A blog backend: it calls our own door with its key, and can have its lines drawn elsewhere."""

    desk: Desk
    client: FlaskClient
    site: Site

    def call(self, method: str, path: str, json: Any = None, **more: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {KEY}", **more.pop("headers", {})}
        return self.client.open(path, method=method, json=json, headers=headers, **more)

    def score(self, text: str, **fields: str | None) -> dict[str, Any]:
        reply = self.call("POST", "/v1/score", {"text": text, **fields})
        assert reply.status_code == 200, reply.text
        decision: dict[str, Any] = reply.get_json()
        return decision

    def akismet(self, endpoint: str, **fields: str) -> TestResponse:
        sent = {"api_key": KEY, "blog": BLOG, "user_ip": "192.0.2.7", **fields}
        return self.client.post(f"/1.1/{endpoint}", data=sent)

    def draw(self, policy: Policy) -> None:
        set_policy(self.desk, BLOG, policy)


class Browser:
    """A moderator's browser: keeps cookies, and sends forms with the token that the page gave it."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, path: str) -> TestResponse:
        return self.client.get(path)

    def read(self, path: str) -> str:
        """What a page says, without the marks around what weighed for or against a comment."""
        return unmarked(self.get(path).text)

    def token(self, path: str = "/queue") -> str:
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.client.get(path, follow_redirects=True).text)
        assert found, "the page has no form"
        return found[1]

    def send(self, path: str, *, page: str = "/queue", **fields: str) -> TestResponse:
        return self.client.post(path, data={"csrf_token": self.token(page), **fields})

    def sign_in(self, name: str = "mara", password: str = PASSWORD, **fields: str) -> TestResponse:
        return self.send("/queue/sign-in", page="/queue/sign-in", name=name, password=password, **fields)

    def sign_in_again(self, **fields: str) -> TestResponse:
        """Signs out first."""
        self.send("/queue/sign-out")
        return self.sign_in(**fields)


@pytest.fixture
def app(desk: Desk, settings: Settings) -> Flask:
    return create_app(desk, settings)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def blog(desk: Desk, client: FlaskClient) -> Blog:
    """Our blog, whose key is `KEY`; it has no lines of its own until told otherwise."""
    return Blog(desk, client, add_site(desk, BLOG, KEY)[0])


@pytest.fixture
def modelless_blog(modelless_desk: Desk, settings: Settings) -> Blog:
    """Our blog on a service that has no model."""
    site, _ = add_site(modelless_desk, BLOG, KEY)
    return Blog(modelless_desk, create_app(modelless_desk, settings).test_client(), site)


@pytest.fixture
def mara(app: Flask, moderator: Moderator) -> Browser:
    """Mara, signed in."""
    browser = Browser(app.test_client())
    assert browser.sign_in().status_code == 303
    return browser
