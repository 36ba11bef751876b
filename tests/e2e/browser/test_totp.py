"""TOTP in a browser: set up an app, and sign in with its codes and with a recovery code, each once."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser.chromium import NARROW, PHONE, WIDE, Browsing, browsing, faults, photograph, violations
from tests.e2e.browser.conftest import Queue
from tests.e2e.browser.large_queue import MODERATORS, PASSWORD
from tests.totp import App

pytestmark = pytest.mark.e2e

STATES: dict[str, dict[str, Any]] = {
    "wide": {"viewport": WIDE},
    "phone-dark": {"viewport": PHONE, "color_scheme": "dark"},
}


@contextmanager
def signed_in(browser: Browser, queue: Queue, **options: Any) -> Iterator[Browsing]:
    """Open the browser of a moderator in a session."""
    with browsing(browser, queue.address, storage_state=queue.sessions[MODERATORS[0]], **options) as person:
        yield person


@pytest.mark.parametrize("state", STATES)
def test_a_code_beside_the_password(small_queue: Queue, browser: Browser, state: str) -> None:
    """Enable, sign out, sign in; a replayed and an expired code are refused; a recovery code works once."""
    with signed_in(browser, small_queue, **STATES[state]) as person:
        page, app, found = person.page, set_up(person, state), dict[str, list[str]]()
        began = datetime.now(UTC)
        sign_out_and_in(person)
        photograph(page, f"code-{state}")
        found["code"] = violations(page) + faults(page)
        code = app.code(began, 1)
        send_code(page, code)
        expect_queue(page)
        sign_out_and_in(person)
        for refused in (code, app.code(began, -4), "１２３ ４５６"):
            send_code(page, refused)
            expect(page.get_by_role("alert")).to_have_text("The code is wrong, or was used already.")
        found["refused"] = violations(page) + faults(page)
        send_code(page, app.recovery_codes[0].upper())
        expect_queue(page)
        page.get_by_role("link", name=MODERATORS[0]).click()
        expect(page.get_by_role("main")).to_contain_text("Recovery codes left: 9.")
        photograph(page, f"account-on-{state}")
        found["account"] = violations(page) + faults(page)
        sign_out_and_in(person)
        send_code(page, app.recovery_codes[0])
        expect(page.get_by_role("alert")).to_contain_text("was used already")
        assert not any(found.values()), found


def test_an_operator_resets_a_lost_app(small_queue: Queue, browser: Browser) -> None:
    """The session ends at the next click, and the password alone signs in."""
    with signed_in(browser, small_queue, viewport=NARROW) as person:
        set_up(person, "narrow")
        small_queue.service.moderation("moderator", "reset-totp", MODERATORS[0])
        person.page.get_by_role("link", name="Go to the queue").click()
        expect(person.page.get_by_role("heading", level=1)).to_have_text("Sign in")
        person.sign_in()
        person.open("/queue/account")
        expect(person.page.get_by_role("main")).to_contain_text("Off: you sign in by your password alone.")


def set_up(person: Browsing, state: str) -> App:
    """Turn TOTP on with a code of this moment, on pages without a fault. Returns the app and the recovery codes."""
    page, found = person.open("/queue/account"), dict[str, list[str]]()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Set up").click()
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    photograph(page, f"new-secret-{state}")
    found["new secret"] = violations(page) + faults(page)
    secret = page.locator("p", has_text="Secret, to type it in").locator("code").inner_text()
    app = App(secret.replace(" ", ""), [])
    page.get_by_label("First code of your app").fill(app.code(datetime.now(UTC)))
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Recovery codes")
    photograph(page, f"recovery-codes-{state}")
    found["recovery codes"] = violations(page) + faults(page)
    assert not any(found.values()), found
    return app._replace(recovery_codes=page.locator(".recovery-codes code").all_inner_texts())


def sign_out_and_in(person: Browsing) -> None:
    """Sign out, and in again as far as the page of the code."""
    page = person.page
    if page.get_by_role("button", name="Sign out", exact=True).count():
        page.get_by_role("button", name="Sign out", exact=True).click()
        expect(page.get_by_text("You are signed out.")).to_be_visible()
    person.open("/queue/sign-in")
    page.get_by_label("Name").fill(MODERATORS[0])
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Code")


def send_code(page: Page, code: str) -> None:
    page.get_by_label("Code of your app").fill(code)
    page.get_by_role("button", name="Sign in").click()


def expect_queue(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_contain_text("Held")
