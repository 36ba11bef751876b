"""The sign-in through an OIDC provider in a browser: there and back, and each refusal with the password as a way in."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser.chromium import PHONE, WIDE, Browsing, browsing, faults, photograph, violations
from tests.e2e.browser.large_queue import small_queue
from tests.e2e.service import free_port, served
from tests.oidc_provider import ALICE, CLIENT_ID, CLIENT_SECRET, OidcProvider, providing

pytestmark = pytest.mark.e2e

PEOPLE = {"alice": ALICE, "eve": {**ALICE, "sub": "e-1", "preferred_username": "eve", "groups": ["staff"]}}
STATES: dict[str, dict[str, Any]] = {
    "wide": {"viewport": WIDE},
    "phone-dark": {"viewport": PHONE, "color_scheme": "dark"},
}


@pytest.fixture
def provider() -> Iterator[OidcProvider]:
    with providing() as provider:
        provider.people = PEOPLE
        yield provider


@pytest.fixture
def address(tmp_path: Path, provider: OidcProvider) -> Iterator[str]:
    """Serve a queue whose people sign in at the provider, and yield its address."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    settings = {
        "PORT": str(port),
        "MODERATION_PUBLIC_URL": address,
        "MODERATION_OIDC_ISSUER": provider.issuer,
        "MODERATION_OIDC_CLIENT_ID": CLIENT_ID,
        "MODERATION_OIDC_CLIENT_SECRET": CLIENT_SECRET,
        "MODERATION_OIDC_ROLES": '{"editors": "moderator"}',
    }
    with served(replace(small_queue(tmp_path), settings=settings)):
        yield address


@pytest.mark.parametrize("state", STATES)
def test_a_team_signs_in(address: str, provider: OidcProvider, browser: Browser, state: str) -> None:
    """A replayed answer and expired and foreign tokens are refused, and so is a person without a group."""
    with browsing(browser, address, **STATES[state]) as person:
        page, answers, found = person.page, list[str](), dict[str, list[str]]()
        page.on("request", lambda request: answers.append(request.url) if "/callback?" in request.url else None)
        person.open("/queue/sign-in")
        photograph(page, f"oidc-{state}")
        found["sign-in"] = violations(page) + faults(page)
        sign_in(page, "alice")
        expect(page.get_by_role("heading", level=1)).to_contain_text("Held")
        expect(page.get_by_role("link", name="alice")).to_be_visible()
        page.get_by_role("button", name="Sign out", exact=True).click()
        expect(page.get_by_text("You are signed out.")).to_be_visible()
        page.goto(answers[0])
        expect(page.get_by_role("alert")).to_contain_text("began in another browser")
        sign_in(page, "eve")
        expect(page.get_by_role("alert")).to_contain_text("None of your groups at the provider has a role here.")
        photograph(page, f"oidc-refused-{state}")
        found["refused"] = violations(page) + faults(page)
        for change in ({"exp": 1}, {"aud": "another-client"}, {"iss": "https://evil.example"}, {"nonce": "another"}):
            provider.changes = change
            sign_in(page, "alice")
            expect(page.get_by_role("alert")).to_contain_text("The token of the provider is not valid")
        person.open("/queue")
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
        assert not any(found.values()), found
        leave(person, provider)


def test_a_provider_that_hangs_leaves_the_password(address: str, provider: OidcProvider, browser: Browser) -> None:
    """The page comes within the deadline of the call, and says what else signs in."""
    with browsing(browser, address, viewport=WIDE) as person:
        provider.is_silent = True
        page = person.open("/queue/sign-in")
        page.get_by_role("link", name="Sign in through").click()
        expect(page.get_by_role("alert")).to_contain_text("did not answer in time. A password still signs in.")
        person.sign_in()
        leave(person, provider)


def sign_in(page: Page, name: str) -> None:
    """Go to the provider, and choose a person there."""
    page.get_by_role("link", name="Sign in through").click()
    page.get_by_role("button", name=name).click()


def leave(person: Browsing, provider: OidcProvider) -> None:
    """Check that the browser went to the provider and to no other host."""
    assert [url for url in person.foreign if not url.startswith(f"{provider.issuer}/")] == []
    person.foreign.clear()
