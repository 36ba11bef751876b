"""TOTP in the queue: the second page of the sign-in, the page of the account, and attacks on both."""

import html
import re

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from itsdangerous import URLSafeTimedSerializer
from werkzeug.test import TestResponse

from moderation.actions.account import reset_totp
from moderation.actions.moderators import add_moderator, find_moderator, list_moderators, reset_password
from moderation.actions.review import count_held
from moderation.actions.roles import revoke_roles
from moderation.actions.services import Services
from moderation.actions.sessions import end_sessions
from moderation.domain.decision import Moderator
from moderation.domain.people import Grant, Role
from moderation.settings import Settings
from moderation.web.app import create_app
from moderation.web.queue import auth
from moderation.web.queue.devices import COOKIE_NAME
from tests.conftest import PASSWORD, Clock
from tests.queue_lists import held_items
from tests.totp import HOSTILE_CODES, App, set_up
from tests.web.conftest import HOLD_ALL, Blog, Browser, Seconds

STRANGER, HOME = "198.51.100.7", "203.0.113.5"
TOO_LATE = "The code came too late. Sign in again."


@pytest.fixture
def phone(services: Services, moderator: Moderator) -> App:
    """Return the authenticator app of mara, who has TOTP."""
    return set_up(services, moderator)


@pytest.fixture
def browser(app: Flask) -> Browser:
    return Browser(app.test_client())


@pytest.fixture
def strict(services: Services, settings: Settings, moderator: Moderator) -> Browser:
    """Mara without TOTP, signed in to a service that requires it."""
    app = create_app(services, settings.model_copy(update={"require_totp": True, "max_checks_per_minute": 0}))
    browser = Browser(app.test_client())
    assert browser.sign_in().headers["Location"] == "/queue/account"
    return browser


def fields_of(page: TestResponse) -> dict[str, str]:
    """Return the hidden fields of the main form of a page."""
    form = page.text[page.text.rindex("<form") :]
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))


def send_code(browser: Browser, page: TestResponse, code: str, **fields: str) -> TestResponse:
    """Send a code from the second page of the sign-in."""
    return browser.client.post("/queue/sign-in/code", data={**fields_of(page), "code": code, **fields})


def sign_in(app: Flask, code: str, address: str = HOME, device: str = "") -> TestResponse:
    """Sign in with a code from an address, in a new browser, with or without the cookie of a remembered device."""
    client = app.test_client()
    client.environ_base["REMOTE_ADDR"] = address
    if device:
        client.set_cookie(COOKIE_NAME, device, path="/queue/sign-in")
    browser = Browser(client)
    page = browser.sign_in()
    assert page.status_code == 200 and "<h1>Code</h1>" in page.text
    return send_code(browser, page, code)


def device_of(response: TestResponse) -> str:
    (cookie,) = [value for value in response.headers.getlist("Set-Cookie") if value.startswith(f"{COOKIE_NAME}=")]
    return cookie.partition("=")[2].partition(";")[0]


def start(browser: Browser, password: str = PASSWORD, code: str = "") -> TestResponse:
    return browser.send("/queue/account/totp", page="/queue/account", password=password, code=code)


def enable(browser: Browser, clock: Clock, code: str = "") -> App:
    """Set TOTP up, or renew it, on the page of the account."""
    page = start(browser, code=code)
    (secret,) = re.findall("Secret, to type it in: <code>([A-Z2-7 ]+)</code>", page.text)
    app = App(secret.replace(" ", ""), [])
    sent = {**fields_of(page), "code": app.code(clock.now)}
    codes = browser.client.post("/queue/account/totp/confirm", data=sent)
    assert codes.status_code == 200
    return app._replace(recovery_codes=re.findall("<li><code>([a-z0-9-]{19})</code></li>", codes.text))


def test_password_and_code_sign_in(browser: Browser, phone: App, clock: Clock) -> None:
    """The password alone opens no page and leaves no remembered device; the code leads to the page asked for."""
    page = browser.sign_in(next="/queue?after=7")
    assert page.status_code == 200 and "Recovery" not in page.text and "mara" not in page.text
    assert COOKIE_NAME not in str(page.headers) and browser.get("/queue").status_code == 303
    assert page.headers["Cache-Control"] == "no-store"
    answer = send_code(browser, page, phone.code(clock.now))
    assert answer.status_code == 303 and answer.headers["Location"] == "/queue?after=7"
    assert browser.get("/queue").status_code == 200 and device_of(answer)


def test_a_wrong_password_looks_the_same(browser: Browser, phone: App) -> None:
    """The first page does not reveal who has TOTP: a wrong password and an unknown name get its form again."""
    pages = [browser.sign_in(name, "a wrong password") for name in ("mara", "nobody")]
    shown = [re.sub('value="[^"]*"', "", page.text) for page in pages]
    assert shown[0] == shown[1] and {page.status_code for page in pages} == {401}


def test_a_code_works_once(app: Flask, phone: App, clock: Clock) -> None:
    """Wrong, used and expired codes get the page again with 401, and the next code signs in."""
    browser = Browser(app.test_client())
    page = browser.sign_in()
    for code in ("000000", phone.code(clock.now, -4), phone.code(clock.now, 3)):
        page = send_code(browser, page, code)
        assert page.status_code == 401 and "The code is wrong, or was used already." in page.text
    assert send_code(browser, page, phone.code(clock.now)).status_code == 303
    assert sign_in(app, phone.code(clock.now)).status_code == 401
    clock.advance(30)
    assert sign_in(app, phone.code(clock.now)).status_code == 303
    assert [sign_in(app, phone.recovery_codes[0]).status_code for _ in range(2)] == [303, 401]


@pytest.mark.parametrize("code", HOSTILE_CODES.values(), ids=HOSTILE_CODES)
def test_any_text_is_a_wrong_code(app: Flask, phone: App, code: str) -> None:
    """It gets the page again, which does not repeat it."""
    answer = sign_in(app, code.encode("utf-8", "replace").decode())
    assert answer.status_code == 401 and "The code is wrong" in answer.text
    assert not code.strip() or code[:40] not in answer.text


@pytest.mark.parametrize("field", ["code", "ticket", "carried", "next"])
def test_a_huge_form_is_refused(browser: Browser, phone: App, field: str) -> None:
    """Ten megabytes in any field."""
    page = browser.sign_in()
    assert send_code(browser, page, **{"code": "1", field: "1" * 10_000_000}).status_code == 413


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ticket=st.text(), code=st.text(), path=st.sampled_from(["sign-in/code", "account/totp", "account/totp/confirm"]))
def test_any_form_gets_an_answer_below_500(mara: Browser, ticket: str, code: str, path: str) -> None:
    """Any ticket, code and password, with and without a session."""
    sent = {"ticket": ticket, "code": code, "password": ticket}
    assert mara.send(f"/queue/{path}", **sent).status_code < 500
    assert Browser(mara.client.application.test_client()).send(f"/queue/{path}", **sent).status_code < 500


def test_a_ticket_is_signed_and_short_lived(
    app: Flask, browser: Browser, services: Services, phone: App, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the password just before, no code signs in: forged, of another purpose, late, or after a change."""
    page, code = browser.sign_in(), phone.code(clock.now)
    mara = find_moderator(services, "mara")
    assert mara
    forged = str(URLSafeTimedSerializer(b"x", salt="ticket for a code").dumps(["mara", mara.password_version]))
    other = URLSafeTimedSerializer(app.config["SECRET_KEY"], salt=COOKIE_NAME)
    device = str(other.dumps(["id", "mara", mara.password_version]))
    for ticket in ("", forged, device, fields_of(page)["ticket"] + "x"):
        answer = send_code(browser, page, code, ticket=ticket)
        assert answer.status_code == 401 and TOO_LATE in answer.text
    with monkeypatch.context() as patch:
        patch.setattr(auth, "CODE_SECONDS", -1)
        assert TOO_LATE in send_code(browser, page, code).text
    reset_password(services, "mara", PASSWORD)
    assert TOO_LATE in send_code(browser, page, code).text
    page = browser.sign_in()
    reset_totp(services, "mara")
    assert TOO_LATE in send_code(browser, page, code).text
    assert browser.get("/queue").status_code == 303


def test_a_form_of_another_site_is_refused(app: Flask, mara: Browser, browser: Browser, phone: App) -> None:
    """Each form has the token of its session."""
    ticket = fields_of(browser.sign_in())["ticket"]
    for path in ("sign-in/code", "account/totp", "account/totp/confirm", "account/totp/disable"):
        data = {"ticket": ticket, "code": phone.recovery_codes[0], "password": PASSWORD}
        assert browser.client.post(f"/queue/{path}", data=data).status_code == 400


def test_guessing_codes_is_throttled(
    services: Services, settings: Settings, phone: App, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After ten failures no code of the moderator counts, from any unknown device; five minutes later it does.

    A thief of the password may have many addresses. A remembered device goes on, within its own ten failures.
    """
    seconds = Seconds()
    monkeypatch.setattr(auth, "monotonic", seconds)
    app = create_app(services, settings)
    device = device_of(sign_in(app, phone.recovery_codes[0]))
    for number in range(10):
        seconds.now += 1
        assert sign_in(app, "000000", f"198.51.100.{number}").status_code == 401
    refused = sign_in(app, phone.code(clock.now))
    assert refused.status_code == 429 and int(refused.headers["Retry-After"]) == 291
    assert "Too many failures" in refused.text
    assert sign_in(app, phone.code(clock.now), STRANGER, device).status_code == 303
    for _ in range(10):
        assert sign_in(app, "000000", HOME, device).status_code == 401
    assert sign_in(app, phone.recovery_codes[1], HOME, device).status_code == 429
    seconds.now += 300
    assert sign_in(app, phone.recovery_codes[1]).status_code == 303


def test_a_right_code_does_not_let_others_guess_on(app: Flask, phone: App) -> None:
    """Failures of a thief on unknown devices stay counted when the moderator signs in on another."""
    statuses = [sign_in(app, "000000", STRANGER).status_code for _ in range(9)]
    assert sign_in(app, phone.recovery_codes[0]).status_code == 303
    statuses += [sign_in(app, "000000", STRANGER).status_code for _ in range(2)]
    assert statuses == [401] * 10 + [429]


def test_a_stranger_without_the_password_does_not_lock_codes(app: Flask, phone: App, clock: Clock) -> None:
    """Failures on the first page count by name and address alone."""
    client = app.test_client()
    client.environ_base["REMOTE_ADDR"] = STRANGER
    for _ in range(11):
        status = Browser(client).sign_in("mara", "a wrong password").status_code
    assert status == 429 and sign_in(app, phone.code(clock.now)).status_code == 303


def test_a_decision_is_carried_through_both_pages(
    app: Flask, services: Services, blog: Blog, phone: App, clock: Clock
) -> None:
    """A wrong code does not lose it; the press after the right one makes it."""
    blog.set_thresholds(HOLD_ALL)
    blog.score("number 1")
    (item,) = held_items(services)
    browser = Browser(app.test_client())
    assert send_code(browser, browser.sign_in(), phone.code(clock.now)).status_code == 303
    token = browser.token()
    end_sessions(services, "mara")
    asked = browser.client.post("/queue/act", data={"csrf_token": token, "id": str(item.seen), "verb": "spam"})
    signing = {**fields_of(asked), "name": "mara", "password": PASSWORD}
    page = browser.client.post("/queue/sign-in", data=signing)
    confirm = send_code(browser, send_code(browser, page, "000000"), phone.recovery_codes[0])
    assert confirm.status_code == 200 and "You pressed Spam for a comment" in confirm.text
    assert browser.client.post("/queue/act", data={**fields_of(confirm), "verb": "spam"}).status_code == 303
    assert count_held(services) == 0


def test_an_account_sets_totp_up(mara: Browser, app: Flask, services: Services, clock: Clock) -> None:
    """The secret is shown once, as text, address and picture without a style; ten recovery codes are shown once."""
    assert "Off: you sign in by your password alone." in mara.get("/queue/account").text
    refused = start(mara, "a wrong password")
    assert refused.status_code == 401 and "The password is wrong." in refused.text
    page = start(mara)
    address = html.unescape(re.search('href="(otpauth://[^"]+)"', page.text)[1])  # type: ignore[index]
    assert re.fullmatch(r"otpauth://totp/Moderation:mara\?secret=[A-Z2-7]{32}&issuer=Moderation", address)
    assert '<svg viewBox="0 0 ' in page.text and "style=" not in page.text and "<script" not in page.text
    assert page.headers["Cache-Control"] == "no-store" and "unsafe" not in page.headers["Content-Security-Policy"]
    secret = address.partition("secret=")[2].partition("&")[0]
    again = mara.client.post("/queue/account/totp/confirm", data={**fields_of(page), "code": "000000"})
    assert again.status_code == 401 and secret not in again.text.replace(" ", "") and "<svg" not in again.text
    phone = App(secret, [])
    done = mara.client.post("/queue/account/totp/confirm", data={**fields_of(again), "code": phone.code(clock.now)})
    codes = re.findall("<li><code>([^<]+)</code></li>", done.text)
    assert done.status_code == 200 and len(set(codes)) == 10
    account = mara.get("/queue/account").text
    assert "Recovery codes left: 10." in account and not any(code in account for code in codes)
    assert sign_in(app, codes[0]).status_code == 303
    assert "Recovery codes left: 9." in mara.get("/queue/account").text


def test_an_account_renews_and_turns_off(mara: Browser, app: Flask, clock: Clock) -> None:
    """By password and code alone; the former codes no longer work, and the open session goes on."""
    first = enable(mara, clock)
    for password, code in ((PASSWORD, ""), ("a wrong password", first.recovery_codes[0])):
        for path in ("totp", "totp/disable"):
            sent = {"password": password, "code": code}
            refused = mara.send(f"/queue/account/{path}", page="/queue/account", **sent)
            assert refused.status_code == 401 and "The password or the code is wrong" in refused.text
    second = enable(mara, clock, first.recovery_codes[0])
    assert sign_in(app, first.recovery_codes[1]).status_code == 401
    clock.advance(60)
    sent = {"password": PASSWORD, "code": second.code(clock.now)}
    assert mara.send("/queue/account/totp/disable", page="/queue/account", **sent).status_code == 303
    assert "by your password alone now" in mara.get("/queue/account").text
    assert Browser(app.test_client()).sign_in().status_code == 303
    for path in ("totp/disable", "totp/confirm"):
        nothing = mara.send(f"/queue/account/{path}", page="/queue/account", code="000000")
        assert nothing.status_code == 303 and nothing.headers["Location"] == "/queue/account"


def test_a_stolen_session_guesses_no_password(mara: Browser, app: Flask, clock: Clock) -> None:
    """After ten wrong passwords or codes the account page has to wait; the sign-in does not."""
    page = start(mara)
    for number in range(10):
        if number % 2:
            answer = mara.client.post("/queue/account/totp/confirm", data={**fields_of(page), "code": "000000"})
        else:
            answer = start(mara, "a wrong password")
        assert answer.status_code == 401
    confirming = mara.client.post("/queue/account/totp/confirm", data={**fields_of(page), "code": "000000"})
    for answer in (start(mara), confirming):
        assert answer.status_code == 429 and int(answer.headers["Retry-After"]) > 0
    assert Browser(app.test_client()).sign_in().status_code == 303


def test_a_reset_ends_the_sessions(mara: Browser, services: Services, clock: Clock) -> None:
    """At the next click; the password then signs in."""
    enable(mara, clock)
    assert mara.get("/queue").status_code == 200
    reset_totp(services, "mara")
    assert mara.get("/queue").status_code == 303 and mara.sign_in().status_code == 303


def test_a_service_may_require_it(strict: Browser, services: Services, clock: Clock) -> None:
    """A moderator without TOTP sees the page of the account alone, until the first code."""
    assert "requires a code at each sign-in" in strict.get("/queue/account").text
    for path in ("/queue", "/queue/sites", "/queue/log/export", f"/queue/comments/{'0' * 32}"):
        assert strict.get(path).headers["Location"] == "/queue/account"
    for path in ("/queue/act", "/queue/notes", "/queue/sweep", "/queue/undo"):
        assert strict.send(path, page="/queue/account", verb="ham").status_code == 403
    enable(strict, clock)
    assert strict.get("/queue").status_code == 200
    assert "Turn off" not in strict.get("/queue/account").text
    refused = strict.send("/queue/account/totp/disable", page="/queue/account", password=PASSWORD, code="")
    assert refused.status_code == 303 and "you can only renew them" in strict.get("/queue/account").text
    found = find_moderator(services, "mara")
    assert found and found.has_totp


def test_a_required_set_up_shows_no_comment(strict: Browser, blog: Blog, services: Services) -> None:
    """Neither after a sign-in that carries a decision, nor by a form of an earlier session."""
    blog.set_thresholds(HOLD_ALL)
    blog.score("a secret comment")
    (item,) = held_items(services)
    form = {"csrf_token": strict.token("/queue/account"), "id": str(item.seen), "verb": "spam"}
    end_sessions(services, "mara")
    asked = strict.client.post("/queue/act", data=form)
    signing = {**fields_of(asked), "name": "mara", "password": PASSWORD}
    answers = [asked, strict.client.post("/queue/sign-in", data=signing), strict.client.post("/queue/act", data=form)]
    assert answers[1].headers["Location"] == "/queue/account"
    assert not any("a secret comment" in answer.text for answer in answers) and count_held(services) == 1


def test_people_without_a_role_have_an_account(app: Flask, services: Services, clock: Clock) -> None:
    """Each sets up only their own."""
    for name in ("Rita", "Otto"):
        add_moderator(services, name, PASSWORD, Grant(Role.READER))
    revoke_roles(services, "Rita", None, "cli")
    rita = Browser(app.test_client())
    rita.sign_in("Rita")
    enable(rita, clock)
    assert [person.has_totp for person in list_moderators(services)] == [False, True]


def test_the_log_names_the_changes(mara: Browser, services: Services, clock: Clock) -> None:
    """In words on the page, and by their events in the export."""
    phone = enable(mara, clock)
    enable(mara, clock, phone.recovery_codes[0])
    page = mara.get("/queue/log").text
    for phrase in ("turned TOTP on, mara", "renewed TOTP, mara", "used a recovery code, mara"):
        assert phrase in page
    exported = mara.get("/queue/log/export").text
    assert "totp-enable" in exported and "recovery-code" in exported
    reset_totp(services, "mara")
    mara.sign_in()
    assert "<bdi>cli</bdi>: <bdi>reset TOTP, mara" in mara.get("/queue/log").text
