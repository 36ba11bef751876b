"""An application over the test services, and clients of its channels."""

import re
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from moderation.actions.services import Services
from moderation.actions.sites import add_site, set_on_error, set_thresholds
from moderation.domain.decision import Moderator
from moderation.domain.site import OnError, Site
from moderation.domain.thresholds import Thresholds
from moderation.settings import Settings
from moderation.web.app import create_app
from tests.conftest import PASSWORD
from tests.e2e.pages import unmarked

KEY = "0123456789ab"
BLOG = "https://blog.example.org"

_NEVER, _ALWAYS = 1.0, 1e-12
PUBLISH_ALL = Thresholds(_NEVER, _NEVER, _NEVER)
HOLD_ALL = Thresholds(_ALWAYS, _NEVER, _NEVER)
SPAM_ALL = Thresholds(_ALWAYS, _ALWAYS, _NEVER)
DISCARD_ALL = Thresholds(_ALWAYS, _ALWAYS, _ALWAYS)


@dataclass(frozen=True)
class Blog:
    """A blog backend: it calls the JSON and the Akismet channel with its key, and can set its thresholds."""

    services: Services
    client: FlaskClient
    site: Site

    def call(self, method: str, path: str, json: Any = None, **more: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {KEY}", **more.pop("headers", {})}
        return self.client.open(path, method=method, json=json, headers=headers, **more)

    def score(self, text: str, **fields: str | None) -> dict[str, Any]:
        response = self.call("POST", "/v1/score", {"text": text, **fields})
        assert response.status_code == 200, response.text
        decision: dict[str, Any] = response.get_json()
        return decision

    def akismet(self, endpoint: str, **fields: str) -> TestResponse:
        sent = {"api_key": KEY, "blog": BLOG, "user_ip": "192.0.2.7", **fields}
        return self.client.post(f"/1.1/{endpoint}", data=sent)

    def set_thresholds(self, thresholds: Thresholds) -> None:
        set_thresholds(self.services, BLOG, thresholds)


def style_sheet(client: FlaskClient) -> str:
    """Return the path of the style sheet, as a page names it."""
    match = re.search(r'<link rel="stylesheet" href="([^"]+)"', client.get("/docs").text)
    assert match, "the page has no style sheet"
    return match[1]


class Seconds:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Browser:
    """A moderator's browser: keeps cookies, and sends forms with the page's CSRF token."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, path: str) -> TestResponse:
        return self.client.get(path)

    def read(self, path: str) -> str:
        """Return a page without the marks around the spans of reasons."""
        return unmarked(self.get(path).text)

    def token(self, path: str = "/queue") -> str:
        match = re.search(r'name="csrf_token" value="([^"]+)"', self.client.get(path, follow_redirects=True).text)
        assert match, "the page has no form"
        return match[1]

    def send(self, path: str, *, page: str = "/queue", **fields: str) -> TestResponse:
        return self.client.post(path, data={"csrf_token": self.token(page), **fields})

    def sign_in(self, name: str = "mara", password: str = PASSWORD, **fields: str) -> TestResponse:
        return self.send("/queue/sign-in", page="/queue/sign-in", name=name, password=password, **fields)

    def sign_in_again(self, **fields: str) -> TestResponse:
        """Signs out first."""
        self.send("/queue/sign-out")
        return self.sign_in(**fields)


@pytest.fixture
def app(services: Services, settings: Settings) -> Flask:
    """Return an application without a rate limit, which invented requests by the thousand would reach."""
    return create_app(services, settings.model_copy(update={"max_checks_per_minute": 0}))


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def blog(services: Services, client: FlaskClient) -> Blog:
    """Our blog, whose key is `KEY`; it sets no thresholds."""
    return Blog(services, client, add_site(services, BLOG, KEY)[0])


@pytest.fixture
def blog_without_model(services_without_model: Services, settings: Settings) -> Blog:
    """Our blog on a service that has no model; its comments then go to review."""
    add_site(services_without_model, BLOG, KEY)
    site = set_on_error(services_without_model, BLOG, OnError.REVIEW)
    return Blog(services_without_model, create_app(services_without_model, settings).test_client(), site)


@pytest.fixture
def mara(app: Flask, moderator: Moderator) -> Browser:
    """Mara, signed in."""
    browser = Browser(app.test_client())
    assert browser.sign_in().status_code == 303
    return browser
