"""The sign-in through the OIDC provider in the queue: its two redirects, its refusals, and attacks on both."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from itsdangerous import URLSafeTimedSerializer
from werkzeug.test import TestResponse

from moderation.actions.identities import link
from moderation.actions.moderators import add_moderator
from moderation.actions.services import Services
from moderation.domain.decision import Moderator
from moderation.domain.people import Grant, Role
from moderation.outbound import oidc
from moderation.outbound.oidc import Provider
from moderation.settings import Settings
from moderation.web.app import create_app
from moderation.web.queue.oidc_pages import COOKIE_NAME
from moderation.web.queue.sign_in_limits import MAX_FAILURES
from tests.conftest import Clock
from tests.oidc_provider import OidcProvider, providing
from tests.totp import set_up
from tests.web.conftest import Browser
from tests.web.test_totp import send_code

BEGIN = "/queue/sign-in/oidc"
NewApp = Callable[..., Flask]


@pytest.fixture
def provider(clock: Clock) -> Iterator[OidcProvider]:
    with providing() as provider:
        provider.now = lambda: clock().timestamp()
        yield provider


@pytest.fixture
def new_app(services: Services, settings: Settings, provider: OidcProvider) -> NewApp:
    """Return a function that makes an application, as each process has its own."""

    def create(**changes: Any) -> Flask:
        with_provider = replace(services, provider=Provider(provider.client()), public_url="http://localhost")
        wanted = {"max_checks_per_minute": 0, "oidc_issuer": provider.issuer, **changes}
        return create_app(with_provider, settings.model_copy(update=wanted))

    return create


@pytest.fixture
def browser(new_app: NewApp) -> Browser:
    return Browser(new_app().test_client())


def begin(browser: Browser, query: str = "") -> str:
    """Return the address of the provider to which the browser is sent."""
    answer = browser.get(f"{BEGIN}{query}")
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def come_back(browser: Browser, address: str) -> TestResponse:
    parts = urlsplit(address)
    return browser.get(f"{parts.path}?{parts.query}")


def sign_in(browser: Browser, provider: OidcProvider, query: str = "") -> TestResponse:
    return come_back(browser, provider.authorize(begin(browser, query)))


def alert(answer: TestResponse) -> str:
    (sentence,) = re.findall('role="alert">([^<]+)<', answer.text)
    return str(sentence)


def test_a_person_signs_in_and_out(browser: Browser, provider: OidcProvider) -> None:
    """The form leads there, and back to the page that was asked for. Signing out ends the session here."""
    page = browser.get("/queue?after=7").headers["Location"]
    assert (
        f'href="{BEGIN}?next=/queue?after%3D7">Sign in through {urlsplit(provider.issuer).netloc}<'
        in browser.get(page).text
    )
    answer = sign_in(browser, provider, "?next=/queue?after%3D7")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/queue?after=7")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "alice</a>" in browser.get("/queue").text
    assert begin(browser) == "/queue"
    assert "Off: you sign in through the provider" in browser.get("/queue/account").text
    browser.send("/queue/sign-out")
    assert browser.get("/queue").status_code == 303


def test_without_a_provider_nothing_leads_there(client: Any) -> None:
    """Both addresses are like any that does not exist."""
    assert "Sign in through" not in client.get("/queue/sign-in").text
    assert client.get(BEGIN).status_code == client.get(f"{BEGIN}/callback").status_code == 404


@pytest.mark.parametrize(
    "path",
    ["https://evil.example", "//evil.example", "/\\evil.example", "/queue/../evil", "javascript:alert(1)", "/v1/score"],
)
def test_it_leads_to_no_other_page(browser: Browser, provider: OidcProvider, path: str) -> None:
    """Neither at the beginning nor at the end, by a link or by the provider."""
    address = begin(browser, f"?next={path}")
    assert address.startswith(f"{provider.issuer}/authorize?")
    back = provider.authorize(address) + f"&next={path}&redirect_uri={path}"
    assert come_back(browser, back).headers["Location"] == "/queue"
    assert begin(browser, f"?next={path}") == "/queue"


def test_the_address_to_come_back_to_is_no_host_of_a_caller(new_app: NewApp, provider: OidcProvider) -> None:
    """A forged Host header would send the code elsewhere."""
    answer = new_app().test_client().get(BEGIN, headers={"Host": "evil.example"})
    assert parse_qs(urlsplit(answer.headers["Location"]).query)["redirect_uri"] == [
        "http://localhost/queue/sign-in/oidc/callback"
    ]


def test_a_replayed_answer_is_refused(new_app: NewApp, browser: Browser, provider: OidcProvider) -> None:
    """With the cookie of before too, and at another process; the code and the state work once each."""
    address = begin(browser)
    cookie = browser.client.get_cookie(COOKIE_NAME, path="/queue/sign-in")
    back = provider.authorize(address)
    code = parse_qs(urlsplit(back).query)["code"][0]
    grant = provider.codes[code]
    assert cookie and come_back(browser, back).status_code == 303
    assert browser.client.get_cookie(COOKIE_NAME, path="/queue/sign-in") is None
    other = Browser(new_app().test_client())
    answer = come_back(other, back)
    assert answer.status_code == 401 and "began in another browser" in alert(answer)
    other.client.set_cookie(COOKIE_NAME, cookie.value, path="/queue/sign-in")
    assert "refused the code" in alert(come_back(other, back))
    # Even if the provider lets the code work again.
    provider.codes[code] = grant
    other.client.set_cookie(COOKIE_NAME, cookie.value, path="/queue/sign-in")
    answer = come_back(other, back)
    assert answer.status_code == 401 and "ended already" in alert(answer)
    assert other.get("/queue").status_code == 303


def test_an_answer_for_another_browser_is_refused(new_app: NewApp, browser: Browser, provider: OidcProvider) -> None:
    """A link with a code of the attacker signs no one in as the attacker."""
    planted = provider.authorize(begin(Browser(new_app().test_client())))
    assert "began in another browser" in alert(come_back(browser, planted))
    begin(browser)
    answer = come_back(browser, planted)
    assert answer.status_code == 401 and "not for this sign-in" in alert(answer)
    assert browser.get("/queue").status_code == 303


@pytest.mark.parametrize("fault", ["late", "altered", "of another kind", "empty"])
def test_the_cookie_is_signed_and_short_lived(
    new_app: NewApp, provider: OidcProvider, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """Ten minutes; a text that another page signed is none."""
    app = new_app()
    browser = Browser(app.test_client())
    back = provider.authorize(begin(browser))
    cookie = browser.client.get_cookie(COOKIE_NAME, path="/queue/sign-in")
    assert cookie and cookie.http_only and cookie.same_site == "Lax" and cookie.max_age == 600
    value = cookie.value
    if fault == "late":
        passed = URLSafeTimedSerializer.default_signer.get_timestamp
        monkeypatch.setattr(URLSafeTimedSerializer.default_signer, "get_timestamp", lambda signer: passed(signer) + 601)
    elif fault == "altered":
        # Not the last letter: some of its bits belong to no byte of the signature.
        value = ("A" if value[0] != "A" else "B") + value[1:]
    elif fault == "of another kind":
        value = str(
            URLSafeTimedSerializer(app.config["SECRET_KEY"], salt="ticket for a code").dumps(["a", "b", "c", "d"])
        )
    else:
        value = ""
    browser.client.set_cookie(COOKIE_NAME, value, path="/queue/sign-in")
    answer = come_back(browser, back)
    assert answer.status_code == 401 and "took too long" in alert(answer)
    assert "/token" not in provider.calls


def test_a_person_without_a_group_meets_a_clear_page(browser: Browser, provider: OidcProvider) -> None:
    """And one whose groups vanished loses the session at the next attempt."""
    answer = sign_in(browser, provider)
    assert answer.status_code == 303
    other = Browser(browser.client.application.test_client())
    provider.claims["groups"] = ["staff"]
    answer = sign_in(other, provider)
    assert answer.status_code == 403 and alert(answer).startswith(
        "None of your groups at the provider has a role here."
    )
    assert other.get("/queue").status_code == browser.get("/queue").status_code == 303


def test_the_provider_does_not_sign_in(browser: Browser, provider: OidcProvider) -> None:
    """Its words are not repeated: anybody can write them into a link."""
    state = parse_qs(urlsplit(begin(browser)).query)["state"][0]
    answer = browser.get(f"{BEGIN}/callback?error=access_denied&error_description=Call+555-0100&state={state}")
    assert answer.status_code == 401 and alert(answer) == "The provider did not sign you in."
    assert "555" not in answer.text


@pytest.mark.parametrize("when", ["at the beginning", "at the end"])
def test_a_provider_that_is_down_leaves_the_password(
    services: Services, browser: Browser, provider: OidcProvider, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """The page says so within the deadline, and a password signs in from it."""
    add_moderator(services, "mara", "correct horse battery", Grant(Role.OWNER))
    monkeypatch.setattr(oidc, "CALL_SECONDS", 0.1)
    if when == "at the beginning":
        provider.is_silent = True
        answer = browser.get(BEGIN)
    else:
        back = provider.authorize(begin(browser))
        provider.is_silent = True
        answer = come_back(browser, back)
    assert answer.status_code == 503
    assert alert(answer).endswith("The host did not answer in time. A password still signs in.")
    assert browser.sign_in().status_code == 303 and "mara</a>" in browser.get("/queue").text


def test_guessing_answers_is_throttled(browser: Browser, provider: OidcProvider) -> None:
    """Each guess would make the service call the provider. Passwords have their own count."""
    for _ in range(MAX_FAILURES):
        state = parse_qs(urlsplit(begin(browser)).query)["state"][0]
        assert browser.get(f"{BEGIN}/callback?code=guess&state={state}").status_code == 401
    calls = len(provider.calls)
    answer = sign_in(browser, provider)
    assert answer.status_code == 429 and int(answer.headers["Retry-After"]) > 0
    assert len(provider.calls) == calls and browser.sign_in().status_code == 401


def test_totp_here_is_asked_for_after_the_provider(
    services: Services, new_app: NewApp, provider: OidcProvider, moderator: Moderator, clock: Clock
) -> None:
    """With or without a second factor at the provider. The form of the code leads to the page that was asked for."""
    phone = set_up(services, moderator)
    app = new_app()
    link(replace(services, provider=Provider(provider.client())), "mara", "a-1")
    browser = Browser(app.test_client())
    provider.changes = {"amr": ["mfa"]}
    page = sign_in(browser, provider, "?next=/queue/account")
    assert page.status_code == 200 and "<h1>Code</h1>" in page.text
    assert browser.get("/queue").status_code == 303
    answer = send_code(browser, page, phone.code(clock.now))
    assert answer.headers["Location"] == "/queue/account" and "mara</a>" in browser.get("/queue").text


def test_a_required_second_factor_may_be_the_provider_s(new_app: NewApp, provider: OidcProvider) -> None:
    """Reported as `mfa`. Without it the page says which is missing, and no page but that opens."""
    browser = Browser(new_app(require_totp=True).test_client())
    provider.changes = {"amr": ["pwd", "otp"]}
    answer = sign_in(browser, provider)
    assert answer.status_code == 403 and "mfa in amr" in alert(answer)
    provider.changes = {"amr": ["pwd", "mfa"]}
    assert sign_in(browser, provider).headers["Location"] == "/queue"
    assert browser.get("/queue").status_code == 200


def test_a_session_without_a_second_factor_meets_a_new_requirement(new_app: NewApp, provider: OidcProvider) -> None:
    """It began before the operator required one."""
    browser = Browser(new_app().test_client())
    assert sign_in(browser, provider).status_code == 303
    strict = Browser(new_app(require_totp=True).test_client())
    session = browser.client.get_cookie("moderation")
    assert session
    strict.client.set_cookie("moderation", session.value)
    assert strict.get("/queue").headers["Location"] == "/queue/account"


def test_the_log_says_who_came(browser: Browser, provider: OidcProvider) -> None:
    """And who did not: under the subject, as a name could be that of another."""
    provider.claims["groups"] = ["chiefs"]
    sign_in(browser, provider)
    provider.claims.update(groups=[], sub="b-2", preferred_username="alice")
    sign_in(Browser(browser.client.application.test_client()), provider)
    page = browser.get("/queue/log").text
    for phrase in (
        "signed in through the provider, alice",
        "refused a person without access, b-2",
        "granted a role, alice: owner",
    ):
        assert phrase in page
