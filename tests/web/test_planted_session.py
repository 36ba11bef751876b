"""Attacks around the sign-in of a moderator: a session that a stranger planted, and a page in a stranger's frame."""

import pytest
from flask import Flask

from moderation.domain.decision import Moderator
from tests.web.conftest import Browser


def session_of(browser: Browser) -> str:
    """Return the content of the session's cookie."""
    cookie = browser.client.get_cookie(browser.client.application.config["SESSION_COOKIE_NAME"])
    assert cookie, "there is no session"
    return cookie.value


def test_a_planted_session_stays_a_stranger_s(app: Flask, moderator: Moderator) -> None:
    """A moderator signs in with a cookie that a stranger knows: the stranger's copy opens no page afterwards."""
    stranger, victim = Browser(app.test_client()), Browser(app.test_client())
    stranger.get("/queue/sign-in")
    planted = session_of(stranger)
    victim.client.set_cookie(app.config["SESSION_COOKIE_NAME"], planted)
    assert victim.sign_in().status_code == 303
    assert victim.get("/queue").status_code == 200
    assert stranger.get("/queue").headers["Location"].startswith("/queue/sign-in")
    assert session_of(victim) != planted


@pytest.mark.parametrize("path", ["/queue", "/queue/sites", "/queue/log", "/queue/sign-in", "/queue/unknown"])
def test_no_page_is_shown_in_a_frame(mara: Browser, path: str) -> None:
    """Or a stranger's page could lay its own picture over the buttons."""
    policy = mara.get(path).headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy.split("; ")
