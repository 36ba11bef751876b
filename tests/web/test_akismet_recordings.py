"""Recorded requests of real clients, sent to the application byte for byte.

The recordings are no part of the project. `MODERATION_RECORDINGS` names their folder: JSON Lines, one request a line
with `method`, `target`, `headers` (pairs), `raw` (the body) and `params` (the decoded pairs).
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask import Flask, request
from werkzeug.test import EnvironBuilder, TestResponse

from moderation.actions.check import find_decision
from moderation.actions.services import Services
from moderation.actions.sites import add_site, set_thresholds
from moderation.domain.site import Site
from moderation.web.akismet.comments import GUARANTEED_SPAM
from moderation.web.akismet.form import comment_from_form, key_from_form, read_form
from tests.web.conftest import KEY, PUBLISH_ALL

pytestmark = pytest.mark.e2e

FOLDER = Path(os.environ.get("MODERATION_RECORDINGS") or "nowhere")
KEYLESS = {"/1.1/test": "connected", "/1.2/compatible-plugins": "[]"}
SAID = {
    "/1.1/verify-key": "valid",
    "/1.1/submit-ham": "Thanks for making the web a better place.",
    "/1.1/submit-spam": "Thanks for making the web a better place.",
    "/1.1/deactivate": "deactivated",
}
SUBSCRIPTION = {"account_id", "account_type", "account_name", "status", "next_billing_date", "limit_reached"}
STATISTICS = {"spam", "ham", "missed_spam", "false_positives", "accuracy", "time_saved", "breakdown"}
MEMBERS = {"/1.1/get-subscription": SUBSCRIPTION, "/1.1/get-stats": STATISTICS}


@dataclass(frozen=True)
class Recorded:
    """One request as it came over the wire."""

    name: str
    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    params: dict[str, str]

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def is_guaranteed_spam(self) -> bool:
        """Return whether the protocol prescribes spam, which it never does for an administrator."""
        named = {self.params.get("comment_author"), self.params.get("comment_author_email")}
        by_admin = "administrator" in self.params.get("user_role", "").lower()
        return bool(named & GUARANTEED_SPAM) and not by_admin

    def environ(self) -> dict[str, object]:
        builder = EnvironBuilder(self.target, method=self.method, data=self.body or None, headers=self.headers)
        return builder.get_environ()


def recordings() -> list[Recorded]:
    return [
        Recorded(
            f"{path.stem}:{number}",
            line["method"],
            line["target"],
            [(name, value) for name, value in line["headers"] if name.lower() != "content-length"],
            line["raw"].encode("latin-1"),
            dict(line["params"]),
        )
        for path in sorted(FOLDER.glob("*.jsonl"))
        for number, line in enumerate(map(json.loads, path.read_text("utf-8").splitlines()), 1)
    ]


RECORDINGS = recordings()


@pytest.fixture
def site(services: Services) -> Site:
    """The blog of all recordings; it publishes all comments except guaranteed spam."""
    add_site(services, "http://127.0.0.1:8899", KEY)
    return set_thresholds(services, "http://127.0.0.1:8899", PUBLISH_ALL)


def test_there_are_recordings() -> None:
    """Without recordings the tests below check nothing."""
    if not RECORDINGS:
        pytest.skip("no recorded requests; name their folder with MODERATION_RECORDINGS")
    assert {"/1.1/comment-check", "/1.1/submit-spam", "/1.1/submit-ham"} <= {recording.path for recording in RECORDINGS}


@pytest.mark.parametrize("recorded", RECORDINGS, ids=lambda recorded: recorded.name)
def test_a_recorded_request_is_answered_right(app: Flask, services: Services, site: Site, recorded: Recorded) -> None:
    """Body, headers and status are right for its endpoint; the comment is stored as it was typed."""
    with app.request_context(recorded.environ()):
        form = read_form(request)
        good_key = key_from_form(form).lower() == KEY
        assert comment_from_form(form).text == recorded.params.get("comment_content", "")
        assert comment_from_form(form).author == recorded.params.get("comment_author")
    response = app.test_client().open(recorded.environ())
    assert response.status_code == 200
    if recorded.path in KEYLESS:
        assert response.text == KEYLESS[recorded.path]
    elif not good_key:
        has_help = "X-akismet-debug-help" in response.headers
        assert response.text == "invalid" and has_help is (recorded.path != "/1.1/verify-key")
    else:
        assert_right_answer(recorded, response)
        if recorded.path == "/1.1/comment-check" and "X-moderation-score" in response.headers:
            assert_stored_as_typed(services, site, recorded, response)


def assert_right_answer(recorded: Recorded, response: TestResponse) -> None:
    assert not [name for name, _ in response.headers if name.lower().startswith(("x-akismet-alert", "x-akismet-debug"))]
    if recorded.path == "/1.1/comment-check":
        assert len(response.headers["X-akismet-guid"]) == 32
        assert response.text == ("true" if recorded.is_guaranteed_spam else "false")
    elif recorded.path in SAID:
        assert response.text == SAID[recorded.path]
    elif recorded.path in MEMBERS:
        assert set(response.get_json()) == MEMBERS[recorded.path]
    else:
        assert response.text and response.text != "invalid"


def assert_stored_as_typed(services: Services, site: Site, recorded: Recorded, response: TestResponse) -> None:
    if recorded.params.get("is_test", "0").lower() in ("1", "true") or "akismet_pre_check" in recorded.params:
        return
    decision, _ = find_decision(services, site, response.headers["X-akismet-guid"])
    assert decision.comment.text == recorded.params.get("comment_content", "")
    assert decision.comment.author == recorded.params.get("comment_author")
    assert decision.comment.email == recorded.params.get("comment_author_email")
