"""Tokens at the API: each opens its part, of its site, until it ends; a site's key opens all."""

import re

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from moderation.actions.services import Services
from moderation.actions.sites import add_site
from moderation.actions.tokens import add_token, revoke_token
from moderation.domain.tokens import Purpose
from moderation.storage.engine import write_transaction
from tests.conftest import Clock
from tests.web.conftest import BLOG, Blog

CALLS = {
    "score": ("POST", "/v1/score", Purpose.SCORE, {"text": "Hello"}),
    "batch": ("POST", "/v1/score/batch", Purpose.SCORE, {"comments": [{"text": "Hello"}]}),
    "decision": ("GET", "/v1/decisions/{id}", Purpose.READ, None),
    "label": ("PUT", "/v1/decisions/{id}/label", Purpose.LABEL, {"label": "ham"}),
    "forget": ("DELETE", "/v1/decisions/{id}/label", Purpose.LABEL, None),
    "removal": ("PUT", "/v1/decisions/{id}/removal", Purpose.LABEL, {}),
    "export": ("POST", "/v1/privacy/export", Purpose.ADMIN, {"by": "name", "value": "Ada"}),
    "author": ("PUT", "/v1/author-rules", Purpose.LABEL, {"fact": "id", "value": "7", "standing": "trusted"}),
}
"""Each call of the API, with the purpose that it needs."""


def call(blog: Blog, name: str, token: str) -> TestResponse:
    method, path, _, body = CALLS[name]
    path = path.format(id=blog.score("Hello there")["id"])
    return blog.call(method, path, body, headers={"Authorization": f"Bearer {token}"})


def token(services: Services, *purposes: Purpose, days: int | None = 90, url: str = BLOG) -> str:
    return add_token(services, url, "a script", purposes, days).text


@pytest.mark.parametrize("name", CALLS)
def test_a_token_opens_its_part(blog: Blog, services: Services, name: str) -> None:
    """Another purpose gets 403, and changes nothing. The answer names the purposes."""
    needed = CALLS[name][2]
    assert call(blog, name, token(services, needed)).status_code < 300
    others = [purpose for purpose in Purpose if purpose is not needed]
    refused = call(blog, name, token(services, *others))
    assert refused.status_code == 403 and refused.content_type == "application/problem+json"
    assert f"not for `{needed}`" in refused.get_json(force=True)["detail"]


def test_expired_revoked_and_foreign_tokens_are_refused(blog: Blog, services: Services, clock: Clock) -> None:
    """Like a key that is none: 401. A token of another site does not find our decisions."""
    add_site(services, "https://other.example", "ffffffffffff")
    foreign = token(services, *Purpose, url="https://other.example")
    assert [call(blog, name, foreign).status_code for name in ("decision", "label", "score")] == [404, 404, 200]
    expired, revoked = token(services, *Purpose, days=1), add_token(services, BLOG, "b", list(Purpose), None)
    assert call(blog, "score", expired).status_code == call(blog, "score", revoked.text).status_code == 200
    revoke_token(services, revoked.token.id)
    clock.advance(86_400)
    for text in (expired, revoked.text, "moderation-", "moderation-" + "x" * 9_000, "moderation-é"):
        assert call(blog, "score", text.encode().decode("latin-1")).status_code == 401


def test_a_token_is_no_key_of_akismet(blog: Blog, services: Services) -> None:
    """Its clients send the site's key."""
    answer = blog.client.post("/1.1/verify-key", data={"key": token(services, *Purpose), "blog": BLOG})
    assert answer.text == "invalid"


def test_wrong_tokens_are_counted(client: FlaskClient, blog: Blog) -> None:
    """Like wrong keys, so that an address that tries many has to wait."""
    before = wrong_keys(client)
    assert call(blog, "decision", "moderation-wrong").status_code == 401
    assert wrong_keys(client) == before + 1


def wrong_keys(client: FlaskClient) -> float:
    counted = re.search(r"^moderation_wrong_keys_total (\S+)$", client.get("/metrics").text, re.MULTILINE)
    return float(counted[1]) if counted else 0.0


@pytest.mark.sqlite("it breaks a table")
def test_a_token_gets_the_site_s_answer_without_a_database(blog: Blog, services: Services) -> None:
    """A token that was used before gets 503, as the key does, not 401."""
    known = token(services, Purpose.SCORE)
    assert call(blog, "score", known).status_code == 200
    with write_transaction(services.engine) as connection:
        connection.exec_driver_sql("ALTER TABLE installation RENAME TO broken")
    method, path, _, body = CALLS["score"]
    assert blog.call(method, path, body, headers={"Authorization": f"Bearer {known}"}).status_code == 503
