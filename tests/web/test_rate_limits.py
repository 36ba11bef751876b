"""The rate of checks of a site, and the token buckets that keep it."""

import re

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from moderation.actions.services import Services
from moderation.actions.sites import add_site, rotate_key
from moderation.settings import Settings
from moderation.web import rate_limits
from moderation.web.app import create_app
from moderation.web.rate_limits import TokenBuckets
from tests.web.conftest import BLOG, KEY, Blog, Seconds
from tests.web.test_health import samples

LIMIT = 3


@pytest.fixture
def limited_blog(services: Services, settings: Settings) -> Blog:
    """Our blog, on a service that judges `LIMIT` comments of a site in a minute."""
    app = create_app(services, settings.model_copy(update={"max_checks_per_minute": LIMIT}))
    return Blog(services, app.test_client(), add_site(services, BLOG, KEY)[0])


def assert_refused(response: TestResponse) -> None:
    assert response.status_code == 429 and 0 < int(response.headers["Retry-After"]) <= 60


def test_a_bucket_gives_its_tokens_and_fills_again() -> None:
    """At once as many as in a minute, then one at a time; never more than a minute's."""
    clock = Seconds()
    buckets = TokenBuckets(60, clock)
    assert [buckets.take("a") for _ in range(61)] == [0.0] * 60 + [1.0]
    assert buckets.take("b") == 0.0
    clock.now += 1.0
    assert [buckets.take("a") for _ in range(2)] == [0.0, 1.0]
    clock.now += 1e6
    assert [buckets.take("a") for _ in range(61)] == [0.0] * 60 + [1.0]


def test_many_tokens_at_once_are_owed() -> None:
    """A batch larger than the bucket is possible, and the next one waits until all of it is paid."""
    clock = Seconds()
    buckets = TokenBuckets(60, clock)
    assert buckets.take("a", 100) == 0.0
    assert buckets.take("a") == 41.0
    clock.now += 41.0
    assert buckets.take("a") == 0.0


def test_waits_line_up() -> None:
    """Those who accept a wait get one after the other, and one that is too long takes nothing."""
    buckets = TokenBuckets(60, Seconds())
    buckets.take("a", 60)
    assert [buckets.take("a", 1, 2.5) for _ in range(4)] == [1.0, 2.0, 3.0, 3.0]


def test_the_number_of_buckets_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key that took longest ago is forgotten first."""
    monkeypatch.setattr(rate_limits, "_MAX_BUCKETS", 2)
    buckets = TokenBuckets(1, Seconds())
    for key in ("a", "b", "a", "c"):
        buckets.take(key, 1, 600.0)
    assert buckets.take("b") == 0.0 and buckets.take("c") > 0.0
    assert len(buckets._buckets) == 2


def test_a_site_has_a_rate_of_checks(limited_blog: Blog) -> None:
    """JSON, batches and Akismet count together; more get 429 with `Retry-After`, counted by channel."""
    limited_blog.score("one")
    assert limited_blog.call("POST", "/v1/score/batch", {"comments": [{"text": "two"}, {"text": "three"}]}).json
    assert_refused(limited_blog.call("POST", "/v1/score", {"text": "four"}))
    assert_refused(limited_blog.call("POST", "/v1/score/batch", {"comments": [{"text": "four"}]}))
    assert_refused(limited_blog.akismet("comment-check", comment_content="four"))
    counted = samples(limited_blog.client)
    assert counted[("moderation_rate_limited_total", (("channel", "api"),))] == 2
    assert counted[("moderation_rate_limited_total", (("channel", "akismet"),))] == 1


def test_an_akismet_client_does_not_take_a_refusal_for_a_verdict(limited_blog: Blog) -> None:
    """Neither body is a verdict, and the guid lets the WordPress plugin hold the comment and ask again."""
    responses = [limited_blog.akismet("comment-check", comment_content="x") for _ in range(LIMIT + 1)]
    assert responses[LIMIT].text == "Too Many Requests" and responses[LIMIT].headers["X-akismet-debug-help"]
    assert re.fullmatch("[0-9a-f]{32}", responses[LIMIT].headers["X-akismet-guid"])


def test_labels_and_reads_have_no_rate(limited_blog: Blog) -> None:
    """A site that had enough checks still sends its moderators' labels."""
    decision = limited_blog.score("one")["id"]
    limited_blog.call("POST", "/v1/score/batch", {"comments": [{"text": "two"}] * LIMIT})
    assert_refused(limited_blog.call("POST", "/v1/score", {"text": "four"}))
    for label in ("spam", "ham", "spam", "ham"):
        assert limited_blog.call("PUT", f"/v1/decisions/{decision}/label", {"label": label}).status_code == 200
        assert limited_blog.akismet(f"submit-{label}", comment_content="x").text.startswith("Thanks")
        assert limited_blog.call("GET", f"/v1/decisions/{decision}").status_code == 200
        assert limited_blog.akismet("verify-key").text == "valid"


def test_both_keys_of_a_site_share_its_rate_and_other_sites_do_not(limited_blog: Blog) -> None:
    """A rotated key gives no second rate."""
    for _ in range(LIMIT):
        limited_blog.score("x")
    for key, status in (
        (rotate_key(limited_blog.services, BLOG), 429),
        (add_site(limited_blog.services, "https://other.example")[1], 200),
    ):
        headers = {"Authorization": f"Bearer {key}"}
        assert limited_blog.client.post("/v1/score", json={"text": "x"}, headers=headers).status_code == status


def test_zero_is_no_limit(services: Services, settings: Settings) -> None:
    """The setting switches the rate off."""
    app = create_app(services, settings.model_copy(update={"max_checks_per_minute": 0}))
    add_site(services, BLOG, KEY)
    headers = {"Authorization": f"Bearer {KEY}"}
    batch = {"comments": [{"text": "x"}] * 500}
    answers = {app.test_client().post("/v1/score/batch", json=batch, headers=headers).status_code for _ in range(2)}
    assert answers == {200}


def test_wrong_keys_are_counted(client: FlaskClient, blog: Blog) -> None:
    """Missing, unknown and of either channel; valid ones are not."""
    client.post("/v1/score", json={"text": "x"})
    client.post("/v1/score", json={"text": "x"}, headers={"Authorization": "Bearer 000000000000"})
    client.post("/1.1/comment-check", data={"api_key": "000000000000"})
    client.post("/1.1/verify-key", data={"key": "x"})
    blog.score("x")
    assert samples(client)[("moderation_wrong_keys_total", ())] == 4
