"""The Atom feed of a moderator, and links from outside the queue: what opens, and what a copied link cannot do."""

from dataclasses import replace
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text as sql

from moderation.actions.feeds import MAX_ENTRIES, create_feed, revoke_feed
from moderation.actions.labelling import label_decision, read_label_log
from moderation.actions.moderators import add_moderator, remove_moderator
from moderation.actions.review import count_held
from moderation.actions.services import Services
from moderation.actions.sites import find_site
from moderation.domain.audit import AuditDraw
from moderation.domain.decision import LabelValue, Moderator
from moderation.domain.urls import item_url
from moderation.settings import Settings
from moderation.storage.engine import read_transaction
from moderation.web.app import create_app
from tests.conftest import PASSWORD, Clock
from tests.web.conftest import BLOG, HOLD_ALL, KEY, PUBLISH_ALL, Blog, Browser

ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
def token(services: Services, moderator: Moderator) -> str:
    return create_feed(services, moderator.name)


def entries(body: bytes) -> list[dict[str, str]]:
    feed = ET.fromstring(body)
    found = []
    for entry in feed.findall(f"{ATOM}entry"):
        link = entry.find(f"{ATOM}link")
        assert link is not None
        texts = {element.tag.removeprefix(ATOM): element.text or "" for element in entry}
        found.append({**texts, "href": link.attrib["href"]})
    return found


def test_the_feed_has_what_waits(services: Services, blog: Blog, client: FlaskClient, token: str) -> None:
    """The newest comment first, and no longer once it is decided."""
    blog.set_thresholds(HOLD_ALL)
    first, second = blog.score("one", author="Ann"), blog.score("two")
    response = client.get(f"/feed.atom?token={token}")
    assert response.mimetype == "application/atom+xml"
    newest, oldest = entries(response.data)
    assert (newest["content"], oldest["content"]) == ("two", "one") and "Ann" in oldest["title"]
    assert urlsplit(newest["href"]).path == f"/queue/comments/{second['id']}"
    label_decision(services, find_site(services, BLOG), first["id"], LabelValue.HAM, "mara", "queue")
    assert [entry["content"] for entry in entries(client.get(f"/feed.atom?token={token}").data)] == ["two"]


def test_the_feed_is_not_sent_twice(blog: Blog, client: FlaskClient, token: str, clock: Clock) -> None:
    """A reader that has it gets 304; the feed changes with its comments, not with the time."""
    blog.set_thresholds(HOLD_ALL)
    blog.score("one")
    first = client.get(f"/feed.atom?token={token}")
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert parsedate_to_datetime(first.headers["Last-Modified"]) == clock().replace(microsecond=0)
    clock.advance(60)
    for header, value in (
        ("If-None-Match", first.headers["ETag"]),
        ("If-Modified-Since", first.headers["Last-Modified"]),
    ):
        again = client.get(f"/feed.atom?token={token}", headers={header: value})
        assert (again.status_code, again.data) == (304, b"")
    blog.score("two")
    changed = client.get(f"/feed.atom?token={token}", headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200 and len(entries(changed.data)) == 2


def test_only_the_newest_token_opens_the_feed(
    services: Services, client: FlaskClient, moderator: Moderator, token: str
) -> None:
    """Neither an altered, a replaced or a revoked one, nor that of a removed moderator."""
    add_moderator(services, "noah", PASSWORD)
    other = create_feed(services, "noah")
    number, random_part = token.split("-", 1)
    wrong = [
        "",
        number,
        f"{number}-",
        f"{number}-{other.split('-', 1)[1]}",
        token[:-1],
        f"0{token}x",
        f"٣-{random_part}",
    ]
    newest = create_feed(services, moderator.name)
    for attempt in (*wrong, token, f"{number}-{'x' * 5_000}"):
        response = client.get("/feed.atom", query_string={"token": attempt})
        assert (response.status_code, response.mimetype) == (401, "application/problem+json"), attempt
    assert client.get(f"/feed.atom?token={newest}").status_code == 200
    assert revoke_feed(services, moderator.name) and not revoke_feed(services, moderator.name)
    assert client.get(f"/feed.atom?token={newest}").status_code == 401
    assert client.get(f"/feed.atom?token={other}").status_code == 200
    remove_moderator(services, "noah")
    assert client.get(f"/feed.atom?token={other}").status_code == 401


def test_no_token_is_stored(services: Services, token: str) -> None:
    """A copy of the database opens no feed."""
    with read_transaction(services.engine) as connection:
        (row,) = connection.execute(sql("SELECT * FROM feeds"))
    assert token not in str(row) and token.split("-", 1)[1] not in str(row)


def test_hostile_text_in_the_feed(blog: Blog, client: FlaskClient, token: str) -> None:
    """It is well-formed XML of plain text, without links and invisible characters, and of at most 250 kB."""
    blog.set_thresholds(HOLD_ALL)
    hostile = (
        "]]></content><script>alert(1)</script>&bogus; \x00\x0b\ufffe\u202e http://evil.example/ " + "\u200ba" * 50_000
    )
    for number in range(MAX_ENTRIES + 5):
        blog.score(f"{number} {hostile}", author=hostile[:1_000])
    body = client.get(f"/feed.atom?token={token}").data
    assert len(entries(body)) == MAX_ENTRIES and len(body) < 250_000
    assert b"<script" not in body and b"http://evil" not in body and "\u202e".encode() not in body


def test_an_audit_item_is_blind_in_the_feed(services: Services, settings: Settings, blog: Blog, token: str) -> None:
    """Its verdict and its score would sway the person who labels it."""
    drawing = replace(services, audit=AuditDraw(services.secret, 1.0))
    blog.set_thresholds(PUBLISH_ALL)
    client = create_app(drawing, settings).test_client()
    client.post("/v1/score", json={"text": "drawn"}, headers={"Authorization": f"Bearer {KEY}"})
    (entry,) = entries(client.get(f"/feed.atom?token={token}").data)
    assert "for the audit" in entry["title"] and "%" not in entry["title"]


def test_a_copied_link_decides_and_reveals_nothing(
    app: Flask, services: Services, blog: Blog, mara: Browser, token: str
) -> None:
    """An attacker who has a digest's link replays it, alters it and posts to it; so may a mail scanner."""
    blog.set_thresholds(HOLD_ALL)
    decision = blog.score("A private remark")
    path = urlsplit(item_url("https://moderation.example", decision["id"])).path
    stranger, other = app.test_client(), path[:-4] + "0000"
    seen = [stranger.get(address) for address in (path, path, other)]
    # The same answer whether the comment exists or not.
    assert {response.status_code for response in seen} == {303}
    assert {response.headers["Location"].replace(other, path) for response in seen} == {
        seen[0].headers["Location"]
    } and not any("private" in response.text for response in seen)
    for query in ("?verb=spam", "?token=" + token, "?id=1&verb=ham"):
        assert stranger.get(path + query).status_code == 303
    assert stranger.post(path, data={"verb": "spam"}).status_code in (303, 400, 405)
    for _ in range(3):
        assert "A private remark" in mara.read(path)
        assert mara.get(path + "?verb=spam").status_code == 200
    assert mara.get(other).status_code == 404
    assert read_label_log(services, None) == [] and count_held(services) == 1


def test_a_link_leads_through_the_sign_in(app: Flask, blog: Blog, moderator: Moderator) -> None:
    """To its page, and to no other host."""
    blog.set_thresholds(HOLD_ALL)
    decision = blog.score("A private remark")
    browser = Browser(app.test_client())
    path = f"/queue/comments/{decision['id']}"
    assert browser.get(path).headers["Location"].startswith("/queue/sign-in?next=")
    assert urlsplit(browser.sign_in(next=path).headers["Location"]).path == path
