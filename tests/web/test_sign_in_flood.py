"""Sign-in during a flood: strangers with rotating names and a stranger who fails on the moderator's name."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from time import monotonic, sleep

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from moderation.actions import moderators
from moderation.actions.moderators import reset_password
from moderation.actions.services import Services
from moderation.domain.decision import Moderator
from moderation.web.queue.devices import COOKIE_NAME
from tests.conftest import PASSWORD, SLOW_PASSWORD_HASHER
from tests.web.conftest import Blog, Browser

CLIENTS = 20
STRANGER, HOME = "198.51.100.7", "203.0.113.5"


def sign_in(app: Flask, address: str, name: str = "mara", password: str = PASSWORD, device: str = "") -> TestResponse:
    """Sign in from an address in a new browser, with or without the cookie of a remembered device."""
    client = app.test_client()
    client.environ_base["REMOTE_ADDR"] = address
    if device:
        client.set_cookie(COOKIE_NAME, device, path="/queue/sign-in")
    return Browser(client).sign_in(name, password)


def device_of(response: TestResponse) -> str:
    (cookie,) = [value for value in response.headers.getlist("Set-Cookie") if value.startswith(f"{COOKIE_NAME}=")]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Path=/queue/sign-in" in cookie
    return cookie.partition("=")[2].partition(";")[0]


@contextmanager
def flood(app: Flask, addresses: list[str]) -> Iterator[Counter[int]]:
    """Let `CLIENTS` threads try names that rotate, each from one of the addresses, until the block ends."""
    stop, statuses = Event(), Counter[int]()

    def attack(number: int) -> None:
        count = 0
        while not stop.is_set():
            count += 1
            statuses[sign_in(app, addresses[number % len(addresses)], f"n{number}-{count}", "wrong").status_code] += 1
            stop.wait(0.02)

    threads = [Thread(target=attack, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    stop.wait(0.5)
    try:
        yield statuses
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_a_stranger_does_not_lock_the_moderator_out(app: Flask, moderator: Moderator) -> None:
    """After 1,000 failures on the name the moderator signs in from home, and beside the stranger by the device."""
    device = device_of(sign_in(app, HOME))
    statuses = Counter(sign_in(app, STRANGER, password="wrong").status_code for _ in range(1000))
    assert statuses[401] <= 10 and statuses[429] >= 990
    assert sign_in(app, HOME).status_code == 303
    assert sign_in(app, STRANGER).status_code == 429
    assert sign_in(app, STRANGER, device=device).status_code == 303


# Among parallel tests, the seconds would be those of the others.
@pytest.mark.e2e
@pytest.mark.parametrize("addresses", [[STRANGER], [f"198.51.100.{number}" for number in range(CLIENTS)]])
def test_a_moderator_signs_in_during_a_flood(
    app: Flask, blog: Blog, moderator: Moderator, addresses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once on a remembered device, within ten seconds on a new one that waits as long as it is asked to."""
    monkeypatch.setattr(moderators, "password_hasher", SLOW_PASSWORD_HASHER)
    reset_password(blog.services, "mara", PASSWORD)
    device = device_of(sign_in(app, HOME))
    with flood(app, addresses) as statuses:
        began = monotonic()
        assert sign_in(app, addresses[0], device=device).status_code == 303
        assert monotonic() - began < 4
        began = monotonic()
        while (response := sign_in(app, "203.0.113.9")).status_code != 303:
            sleep(int(response.headers["Retry-After"]))
        assert monotonic() - began < 10
        assert blog.score("hello")["verdict"]
    assert set(statuses) <= {401, 429} and statuses[429] > statuses[401]


def test_a_device_is_bound_to_its_name_and_password(app: Flask, services: Services, moderator: Moderator) -> None:
    """The cookie gives no place for another name, when altered, or after the password changed."""
    device = device_of(sign_in(app, HOME))
    for _ in range(10):
        sign_in(app, STRANGER, password="wrong")
    assert sign_in(app, STRANGER, device=device).status_code == 303
    assert sign_in(app, STRANGER, device=device + "x").status_code == 429
    for _ in range(10):
        assert sign_in(app, STRANGER, "ana", device=device).status_code == 401
    assert sign_in(app, STRANGER, "ana", device=device).status_code == 429
    reset_password(services, "mara", PASSWORD)
    assert sign_in(app, STRANGER, device=device).status_code == 429


def test_a_stolen_device_is_throttled_by_itself(app: Flask, moderator: Moderator) -> None:
    """Ten failures with one device leave the moderator's other device alone."""
    stolen, own = device_of(sign_in(app, HOME)), device_of(sign_in(app, HOME))
    statuses = [sign_in(app, STRANGER, password="wrong", device=stolen).status_code for _ in range(11)]
    assert statuses == [401] * 10 + [429]
    assert sign_in(app, STRANGER, device=own).status_code == 303
