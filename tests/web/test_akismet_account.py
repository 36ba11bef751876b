"""Akismet's door beside the verdicts: account, statistics, usage, and what the WordPress plugin asks."""

import csv
import json
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import akismet
import httpx
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from moderation.actions.access import add_site
from moderation.actions.statistics import SECONDS_TO_JUDGE
from tests.conftest import Clock
from tests.web.conftest import BLOG, DISCARD_ALL, HOLD_ALL, KEY, PUBLISH_ALL, SPAM_ALL, Blog

KEYED = (
    "/1.1/get-subscription",
    "/1.1/get-stats",
    "/1.1/get-key-stats",
    "/1.2/get-key-stats",
    "/1.1/key-sites",
    "/1.2/key-sites",
    "/1.2/usage-limit",
    "/1.1/deactivate",
    "/1.1/token",
)
KEYLESS = ("/1.1/test", "/1.2/compatible-plugins", "/1.1/verify-wpcom-key")
STATS = ("/1.1/get-stats", "/1.1/get-key-stats", "/1.2/get-key-stats")
SITES = ("/1.1/key-sites", "/1.2/key-sites")
NAME = "blog.example.org"
COUNTS = ("spam", "ham", "missed_spam", "false_positives")


def content(reply: TestResponse) -> Any:
    """A reply in JSON, after checking what all of them must be."""
    assert (reply.status_code, reply.content_type) == (200, "application/json")
    assert not reply.data.endswith(b"\n")
    assert not [name for name, _ in reply.headers if name.lower().startswith(("x-akismet-alert", "x-akismet-debug"))]
    return json.loads(reply.data)


def ask(blog: Blog, path: str, **fields: str) -> Any:
    return content(blog.client.post(path, data={"key": KEY, "blog": BLOG, **fields}))


def send(blog: Blog, count: int, policy: Any, word: str) -> None:
    """`count` different comments under these lines."""
    blog.draw(policy)
    for number in range(count):
        blog.akismet("comment-check", comment_content=f"{word} {number}", comment_author="Ann")


def a_month(blog: Blog) -> None:
    """Five stopped of which one was ham, four published of which one was spam, one held."""
    send(blog, 4, SPAM_ALL, "Casino")
    send(blog, 1, DISCARD_ALL, "Pills")
    send(blog, 4, PUBLISH_ALL, "Thanks")
    send(blog, 1, HOLD_ALL, "Perhaps")
    blog.akismet("submit-ham", comment_content="Casino 1", comment_author="Ann")
    blog.akismet("submit-spam", comment_content="Thanks 1", comment_author="Ann")


@pytest.mark.parametrize("path", KEYED)
def test_a_bad_key_is_invalid_with_help(client: FlaskClient, blog: Blog, path: str) -> None:
    """Status 200 and the debug help, wherever a key is asked for: a client may take anything else for an answer."""
    for fields in ({}, {"key": "INVALID_TEST_KEY"}, {"api_key": "ffffffffffff"}):
        for reply in (client.post(path, data=fields), client.get(f"{path}?{urlencode(fields)}")):
            assert (reply.status_code, reply.data) == (200, b"invalid")
            assert reply.content_type == "text/plain; charset=utf-8"
            assert reply.headers["X-akismet-debug-help"]


@pytest.mark.parametrize("path", KEYED)
def test_the_key_is_found_wherever_it_is(client: FlaskClient, blog: Blog, path: str) -> None:
    """In `api_key`, in `key`, or before the host name; by GET and POST."""
    for name in ("api_key", "key"):
        for reply in (client.post(path, data={name: KEY}), client.get(f"{path}?{name}={KEY}")):
            assert reply.status_code == 200 and reply.data != b"invalid"
    for reply in (client.post(path, base_url=f"http://{KEY}.rest.example"), client.get(path, headers={"Host": KEY})):
        assert reply.status_code == 200 and reply.data != b"invalid"


@pytest.mark.parametrize("path", [*KEYED, *KEYLESS])
def test_both_methods_are_understood_and_no_other(client: FlaskClient, blog: Blog, path: str) -> None:
    """GET and POST give the same kind of reply; PUT a line of text."""
    replies = [client.get(f"{path}?api_key={KEY}"), client.post(path, data={"api_key": KEY})]
    assert {(reply.status_code, reply.content_type) for reply in replies} == {(200, replies[0].content_type)}
    refused = client.put(path)
    assert refused.status_code == 405 and refused.mimetype == "text/plain"


@pytest.mark.parametrize("path", ["/1.1/", "/1.1/nonsense", "/1.2/get-stats", "/1.3/test", "/1.0/x/y", "/1.1/test/"])
def test_an_unknown_path_is_never_html(client: FlaskClient, path: str) -> None:
    """404 and a line of text."""
    for reply in (client.get(path), client.post(path, data={"api_key": KEY})):
        assert (reply.status_code, reply.mimetype) == (404, "text/plain")
        assert b"<" not in reply.data


def test_the_connection_test_says_connected(client: FlaskClient) -> None:
    """Without a key; else the plugin's settings page says that it cannot connect."""
    reply = client.get("/1.1/test", headers={"User-Agent": "WordPress/6.1.9; https://blog.example.org"})
    assert (reply.data, reply.content_type) == (b"connected", "text/plain; charset=utf-8")


def test_the_subscription_is_active(blog: Blog) -> None:
    """Else the plugin does not store the key; and it has every member that the official SDK demands."""
    assert ask(blog, "/1.1/get-subscription") == {
        "account_id": blog.site.id,
        "account_type": "self-hosted",
        "account_name": "Self-hosted",
        "status": "active",
        "next_billing_date": False,
        "limit_reached": False,
    }
    assert blog.site.id > 0


def test_the_token_is_fresh_and_not_the_key(client: FlaskClient, blog: Blog) -> None:
    """The plugin shows it to a page of somebody else."""
    words = [client.post("/1.1/token", data={"api_key": KEY}).text for _ in range(2)]
    assert words[0] != words[1] and not any(KEY in word for word in words)
    assert all(re.fullmatch("[0-9a-f]{32}", word) for word in words)


def test_deactivating_leaves_the_key_as_it_is(client: FlaskClient, blog: Blog) -> None:
    """The plugin may be switched on again; only the operator shuts a blog out."""
    assert client.post("/1.1/deactivate", data={"key": KEY, "blog": BLOG}).data == b"deactivated"
    assert client.post("/1.1/verify-key", data={"key": KEY, "blog": BLOG}).data == b"valid"


def test_no_plugin_is_known_to_be_compatible(client: FlaskClient) -> None:
    """A list, as a 404 would be asked again on each page."""
    assert content(client.get("/1.2/compatible-plugins")) == []


def test_a_wordpress_com_key_is_invalid(client: FlaskClient, blog: Blog) -> None:
    """Whatever comes with it: nobody has such an account here."""
    for fields in ({"token": "x"}, {"user_id": "1", "api_key": KEY, "get_account_type": "true"}):
        reply = client.post("/1.1/verify-wpcom-key", data=fields)
        assert reply.data == b"invalid" and reply.headers["X-akismet-debug-help"]


@pytest.mark.parametrize("path", STATS)
@pytest.mark.parametrize("since", ["all", "6-months", "60-days", "year"])
def test_statistics_are_our_real_counts(blog: Blog, path: str, since: str) -> None:
    """Every member that the official SDK demands, of the type it demands, from what was stored."""
    a_month(blog)
    found = ask(blog, path, **{"from": since})
    entry = {"spam": 5, "ham": 5, "missed_spam": 1, "false_positives": 1, "blogs": 1}
    period, day = ("2026-01-02", "2026-01-02") if since == "60-days" else ("2026-01", "2026-01-01")
    assert found == {
        "spam": 5,
        "ham": 5,
        "missed_spam": 1,
        "false_positives": 1,
        "accuracy": "80.00",
        "time_saved": 7 * SECONDS_TO_JUDGE,
        "breakdown": {period: {**entry, "da": day}},
    }


def test_statistics_of_nothing_have_every_member(blog: Blog) -> None:
    """The breakdown of no time is an object, never a list: PHP would read an array."""
    reply = blog.client.post("/1.1/get-stats", data={"key": KEY, "from": "all"})
    assert content(reply) == {**dict.fromkeys(COUNTS, 0), "accuracy": "100.00", "time_saved": 0, "breakdown": {}}
    assert b'"breakdown": {}' in reply.data


def test_statistics_begin_where_they_were_told_to(blog: Blog, clock: Clock) -> None:
    """This month or day and the five, eleven or fifty-nine before it; `all` is all."""
    for month in range(1, 13):
        clock.now = datetime(2025, month, 1, tzinfo=UTC)
        send(blog, 1, SPAM_ALL, f"Casino {month}")
    clock.now = datetime(2026, 1, 29, 23, tzinfo=UTC)
    found = {since: ask(blog, "/1.1/get-stats", **{"from": since}) for since in ("all", "year", "6-months", "60-days")}
    assert {since: stats["spam"] for since, stats in found.items()} == {
        "all": 12,
        "year": 11,
        "6-months": 5,
        "60-days": 1,
    }
    assert list(found["6-months"]["breakdown"]) == ["2025-08", "2025-09", "2025-10", "2025-11", "2025-12", "2026-01"]
    days = list(found["60-days"]["breakdown"])
    assert (days[0], days[-1], len(days)) == ("2025-12-01", "2026-01-29", 60)


@pytest.mark.parametrize("since", ["", "nonsense", "99999999999-months", "6-MONTHS "])
def test_statistics_of_an_unknown_time_are_those_of_six_months(blog: Blog, clock: Clock, since: str) -> None:
    """A word that we do not know is no error; nor is none."""
    send(blog, 1, SPAM_ALL, "Old")
    clock.now = datetime(2026, 7, 1, tzinfo=UTC)
    assert ask(blog, "/1.1/get-stats", **{"from": since}) == ask(blog, "/1.1/get-stats", **{"from": "6-months"})
    assert ask(blog, "/1.1/get-stats")["spam"] == 0


def test_tests_and_fixed_answers_are_not_counted(blog: Blog) -> None:
    """What leaves no decision leaves no figure."""
    blog.akismet("comment-check", comment_content="x", is_test="1")
    blog.akismet("comment-check", comment_author="viagra-test-123")
    blog.akismet("comment-check", comment_content="x", user_role="administrator")
    assert ask(blog, "/1.1/get-stats", **{"from": "all"})["breakdown"] == {}
    assert ask(blog, "/1.2/usage-limit")["usage"] == 0


@pytest.mark.parametrize("path", SITES)
def test_key_sites_lists_the_site_of_the_key(blog: Blog, path: str) -> None:
    """Exactly one month, figures as words as the real service sends them, and numbers to page by."""
    add_site(blog.desk, "https://teammate.example", None)
    a_month(blog)
    row = {"site": NAME, "api_calls": "12", "spam": "5", "ham": "5", "missed_spam": "1", "false_positives": "1"}
    expected = {"2026-01": [{**row, "is_revoked": False}], "limit": 500, "offset": 0, "total": 1}
    assert ask(blog, path) == expected == ask(blog, path, format="json", month="2026-01", order="missed_spam")
    assert blog.client.get(f"{path}?api_key={KEY}").get_json() == expected


def test_key_sites_names_the_path_of_a_site(client: FlaskClient, blog: Blog) -> None:
    """Blogs of one host are told apart."""
    add_site(blog.desk, "https://example.org/notes", "aaaaaaaaaaaa")
    (row,) = client.get("/1.2/key-sites?api_key=aaaaaaaaaaaa").get_json()["2026-01"]
    assert row["site"] == "example.org/notes"


def test_key_sites_of_another_month(blog: Blog, clock: Clock) -> None:
    """The month that was named, and no other; before and after ours there is nothing."""
    a_month(blog)
    clock.now = datetime(2026, 2, 1, tzinfo=UTC)
    assert ask(blog, "/1.2/key-sites", month="2026-01")["2026-01"][0]["spam"] == "5"
    for month in ("2026-02", "2001-12", "2099-12"):
        assert ask(blog, "/1.2/key-sites", month=month)[month][0]["spam"] == "0"


@pytest.mark.parametrize(
    "month", ["", "2026", "2026-13", "2026-00", "0000-01", "9999-12", "2026-1", "x" * 5000, "٢٠٢٦-٠١"]
)
def test_key_sites_of_an_odd_month_are_those_of_this_one(blog: Blog, month: str) -> None:
    """What is no month counts as not said."""
    assert "2026-01" in ask(blog, "/1.2/key-sites", month=month)


@pytest.mark.parametrize(
    ("fields", "limit", "offset", "listed"),
    [
        ({"limit": "1"}, 1, 0, 1),
        ({"limit": "7", "offset": "1"}, 7, 1, 0),
        ({"limit": "0", "offset": "-1"}, 500, 0, 1),
        ({"limit": "x", "offset": "9" * 5000}, 500, 0, 1),
        ({"limit": "", "offset": " 2 "}, 500, 2, 0),
    ],
)
def test_key_sites_are_paged(blog: Blog, fields: dict[str, str], limit: int, offset: int, listed: int) -> None:
    """Limit, offset and total are always numbers; the total does not depend on the page."""
    found = ask(blog, "/1.2/key-sites", **fields)
    assert (found["limit"], found["offset"], found["total"]) == (limit, offset, 1)
    assert len(found["2026-01"]) == listed


@pytest.mark.parametrize(("wanted", "total"), [("", 1), ("example", 1), ("BLOG.", 1), ("teammate", 0), ("%", 0)])
def test_key_sites_are_filtered(blog: Blog, wanted: str, total: int) -> None:
    """By a part of the name, in whatever case; a month without a site is an empty list."""
    found = ask(blog, "/1.2/key-sites", filter=wanted)
    assert (found["total"], len(found["2026-01"])) == (total, total)


def test_key_sites_as_a_table(blog: Blog) -> None:
    """A line on what it is, a line of headings, then the rows."""
    a_month(blog)
    reply = blog.client.get(f"/1.2/key-sites?api_key={KEY}&format=csv&limit=5")
    assert (reply.status_code, reply.content_type) == (200, "text/csv; charset=utf-8")
    heading, *table = reply.text.splitlines()
    assert heading == f"Active sites for {KEY} during 2026-01 (limit:5, offset: 0, total: 1)"
    assert table[0] == "Site,Total API Calls,Spam,Ham,Missed Spam,False Positives,Is Revoked"
    assert list(csv.reader(table[1:])) == [[NAME, "12", "5", "5", "1", "1", "false"]]


def test_usage_has_no_limit(blog: Blog) -> None:
    """The four members that the SDK wants; the percentage is a string."""
    a_month(blog)
    expected = {"limit": "none", "usage": 12, "percentage": "0.00", "throttled": False}
    assert ask(blog, "/1.2/usage-limit") == expected
    for yes in ("1", "true"):
        found = ask(blog, "/1.2/usage-limit", extended=yes)
        assert found == {**expected, "notice_level": 0, "upgrade": False}


def test_the_real_client_reads_usage_and_sites(app: Flask, blog: Blog) -> None:
    """PyPI akismet, unmodified. It sends no key with key_sites, so that one needs the key in the host's name."""
    a_month(blog)
    agent = {"User-Agent": akismet.USER_AGENT}
    keyed = httpx.Client(transport=httpx.WSGITransport(app), headers={**agent, "Host": f"{KEY}.rest.akismet.com"})
    with akismet.SyncClient(config=akismet.Config(key=KEY, url=BLOG), http_client=keyed) as client:
        assert client.usage_limit()["usage"] == 12
        sites = client.key_sites()
        assert isinstance(sites, dict) and sites["total"] == 1
        assert str(client.key_sites(result_format="csv", month="2026-01")).startswith("Active sites for ")
