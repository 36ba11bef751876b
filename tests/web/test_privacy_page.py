"""`/privacy/SITE`: the public page says what the settings of the site do, and nothing else."""

import re
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from moderation.actions.retention import set_retention
from moderation.actions.services import Services
from moderation.actions.sites import add_site, remove_site
from moderation.domain.retention import KEEP_ALL, Form, Retention
from moderation.outbound.chat import ChatServer
from moderation.settings import Settings
from moderation.web.app import create_app
from tests.web.conftest import BLOG, Blog

PATH = "/privacy/blog.example.org"


def page(client: FlaskClient, path: str = PATH) -> str:
    answer = client.get(path)
    assert answer.status_code == 200 and answer.mimetype == "text/html"
    return re.sub(r"\s+", " ", answer.text)


def test_the_default_is_described(client: FlaskClient, blog: Blog) -> None:
    """Without a key or a session."""
    shown = page(client)
    assert "A published comment is stored as you wrote it for 90 days." in shown
    assert "A comment that counts as spam is stored as you wrote it for 30 days." in shown
    assert "These parts are deleted: your name; your web address." in shown
    assert "only a digest stays, by which they are recognized but cannot be read: the text of the comment" in shown
    assert f"Ask the people who run <bdi>{BLOG}</bdi>." in shown and "language model" not in shown


def test_a_changed_setting_is_described(client: FlaskClient, blog: Blog, services: Services) -> None:
    """At once, and with the words for one day, some hours and no limit."""
    retention = Retention(publish_days=None, spam_days=1, discard_days=0, text=Form.FULL, name=Form.FULL)
    set_retention(services, BLOG, retention)
    shown = page(client)
    assert "A published comment is stored as you wrote it without a limit." in shown
    assert "counts as spam is stored as you wrote it for 1 day." in shown and "it for some hours." in shown
    assert "These parts stay as they are: the text of the comment and the title of the page; your name." in shown
    set_retention(services, BLOG, KEEP_ALL)
    assert page(client).count("without a limit") == 4 and "Nothing is deleted without a request." in page(client)


@pytest.mark.parametrize(
    ("contact", "shown"),
    [
        ("ada@blog.example", '<a href="mailto:ada@blog.example"><bdi>ada@blog.example</bdi></a>'),
        ("https://blog.example/?a&b", '<a href="https://blog.example/?a&amp;b"><bdi>'),
        ("javascript:alert(1)", "Ask <bdi>javascript:alert(1)</bdi>."),
        ("<script>alert(1)</script>", "Ask <bdi>&lt;script&gt;alert(1)&lt;/script&gt;</bdi>."),
        ('https://a.example/" onclick="x', "Ask <bdi>https://a.example/&#34; onclick=&#34;x</bdi>."),
    ],
)
def test_the_contact_is_escaped(client: FlaskClient, blog: Blog, services: Services, contact: str, shown: str) -> None:
    """Only addresses become links."""
    set_retention(services, BLOG, Retention(contact=contact))
    assert shown in page(client)


def test_the_page_may_be_kept(client: FlaskClient, blog: Blog, services: Services) -> None:
    """For minutes, also by proxies; afterwards a caller asks with the tag, and gets the page again after a change."""
    answer = client.get(PATH)
    assert answer.headers["Cache-Control"] == "public, max-age=300" and "Set-Cookie" not in answer.headers
    tag = {"If-None-Match": answer.headers["ETag"]}
    assert client.get(PATH, headers=tag).status_code == 304
    set_retention(services, BLOG, Retention(spam_days=3))
    assert client.get(PATH, headers=tag).status_code == 200


def test_a_site_below_a_path_and_one_without_tls_are_found(client: FlaskClient, services: Services) -> None:
    """The address has no scheme."""
    add_site(services, "https://many.example/ada", None)
    add_site(services, "http://plain.example:8080", None)
    assert "https://many.example/ada" in page(client, "/privacy/many.example/ada")
    assert "http://plain.example:8080" in page(client, "/privacy/plain.example:8080")


@pytest.mark.parametrize("path", ["nobody.example", "%00", "a" * 9_000, "<script>", "../queue", "[", "%F0%9F%98%80"])
def test_an_unknown_site_is_not_found(client: FlaskClient, blog: Blog, path: str) -> None:
    """With a page that quotes nothing."""
    answer = client.get(f"/privacy/{path}")
    assert answer.status_code == 404 and "<script>" not in answer.text


def test_a_path_of_the_api_is_none_of_a_page(client: FlaskClient, services: Services) -> None:
    """Such a request has the threads of comments, so it must not read the database for a stranger."""
    add_site(services, "https://many.example/v1/ada", None)
    assert client.get("/privacy/many.example/v1/ada").status_code == 404


def test_a_removed_site_has_no_page(client: FlaskClient, blog: Blog, services: Services) -> None:
    """Like one that never was."""
    remove_site(services, BLOG)
    assert client.get(PATH).status_code == 404


def test_the_adviser_is_named(services: Services, settings: Settings, blog: Blog) -> None:
    """Readers have to know that their comments go to another host."""
    adviser = ChatServer("https://models.example/v1", "m", "secret-key", 5.0)
    client = create_app(replace(services, adviser=adviser), settings).test_client()
    shown = page(client)
    assert "language model at <bdi>models.example</bdi>" in shown and "secret-key" not in shown
