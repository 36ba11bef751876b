"""A decision posted after the session has ended is carried through the sign-in, and made by one press."""

import re

import pytest
from flask import Flask
from itsdangerous import URLSafeTimedSerializer
from werkzeug.test import TestResponse

from moderation.actions.review import count_held, list_comments
from moderation.actions.services import Services
from moderation.actions.sessions import end_sessions
from moderation.domain.queue import ListedComment, ListName
from moderation.web.queue import carrying
from tests.conftest import PASSWORD
from tests.web.conftest import HOLD_ALL, Blog, Browser


@pytest.fixture
def item(blog: Blog) -> ListedComment:
    """A held comment."""
    blog.set_thresholds(HOLD_ALL)
    blog.score("number <1>", author="Ann")
    return list_comments(blog.services, ListName.HELD).comments[0]


def fields_of(page: TestResponse) -> dict[str, str]:
    """Return the hidden fields of the main form of a page."""
    form = page.text[page.text.rindex("<form") :]
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))


def expire(browser: Browser, services: Services) -> None:
    """End the session as its cookie ends: the browser no longer sends it."""
    end_sessions(services, "mara")
    browser.client.delete_cookie("moderation")


def press(browser: Browser, token: str, item: ListedComment, verb: str = "spam", **headers: str) -> TestResponse:
    data = {"csrf_token": token, "id": str(item.seen), "verb": verb, "back": "/queue?skipped=1"}
    return browser.client.post("/queue/act", data=data, headers=headers)


def sign_in(browser: Browser, page: TestResponse, password: str = PASSWORD) -> TestResponse:
    fields = {**fields_of(page), "name": "mara", "password": password}
    return browser.client.post("/queue/sign-in", data=fields)


@pytest.mark.parametrize("has_cookie", [False, True])
def test_a_decision_survives_the_end_of_its_session(
    mara: Browser, services: Services, item: ListedComment, has_cookie: bool
) -> None:
    """A wrong password does not lose it either; the press makes it, and leads back to the list."""
    token = mara.token()
    if has_cookie:
        end_sessions(services, "mara")
    else:
        expire(mara, services)
    asked = press(mara, token, item)
    assert asked.status_code == 401 and "Your session has ended" in asked.text
    again = sign_in(mara, asked, "a wrong password")
    assert again.status_code == 401 and "is wrong" in again.text
    confirm = sign_in(mara, again)
    assert confirm.status_code == 200 and "You pressed Spam for a comment" in confirm.text
    assert "number &lt;1&gt;" in confirm.text and count_held(services) == 1, "nothing is decided without the press"
    made = mara.client.post("/queue/act", data={**fields_of(confirm), "verb": "spam"})
    assert made.status_code == 303 and made.headers["Location"] == "/queue?skipped=1" and count_held(services) == 0
    twice = mara.client.post("/queue/act", data={**fields_of(confirm), "verb": "spam"}, follow_redirects=True)
    assert "Nothing changed: You have labelled it spam already." in twice.text


def test_a_page_of_an_earlier_session_asks_for_the_press(
    mara: Browser, services: Services, item: ListedComment
) -> None:
    """Its token is not of the new session, in which the moderator works in another tab."""
    token = mara.token()
    expire(mara, services)
    assert mara.sign_in().status_code == 303
    confirm = press(mara, token, item)
    assert confirm.status_code == 200 and "Confirm your decision" in confirm.text and count_held(services) == 1
    assert mara.client.post("/queue/act", data={**fields_of(confirm), "verb": "spam"}).status_code == 303
    assert count_held(services) == 0


def test_a_decision_on_many_is_carried_whole(
    mara: Browser, services: Services, blog: Blog, item: ListedComment
) -> None:
    """One press makes it for all comments of a page."""
    blog.score("number 2")
    listed = list_comments(services, ListName.HELD).comments
    token = mara.token()
    expire(mara, services)
    data = {"csrf_token": token, "verb": "spam", "all": "1", "page": " ".join(str(each.seen) for each in listed)}
    confirm = sign_in(mara, mara.client.post("/queue/act", data=data))
    assert "for 2 comments" in confirm.text and "number 2" in confirm.text and "number &lt;1&gt;" in confirm.text
    ids = re.findall(r'name="id" value="([^"]+)"', confirm.text)
    mara.client.post("/queue/act", data={**fields_of(confirm), "id": ids, "verb": "spam"})
    assert len(ids) == 2 and count_held(services) == 0


@pytest.mark.parametrize("path", ["/queue/campaigns", "/queue/sweep?low=0&high=100"])
def test_a_stroke_over_many_is_carried(
    mara: Browser, services: Services, blog: Blog, item: ListedComment, path: str
) -> None:
    """One press decides the campaign or the band as it was seen: no comment that came meanwhile."""
    blog.score("number <1>", author="Ben")
    page = mara.get(path)
    link = re.search(r'href="(/queue/campaigns/\w{16})"', page.text)
    if link:
        page = mara.get(link[1])
    fields = fields_of(page)
    path = link[1] if link else "/queue/sweep"
    expire(mara, services)
    blog.score("number <1>", author="Cid")
    confirm = sign_in(mara, mara.client.post(path, data={**fields, "verb": "spam"}))
    assert "for <a href=" in confirm.text and count_held(services) == 3
    for expected in ("2 comments: spam", "Nothing changed: "):
        sent = {**fields_of(confirm), "verb": "spam"}
        answer = mara.client.post(path, data=sent, follow_redirects=True)
        assert expected in answer.text and count_held(services) == 1


@pytest.mark.parametrize("kind", ["cross-site", "same-site", "forged", "none"])
def test_another_site_carries_nothing(
    mara: Browser, app: Flask, services: Services, item: ListedComment, kind: str
) -> None:
    """A form of another site, or without a token that this service signed, is refused as it was."""
    tokens = {"forged": str(URLSafeTimedSerializer(b"x", salt="wtf-csrf-token").dumps("0")), "none": ""}
    token = tokens.get(kind, mara.token())
    expire(mara, services)
    refused = press(mara, token, item, **({} if kind in tokens else {"Sec-Fetch-Site": kind}))
    assert refused.status_code == 400 and "carried" not in refused.text and count_held(services) == 1


def test_a_script_gets_the_error(mara: Browser, services: Services, item: ListedComment) -> None:
    """It then sends the form as a page does."""
    token = mara.token()
    end_sessions(services, "mara")
    refused = press(mara, token, item, Accept="application/json")
    assert refused.status_code == 401 and refused.content_type == "application/problem+json"


def test_a_carried_decision_is_bounded(mara: Browser, app: Flask, services: Services, item: ListedComment) -> None:
    """In its comments, their ids, its verb, and its time; an altered one is none."""
    token = mara.token()
    expire(mara, services)
    too_many = [str(number) for number in range(carrying.MAX_CARRIED + 1)]
    bad_fields: tuple[dict[str, str | list[str]], ...] = (
        {"id": too_many},
        {"id": "9" * 101},
        {"id": []},
        {"verb": "discard"},
    )
    for bad in bad_fields:
        data = {"csrf_token": token, "id": str(item.seen), "verb": "spam", **bad}
        assert mara.client.post("/queue/act", data=data).status_code == 400, bad
    with app.test_request_context():
        decision = carrying.CarriedDecision("/queue/act", "spam", [("id", item.id)], "")
        signed = carrying.sign_decision(decision)
        assert carrying.signed_decision(signed) == decision
        assert carrying.signed_decision(signed[:-1]) is None and carrying.signed_decision("") is None


def test_a_carried_decision_is_short_lived(app: Flask, item: ListedComment, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a quarter of an hour the sign-in leads to the list as usual."""
    with app.test_request_context():
        signed = carrying.sign_decision(carrying.CarriedDecision("/queue/act", "spam", [("id", item.id)], ""))
        monkeypatch.setattr(carrying, "LIFETIME_SECONDS", -1)
        assert carrying.signed_decision(signed) is None
