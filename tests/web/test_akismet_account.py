"""Akismet's endpoints for the account: statistics, usage, and the small calls of the WordPress plugin."""

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

from moderation.actions.sites import add_site
from moderation.actions.statistics import SECONDS_PER_REVIEW
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


def checked_json(response: TestResponse) -> Any:
    """Return the JSON of a response after checking the requirements of every JSON response."""
    assert (response.status_code, response.content_type) == (200, "application/json")
    assert not response.data.endswith(b"\n")
    assert not [name for name, _ in response.headers if name.lower().startswith(("x-akismet-alert", "x-akismet-debug"))]
    return json.loads(response.data)


def ask_json(blog: Blog, path: str, **fields: str) -> Any:
    return checked_json(blog.client.post(path, data={"key": KEY, "blog": BLOG, **fields}))


def send(blog: Blog, count: int, thresholds: Any, word: str) -> None:
    """Send `count` different comments under these thresholds."""
    blog.set_thresholds(thresholds)
    for number in range(count):
        blog.akismet("comment-check", comment_content=f"{word} {number}", comment_author="Ann")


def send_a_month(blog: Blog) -> None:
    """Send five comments judged spam (one is ham), four published (one is spam), and one held."""
    send(blog, 4, SPAM_ALL, "Casino")
    send(blog, 1, DISCARD_ALL, "Pills")
    send(blog, 4, PUBLISH_ALL, "Thanks")
    send(blog, 1, HOLD_ALL, "Perhaps")
    blog.akismet("submit-ham", comment_content="Casino 1", comment_author="Ann")
    blog.akismet("submit-spam", comment_content="Thanks 1", comment_author="Ann")


@pytest.mark.parametrize("path", KEYED)
def test_a_bad_key_is_invalid_with_help(client: FlaskClient, blog: Blog, path: str) -> None:
    """Status 200 and the debug help at every endpoint with a key: clients take anything else for an answer."""
    for fields in ({}, {"key": "INVALID_TEST_KEY"}, {"api_key": "ffffffffffff"}):
        for response in (client.post(path, data=fields), client.get(f"{path}?{urlencode(fields)}")):
            assert (response.status_code, response.data) == (200, b"invalid")
            assert response.content_type == "text/plain; charset=utf-8"
            assert response.headers["X-akismet-debug-help"]


@pytest.mark.parametrize("path", KEYED)
def test_the_key_may_be_in_any_of_three_places(client: FlaskClient, blog: Blog, path: str) -> None:
    """In `api_key`, in `key`, or before the host name; by GET and POST."""
    for name in ("api_key", "key"):
        for response in (client.post(path, data={name: KEY}), client.get(f"{path}?{name}={KEY}")):
            assert response.status_code == 200 and response.data != b"invalid"
    for response in (client.post(path, base_url=f"http://{KEY}.rest.example"), client.get(path, headers={"Host": KEY})):
        assert response.status_code == 200 and response.data != b"invalid"


@pytest.mark.parametrize("path", [*KEYED, *KEYLESS])
def test_only_get_and_post_are_allowed(client: FlaskClient, blog: Blog, path: str) -> None:
    """GET and POST give the same kind of response; PUT a line of text."""
    responses = [client.get(f"{path}?api_key={KEY}"), client.post(path, data={"api_key": KEY})]
    assert {(response.status_code, response.content_type) for response in responses} == {
        (200, responses[0].content_type)
    }
    refused = client.put(path)
    assert refused.status_code == 405 and refused.mimetype == "text/plain"


@pytest.mark.parametrize("path", ["/1.1/", "/1.1/nonsense", "/1.2/get-stats", "/1.3/test", "/1.0/x/y", "/1.1/test/"])
def test_an_unknown_path_is_never_html(client: FlaskClient, path: str) -> None:
    """404 and a line of text."""
    for response in (client.get(path), client.post(path, data={"api_key": KEY})):
        assert (response.status_code, response.mimetype) == (404, "text/plain")
        assert b"<" not in response.data


def test_the_connection_test_says_connected(client: FlaskClient) -> None:
    """Without a key; else the plugin's settings page says that it cannot connect."""
    response = client.get("/1.1/test", headers={"User-Agent": "WordPress/6.1.9; https://blog.example.org"})
    assert (response.data, response.content_type) == (b"connected", "text/plain; charset=utf-8")


def test_the_subscription_is_active(blog: Blog) -> None:
    """Else the plugin does not store the key; and it has every member that the official SDK demands."""
    assert ask_json(blog, "/1.1/get-subscription") == {
        "account_id": blog.site.id,
        "account_type": "self-hosted",
        "account_name": "Self-hosted",
        "status": "active",
        "next_billing_date": False,
        "limit_reached": False,
    }
    assert blog.site.id > 0


def test_the_token_is_fresh_and_not_the_key(client: FlaskClient, blog: Blog) -> None:
    """The plugin sends it to a page of a third party."""
    words = [client.post("/1.1/token", data={"api_key": KEY}).text for _ in range(2)]
    assert words[0] != words[1] and not any(KEY in word for word in words)
    assert all(re.fullmatch("[0-9a-f]{32}", word) for word in words)


def test_deactivating_leaves_the_key_as_it_is(client: FlaskClient, blog: Blog) -> None:
    """The plugin may be activated again; only the operator removes a blog."""
    assert client.post("/1.1/deactivate", data={"key": KEY, "blog": BLOG}).data == b"deactivated"
    assert client.post("/1.1/verify-key", data={"key": KEY, "blog": BLOG}).data == b"valid"


def test_no_plugin_is_known_to_be_compatible(client: FlaskClient) -> None:
    """An empty list, because the plugin would repeat the call on each page after a 404."""
    assert checked_json(client.get("/1.2/compatible-plugins")) == []


def test_a_wordpress_com_key_is_invalid(client: FlaskClient, blog: Blog) -> None:
    """With any parameters: there are no such accounts here."""
    for fields in ({"token": "x"}, {"user_id": "1", "api_key": KEY, "get_account_type": "true"}):
        response = client.post("/1.1/verify-wpcom-key", data=fields)
        assert response.data == b"invalid" and response.headers["X-akismet-debug-help"]


@pytest.mark.parametrize("path", STATS)
@pytest.mark.parametrize("since", ["all", "6-months", "60-days", "year"])
def test_statistics_are_our_real_counts(blog: Blog, path: str, since: str) -> None:
    """Every member that the official SDK requires, of the required type, from the stored decisions."""
    send_a_month(blog)
    statistics = ask_json(blog, path, **{"from": since})
    entry = {"spam": 5, "ham": 5, "missed_spam": 1, "false_positives": 1, "blogs": 1}
    period, day = ("2026-01-02", "2026-01-02") if since == "60-days" else ("2026-01", "2026-01-01")
    assert statistics == {
        "spam": 5,
        "ham": 5,
        "missed_spam": 1,
        "false_positives": 1,
        "accuracy": "80.00",
        "time_saved": 7 * SECONDS_PER_REVIEW,
        "breakdown": {period: {**entry, "da": day}},
    }


def test_statistics_of_nothing_have_every_member(blog: Blog) -> None:
    """The breakdown of no time is an object, never a list: PHP would read an array."""
    response = blog.client.post("/1.1/get-stats", data={"key": KEY, "from": "all"})
    assert checked_json(response) == {
        **dict.fromkeys(COUNTS, 0),
        "accuracy": "100.00",
        "time_saved": 0,
        "breakdown": {},
    }
    assert b'"breakdown": {}' in response.data


def test_statistics_begin_at_the_period_asked_for(blog: Blog, clock: Clock) -> None:
    """This month or day and the five, eleven or fifty-nine before it; `all` is all."""
    for month in range(1, 13):
        clock.now = datetime(2025, month, 1, tzinfo=UTC)
        send(blog, 1, SPAM_ALL, f"Casino {month}")
    clock.now = datetime(2026, 1, 29, 23, tzinfo=UTC)
    by_period = {
        since: ask_json(blog, "/1.1/get-stats", **{"from": since}) for since in ("all", "year", "6-months", "60-days")
    }
    assert {since: stats["spam"] for since, stats in by_period.items()} == {
        "all": 12,
        "year": 11,
        "6-months": 5,
        "60-days": 1,
    }
    assert list(by_period["6-months"]["breakdown"]) == [
        "2025-08",
        "2025-09",
        "2025-10",
        "2025-11",
        "2025-12",
        "2026-01",
    ]
    days = list(by_period["60-days"]["breakdown"])
    assert (days[0], days[-1], len(days)) == ("2025-12-01", "2026-01-29", 60)


@pytest.mark.parametrize("since", ["", "nonsense", "99999999999-months", "6-MONTHS "])
def test_statistics_of_an_unknown_time_are_those_of_six_months(blog: Blog, clock: Clock, since: str) -> None:
    """Neither an unknown period nor none is an error."""
    send(blog, 1, SPAM_ALL, "Old")
    clock.now = datetime(2026, 7, 1, tzinfo=UTC)
    assert ask_json(blog, "/1.1/get-stats", **{"from": since}) == ask_json(
        blog, "/1.1/get-stats", **{"from": "6-months"}
    )
    assert ask_json(blog, "/1.1/get-stats")["spam"] == 0


def test_tests_and_fixed_answers_are_not_counted(blog: Blog) -> None:
    """Only stored decisions are counted."""
    blog.akismet("comment-check", comment_content="x", is_test="1")
    blog.akismet("comment-check", comment_author="viagra-test-123")
    blog.akismet("comment-check", comment_content="x", user_role="administrator")
    assert ask_json(blog, "/1.1/get-stats", **{"from": "all"})["breakdown"] == {}
    assert ask_json(blog, "/1.2/usage-limit")["usage"] == 0


@pytest.mark.parametrize("path", SITES)
def test_key_sites_lists_the_site_of_the_key(blog: Blog, path: str) -> None:
    """Exactly one month, figures as strings as the real service sends them, and the paging as numbers."""
    add_site(blog.services, "https://teammate.example", None)
    send_a_month(blog)
    row = {"site": NAME, "api_calls": "12", "spam": "5", "ham": "5", "missed_spam": "1", "false_positives": "1"}
    expected = {"2026-01": [{**row, "is_revoked": False}], "limit": 500, "offset": 0, "total": 1}
    assert ask_json(blog, path) == expected == ask_json(blog, path, format="json", month="2026-01", order="missed_spam")
    assert blog.client.get(f"{path}?api_key={KEY}").get_json() == expected


def test_key_sites_names_the_path_of_a_site(client: FlaskClient, blog: Blog) -> None:
    """Blogs of one host are distinguished by their paths."""
    add_site(blog.services, "https://example.org/notes", "aaaaaaaaaaaa")
    (row,) = client.get("/1.2/key-sites?api_key=aaaaaaaaaaaa").get_json()["2026-01"]
    assert row["site"] == "example.org/notes"


def test_key_sites_of_another_month(blog: Blog, clock: Clock) -> None:
    """Only the month asked for; the months before and after have no figures."""
    send_a_month(blog)
    clock.now = datetime(2026, 2, 1, tzinfo=UTC)
    assert ask_json(blog, "/1.2/key-sites", month="2026-01")["2026-01"][0]["spam"] == "5"
    for month in ("2026-02", "2001-12", "2099-12"):
        assert ask_json(blog, "/1.2/key-sites", month=month)[month][0]["spam"] == "0"


@pytest.mark.parametrize(
    "month", ["", "2026", "2026-13", "2026-00", "0000-01", "9999-12", "2026-1", "x" * 5000, "٢٠٢٦-٠١"]
)
def test_key_sites_of_an_odd_month_are_those_of_this_one(blog: Blog, month: str) -> None:
    """An invalid month counts as absent."""
    assert "2026-01" in ask_json(blog, "/1.2/key-sites", month=month)


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
    sites = ask_json(blog, "/1.2/key-sites", **fields)
    assert (sites["limit"], sites["offset"], sites["total"]) == (limit, offset, 1)
    assert len(sites["2026-01"]) == listed


@pytest.mark.parametrize(("name_filter", "total"), [("", 1), ("example", 1), ("BLOG.", 1), ("teammate", 0), ("%", 0)])
def test_key_sites_are_filtered(blog: Blog, name_filter: str, total: int) -> None:
    """By a part of the name, ignoring case; a month without a site is an empty list."""
    sites = ask_json(blog, "/1.2/key-sites", filter=name_filter)
    assert (sites["total"], len(sites["2026-01"])) == (total, total)


def test_key_sites_as_a_table(blog: Blog) -> None:
    """A title, a line of headings, then the rows."""
    send_a_month(blog)
    response = blog.client.get(f"/1.2/key-sites?api_key={KEY}&format=csv&limit=5")
    assert (response.status_code, response.content_type) == (200, "text/csv; charset=utf-8")
    heading, *table = response.text.splitlines()
    assert heading == f"Active sites for {KEY} during 2026-01 (limit:5, offset: 0, total: 1)"
    assert table[0] == "Site,Total API Calls,Spam,Ham,Missed Spam,False Positives,Is Revoked"
    assert list(csv.reader(table[1:])) == [[NAME, "12", "5", "5", "1", "1", "false"]]


def test_usage_has_no_limit(blog: Blog) -> None:
    """The four members that the SDK wants; the percentage is a string."""
    send_a_month(blog)
    expected = {"limit": "none", "usage": 12, "percentage": "0.00", "throttled": False}
    assert ask_json(blog, "/1.2/usage-limit") == expected
    for yes in ("1", "true"):
        usage = ask_json(blog, "/1.2/usage-limit", extended=yes)
        assert usage == {**expected, "notice_level": 0, "upgrade": False}


def test_the_real_client_reads_usage_and_sites(app: Flask, blog: Blog) -> None:
    """PyPI akismet, unmodified. It sends no key with key_sites, so that one needs the key in the host's name."""
    send_a_month(blog)
    agent = {"User-Agent": akismet.USER_AGENT}
    keyed = httpx.Client(transport=httpx.WSGITransport(app), headers={**agent, "Host": f"{KEY}.rest.akismet.com"})
    with akismet.SyncClient(config=akismet.Config(key=KEY, url=BLOG), http_client=keyed) as client:
        assert client.usage_limit()["usage"] == 12
        sites = client.key_sites()
        assert isinstance(sites, dict) and sites["total"] == 1
        assert str(client.key_sites(result_format="csv", month="2026-01")).startswith("Active sites for ")
