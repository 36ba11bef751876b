"""Coral's external moderation phase: signed requests, answers in its form, and no request of anybody else."""

import hmac
import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from werkzeug.test import TestResponse

from moderation.actions.coral import set_coral_secret
from moderation.actions.services import Services
from moderation.actions.sites import add_site, remove_site, set_on_error
from moderation.domain.coral import is_signed, validate_secret
from moderation.domain.errors import InvalidInput
from moderation.domain.site import OnError
from moderation.domain.thresholds import Thresholds
from moderation.storage.engine import write_transaction
from tests.conftest import Clock
from tests.web.conftest import BLOG, DISCARD_ALL, HOLD_ALL, PUBLISH_ALL, SPAM_ALL, Blog

SECRET = "empsec_" + "5f" * 33
NEWER_SECRET = "empsec_" + "a0" * 35
FLAG = {"actionType": "FLAG", "reason": "COMMENT_DETECTED_SPAM"}
REQUEST: dict[str, Any] = {
    "action": "NEW",
    "comment": {"body": "<div>Thank you for the recipe, the bread was great.</div>", "parentID": None},
    "author": {"id": "baf4e943-3594-4fcc-b2ba-3e8de7a76352", "role": "COMMENTER"},
    "story": {"id": "245b3856-b0a0-4d2f-a6bb-58c71f18d6a6", "url": "https://news.example/bread"},
    "site": {"id": "a4bede88-2d2c-4424-bc18-4322a9e285a6"},
    "tenantID": "19ba5794-7eeb-4d46-a81b-c00c61672501",
    "tenantDomain": "coral.news.example",
}
"""The fields of Coral 9, in its order."""


def signatures(body: bytes, *secrets: str) -> str:
    """Sign as Coral does: one signature for each active secret, in hexadecimal."""
    return ",".join(f"sha256={hmac.new(secret.encode(), body, sha256).hexdigest()}" for secret in secrets)


def ask(blog: Blog, sent: object = REQUEST, *secrets: str, **headers: str) -> TestResponse:
    # Coral signs the text that it sends, indented by two.
    body = sent if isinstance(sent, bytes) else json.dumps(sent, indent=2).encode()
    signed = {"X-Coral-Signature": signatures(body, *(secrets or (SECRET,))), "User-Agent": "Coral Moderation/9.2.2"}
    return blog.client.post(
        f"/coral/{blog.site.id}", data=body, content_type="application/json", headers=signed | headers
    )


def with_text(text: str, **comment: str) -> dict[str, Any]:
    return REQUEST | {"comment": {"body": text, "parentID": None} | comment}


def stored(blog: Blog) -> list[str]:
    with write_transaction(blog.services.engine) as connection:
        return list(connection.exec_driver_sql("SELECT id FROM decisions").scalars())


@pytest.fixture
def coral(blog: Blog, services: Services) -> Blog:
    set_coral_secret(services, BLOG, SECRET)
    return blog


def test_each_verdict_has_an_answer_of_coral(coral: Blog) -> None:
    """No opinion on ham: 204 without a body, so that Coral's other phases go on. A status ends them."""
    coral.set_thresholds(PUBLISH_ALL)
    answer = ask(coral)
    assert (answer.status_code, answer.data) == (204, b"")
    for thresholds, status in (
        (HOLD_ALL, "SYSTEM_WITHHELD"),
        (SPAM_ALL, "REJECTED"),
        (DISCARD_ALL, "REJECTED"),
    ):
        coral.set_thresholds(thresholds)
        answer = ask(coral)
        assert answer.status_code == 200 and answer.content_type == "application/json"
        assert answer.get_json() == {"status": status, "actions": [FLAG]}


def test_a_signature_by_any_secret_in_force_is_enough(coral: Blog, services: Services) -> None:
    """During a rotation Coral signs by both, so neither order of the two changes loses a comment."""
    coral.set_thresholds(PUBLISH_ALL)
    assert ask(coral, REQUEST, SECRET, NEWER_SECRET).status_code == 204
    set_coral_secret(services, BLOG, f" {NEWER_SECRET}\n")
    assert ask(coral, REQUEST, SECRET, NEWER_SECRET).status_code == 204
    assert ask(coral, REQUEST, SECRET).status_code == 401


def test_a_request_without_a_valid_signature_is_refused(coral: Blog) -> None:
    """A forged, foreign or missing one: 401, and nothing is judged or stored."""
    for header in (
        *("", ",", "sha256=", "sha256=" + "0" * 64, "sha1=" + "0" * 40, "é" * 71, ",".join(["sha256=x"] * 500)),
        signatures(b"another body", SECRET),
    ):
        answer = ask(coral, REQUEST, SECRET, **{"X-Coral-Signature": header.encode().decode("latin-1")})
        assert answer.status_code == 401 and answer.content_type == "application/problem+json"
    assert stored(coral) == []


def test_the_signature_covers_each_byte(coral: Blog) -> None:
    """Also of a body that means the same."""
    body = json.dumps(REQUEST, indent=2).encode()
    header = {"X-Coral-Signature": signatures(body, SECRET)}
    assert ask(coral, body + b" ", **header).status_code == 401
    assert ask(coral, body, **header).status_code in (200, 204)


def test_a_secret_opens_its_site_alone(coral: Blog, services: Services) -> None:
    """Not a site without a secret, a removed one, nor one that does not exist, at any number."""
    other = add_site(services, "https://other.example")[0]
    path = f"/coral/{other.id}"
    body = json.dumps(REQUEST).encode()
    header = {"X-Coral-Signature": signatures(body, SECRET)}
    unsigned = {"X-Coral-Signature": signatures(body, "")}
    for headers in (header, unsigned):
        for number in (path, "/coral/0", "/coral/77", "/coral/2147483647"):
            sent = coral.client.post(number, data=body, content_type="application/json", headers=headers)
            assert sent.status_code == 401
    assert coral.client.post("/coral/2147483648", data=body).status_code == 404
    remove_site(services, BLOG)
    assert ask(coral).status_code == 401


def test_without_its_secret_a_site_is_closed(coral: Blog, services: Services) -> None:
    """From the next request on."""
    assert ask(coral).status_code in (200, 204)
    set_coral_secret(services, BLOG, None)
    assert ask(coral).status_code == 401


def test_the_same_request_is_one_comment(coral: Blog, clock: Clock) -> None:
    """Within a minute. Coral sends no id: a reply, another story, author, tenant or action is another comment."""
    coral.set_thresholds(HOLD_ALL)
    assert ask(coral).get_json() == ask(coral).get_json()
    assert len(stored(coral)) == 1
    others = [
        with_text(REQUEST["comment"]["body"], parentID="d79b787f"),
        *({**REQUEST, name: {**REQUEST[name], "id": "another"}} for name in ("author", "story", "site")),
        *({**REQUEST, name: "EDIT"} for name in ("action", "tenantID")),
    ]
    for other in others:
        ask(coral, other)
    assert len(stored(coral)) == 1 + len(others)
    clock.advance(61)
    ask(coral)
    assert len(stored(coral)) == 2 + len(others)


def test_the_decision_has_the_facts_of_coral(coral: Blog) -> None:
    """Text with its markup, the address of the story, the kind, and no name, as Coral sends none."""
    coral.set_thresholds(HOLD_ALL)
    ask(coral, with_text('<div>Look <a href="https://x.example">here</a></div>', parentID="d79b787f"))
    with write_transaction(coral.services.engine) as connection:
        row = connection.exec_driver_sql("SELECT text, author, permalink, type, author_id FROM comments").one()
        channel = connection.exec_driver_sql("SELECT channel FROM decisions").scalar_one()
    assert row[0] == '<div>Look <a href="https://x.example">here</a></div>'
    assert tuple(row[1:]) == (None, "https://news.example/bread", "reply", "baf4e943-3594-4fcc-b2ba-3e8de7a76352")
    assert channel == "coral"


def test_an_author_can_be_trusted(coral: Blog) -> None:
    """Coral vouches for ids and roles by its signature, so rules for authors apply to them."""
    coral.set_thresholds(Thresholds(0.5, 1.0, 1.0))
    rule = {"fact": "role", "value": "staff", "standing": "trusted"}
    assert coral.call("PUT", "/v1/author-rules", rule).status_code == 200
    spam = with_text("Best online casino, 200% bonus! http://lucky-spin.example") | {"author": {"id": "7"}}
    assert ask(coral, spam).status_code == 200
    assert ask(coral, {**spam, "author": {"id": "7", "role": "STAFF"}}).status_code == 204


ODD: tuple[tuple[Callable[[dict[str, Any]], object], int], ...] = (
    (lambda sent: {**sent, "comment": {}}, 200),
    (lambda sent: {**sent, "comment": {"body": None}}, 200),
    (lambda sent: {**sent, "tenant": {"id": "1", "domain": "x"}, "later": [1]}, 200),
    (lambda sent: {"comment": sent["comment"]}, 200),
    (lambda sent: {**sent, "author": {"id": "x" * 9_000, "role": ",\x00"}}, 200),
    (lambda _: with_text("\x00\ud83d\u202e" * 1_000), 200),
    (lambda sent: {**sent, "comment": {"body": 7}}, 422),
    (lambda sent: {**sent, "story": None}, 422),
    (lambda _: {}, 422),
    (lambda _: [], 422),
    (lambda _: None, 422),
    (lambda _: b"", 400),
    (lambda _: b"{", 400),
    (lambda _: b"\xff\xfe", 400),
    (lambda _: b"[" * 60_000, 400),
    (lambda _: b'{"comment": {"body": ""}, "comment": {}}', 400),
)


def test_odd_requests_have_an_answer(coral: Blog) -> None:
    """Other versions of Coral leave fields out and add some. A part that cannot be read is named, and never a bug."""
    coral.set_thresholds(HOLD_ALL)
    assert [ask(coral, change(REQUEST)).status_code for change, _ in ODD] == [status for _, status in ODD]


def test_other_methods_and_types_are_refused(coral: Blog) -> None:
    """Coral posts JSON."""
    assert coral.client.get(f"/coral/{coral.site.id}").status_code == 405
    body = json.dumps(REQUEST).encode()
    headers = {"X-Coral-Signature": signatures(body, SECRET)}
    sent = coral.client.post(f"/coral/{coral.site.id}", data=body, content_type="text/plain", headers=headers)
    assert sent.status_code == 415


def test_without_a_verdict_coral_gets_the_answer_of_the_site(blog_without_model: Blog) -> None:
    """An error is no opinion for Coral. `review` holds the comment there, `publish` lets the other phases decide."""
    services = blog_without_model.services
    set_coral_secret(services, BLOG, SECRET)
    assert ask(blog_without_model).get_json() == {"status": "PREMOD"}
    set_on_error(services, BLOG, OnError.PUBLISH)
    assert ask(blog_without_model, with_text("Hello")).status_code == 204
    set_on_error(services, BLOG, OnError.ERROR)
    assert ask(blog_without_model, with_text("Hello there")).status_code == 503


def test_a_secret_is_stored_encrypted(coral: Blog) -> None:
    """A copy of the database signs no request."""
    with write_transaction(coral.services.engine) as connection:
        column = connection.exec_driver_sql("SELECT encrypted_coral_secret FROM sites").scalar_one()
    assert column and SECRET not in column and "5f5f" not in column


def test_an_unusable_secret_is_refused() -> None:
    """With a sentence that says where to find it."""
    for text in ("", " ", "short", "x" * 201, "with a space inside", "é" * 40, "x" * 20 + "\x00"):
        with pytest.raises(InvalidInput, match="copy it from the phase's page in Coral"):
            validate_secret(text)


def test_the_signature_is_that_of_a_known_vector() -> None:
    """HMAC-SHA256 in hexadecimal, as RFC 4231 has it (test case 2), with space after the comma or none."""
    known = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert is_signed("Jefe", known, b"what do ya want for nothing?")
    assert is_signed("Jefe", f"sha256=00, {known}", b"what do ya want for nothing?")
    assert not is_signed("Jefe", known.removeprefix("sha256="), b"what do ya want for nothing?")
