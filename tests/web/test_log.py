"""The pages of the log and of agreement."""

import csv
import io
import json

import pytest
from flask import Flask

from moderation.actions.labelling import label_decision
from moderation.actions.moderators import add_moderator
from moderation.actions.services import Services
from moderation.actions.sites import add_site
from moderation.actions.tokens import add_token, revoke_token
from moderation.domain.decision import LabelValue, Moderator
from moderation.domain.people import Grant, Role
from moderation.domain.tokens import Purpose
from tests.conftest import PASSWORD
from tests.queue_lists import held_items
from tests.web.conftest import BLOG, HOLD_ALL, Blog, Browser


@pytest.fixture
def held(blog: Blog, services: Services, moderator: Moderator) -> list[str]:
    blog.set_thresholds(HOLD_ALL)
    for place in ("here", "there"):
        blog.score(f"Is it {place}?")
    return [comment.id for comment in held_items(services)]


def test_the_log_shows_and_exports_who_did_what(services: Services, blog: Blog, mara: Browser, held: list[str]) -> None:
    """With a link to a single comment, hostile names as text, and the same filters in the files."""
    mara.send("/queue/act", id=held[0], verb="spam")
    label_decision(services, blog.site, held[1], LabelValue.HAM, "<b>=1+1\u202e", "akismet", reason="<i>" * 200)
    page = mara.get("/queue/log").text
    assert f'href="/queue/comments/{held[0]}"><bdi>1 comment: spam' in page
    assert "&lt;b&gt;=1+1" in page and "<b>=" not in page and "\u202e" not in page and "<i>" not in page
    assert 'href="/queue/log"' in mara.get("/queue/acts").text
    of_mara = mara.get("/queue/log?person=mara&since=2026-01-01&until=9999-12-31").text
    assert "1 comment: spam" in of_mara and "=1+1" not in of_mara
    assert "There is nothing here" in mara.get("/queue/log?until=2000-01-01").text
    answer = mara.get("/queue/log/export?person=mara")
    assert answer.headers["Content-Disposition"] == "attachment; filename=moderation-log.csv"
    assert [row["person"] for row in csv.DictReader(io.StringIO(answer.text))] == ["mara"]
    rows = list(csv.DictReader(io.StringIO(mara.get("/queue/log/export").text)))
    objects = [json.loads(line) for line in mara.get("/queue/log/export?format=jsonl").text.splitlines()]
    assert [row["event"] for row in rows] == [each["event"] for each in objects]
    assert {"spam", "ham", "grant"} == {row["event"] for row in rows}


def test_the_log_shows_tokens(services: Services, blog: Blog, mara: Browser) -> None:
    """In words, and in the export by the name of the event."""
    token = add_token(services, BLOG, "<b>backup", [Purpose.READ], 90).token
    revoke_token(services, token.id)
    page = mara.get("/queue/log?person=cli").text
    assert "revoked a token, &lt;b&gt;backup: read" in page and "added a token, &lt;b&gt;backup: read" in page
    exported = mara.get("/queue/log/export").text
    assert "token-add" in exported and "token-revoke" in exported and token.name in exported


def test_a_wrong_filter_is_refused(mara: Browser, blog: Blog) -> None:
    """With a sentence. A site of other people is like none."""
    for query in ("since=yesterday", "until=2026-13-01", "site=https://nowhere.example"):
        for path in ("/queue/log", "/queue/log/export"):
            assert mara.get(f"{path}?{query}").status_code == 400
    assert mara.get("/queue/log/export?format=xls").status_code == 400
    assert mara.get(f"/queue/log?site={BLOG}&after=zz&person=%00").status_code == 200


def test_the_log_is_of_ones_own_sites(app: Flask, services: Services, blog: Blog, held: list[str]) -> None:
    """No filter shows an operator of one site an event of another."""
    other = add_site(services, "https://other.example")[0]
    add_moderator(services, "Otto", PASSWORD, Grant(Role.OPERATOR, other.id))
    label_decision(services, blog.site, held[0], LabelValue.HAM, "somebody", "akismet")
    otto = Browser(app.test_client())
    otto.sign_in("Otto")
    for path in ("/queue/log", "/queue/log/export", "/queue/log/export?format=jsonl"):
        assert "somebody" not in otto.get(path).text
    foreign, unknown = (otto.get(f"/queue/log?site={url}") for url in (BLOG, "https://nowhere.example"))
    assert foreign.status_code == unknown.status_code == 400


def test_agreement_is_shown_with_counts(app: Flask, services: Services, mara: Browser, held: list[str]) -> None:
    """To the person alone: the page takes no name."""
    add_moderator(services, "Ann", PASSWORD, Grant(Role.MODERATOR))
    ann = Browser(app.test_client())
    ann.sign_in("Ann")
    for each in held:
        mara.send("/queue/act", id=each, verb="spam")
    ann.send("/queue/act", id=held[0], verb="ham")
    pages = [browser.get("/queue/agreement?person=mara&name=mara").text for browser in (mara, ann)]
    assert "<dd>2, of which others left 1 as they were</dd>" in pages[0] and "<dd>0 of 1</dd>" in pages[0]
    assert "<dd>1, of which others left 1 as they were</dd>" in pages[1] and "None was decided again." in pages[1]
