"""The verdict `review` for Akismet clients, and the later course of a held comment."""

from datetime import timedelta
from itertools import count

import pytest
from werkzeug.test import TestResponse

from moderation.actions.encryption import decrypt
from moderation.actions.review import describe_rejected_origins
from moderation.actions.sites import add_site, set_akismet_review, set_thresholds, set_type_thresholds
from moderation.domain.site import AkismetReviewSettings, ReviewAction
from moderation.domain.thresholds import Thresholds
from moderation.storage import callbacks
from moderation.storage.callbacks import DueCallback
from moderation.storage.engine import read_transaction
from tests.conftest import Clock
from tests.queue_lists import held_items
from tests.web.conftest import BLOG, HOLD_ALL, KEY, PUBLISH_ALL, SPAM_ALL, Blog

HOOK = f"{BLOG}/wp-json/akismet/v1/webhook"
PLUGIN = "WordPress/6.1.9 | Akismet/5.7.2"
_comment_ids = count(1)


def check(blog: Blog, agent: str = PLUGIN, **fields: str) -> TestResponse:
    """Have a comment checked. Without a `comment_ID` in `fields` it is another one each time."""
    sent = {"api_key": KEY, "blog": BLOG, "user_ip": "192.0.2.7", "comment_type": "comment", "callback": HOOK}
    sent |= {"comment_content": "Is this so?", "comment_author": "Ann", "comment_ID": str(next(_comment_ids)), **fields}
    return blog.client.post("/1.1/comment-check", data=sent, headers={"User-Agent": agent})


def body_and_hold_seconds(response: TestResponse) -> tuple[str, str | None]:
    """Return the body and the hold time."""
    return response.text, response.headers.get("X-akismet-recheck-after")


def due(blog: Blog) -> list[DueCallback]:
    with read_transaction(blog.services.engine) as connection:
        return list(callbacks.due(connection, blog.services.clock(), 10))


def test_a_retry_is_held_by_the_same_guid(blog: Blog) -> None:
    """The blog may have stored either answer. Another address of the author is another comment."""
    blog.set_thresholds(HOLD_ALL)
    first, retried = (check(blog, comment_ID="7") for _ in range(2))
    assert dict(retried.headers) == {**first.headers, "X-Request-Id": retried.headers["X-Request-Id"]}
    assert retried.data == first.data and len(held_items(blog.services)) == 1
    check(blog, comment_ID="7", user_ip="192.0.2.8")
    assert len(held_items(blog.services)) == 2


def test_a_blog_that_can_hold_is_asked_to(blog: Blog) -> None:
    """`false` with the time for a moderator: the plugin keeps the comment in Pending."""
    blog.set_thresholds(HOLD_ALL)
    assert body_and_hold_seconds(check(blog)) == ("false", "86400")
    (item,) = held_items(blog.services)
    assert item.publishes_at == item.decision.decided_at + timedelta(days=2)


@pytest.mark.parametrize(
    "agent",
    [
        "WordPress/6.1.9 | Akismet/5.0.2",
        "WordPress/6.8 | Akismet/5.4",
        "WordPress/6.8",
        "akismet-python/25.10.1",
        "Mallory WordPress/6.8 | Akismet/5.7",
        "",
    ],
)
def test_a_client_that_cannot_hold_gets_spam(blog: Blog, agent: str) -> None:
    """Plugins before 5.5 and all other clients would publish: their spam folder is the safe place."""
    blog.set_thresholds(HOLD_ALL)
    assert body_and_hold_seconds(check(blog, agent)) == ("true", None)
    (item,) = held_items(blog.services)
    assert item.publishes_at is None


@pytest.mark.parametrize(
    "callback",
    [
        "",
        "not an address",
        "http://[",
        "https://elsewhere.example/wp-json/akismet/v1/webhook",
        "https://blog.example.org@elsewhere.example/",
        "https://blog.example.org:8443/wp-json/akismet/v1/webhook",
        "file:///etc/passwd",
        "https://blog.example.org.elsewhere.example/",
        "\x00",
    ],
)
def test_no_comment_is_held_without_a_usable_callback(blog: Blog, callback: str) -> None:
    """The callback comes from the request, so only the registered blog's address is accepted."""
    blog.set_thresholds(HOLD_ALL)
    assert body_and_hold_seconds(check(blog, callback=callback)) == ("true", None)


@pytest.mark.parametrize(
    ("origin", "rejected"),
    [
        ("https://www.blog.example.org", "https://www.blog.example.org"),
        ("http://blog.example.org:8080", "http://blog.example.org:8080"),
        ("http://blog.example.org", ""),
        ("https://" + "a" * 1_500, ("https://" + "a" * 1_500)[:280]),
    ],
)
def test_a_rejected_callback_is_named_until_a_good_one_arrives(blog: Blog, origin: str, rejected: str) -> None:
    """Another host or port, whatever the verdict; `http` for `https` is the same blog."""
    check(blog, callback=f"{origin}/wp-json/akismet/v1/webhook")
    named = describe_rejected_origins(blog.services, 3)
    check(blog, callback="")  # as the plugin's retries are
    assert describe_rejected_origins(blog.services, 3) == named
    assert len(named) == bool(rejected) and all(f"called at {rejected}," in sentence for sentence in named)
    check(blog)
    assert describe_rejected_origins(blog.services, 3) == []


def test_a_rejected_callback_is_no_problem_where_nothing_is_held(blog: Blog) -> None:
    """The site's spam folder was chosen."""
    set_akismet_review(blog.services, BLOG, AkismetReviewSettings(ReviewAction.SPAM_FOLDER))
    check(blog, callback="https://www.blog.example.org/")
    assert describe_rejected_origins(blog.services, 3) == []


def test_a_loopback_callback_needs_the_operator_s_permission(blog: Blog) -> None:
    """Otherwise the outcome could not be delivered, so the comment is not held."""
    inner, key = "http://127.0.0.1:8899", "ba9876543210"
    add_site(blog.services, inner, key)
    set_thresholds(blog.services, inner, HOLD_ALL)
    fields = {"api_key": key, "callback": f"{inner}/wp-json/akismet/v1/webhook"}
    assert body_and_hold_seconds(check(blog, **fields)) == ("true", None)
    set_akismet_review(blog.services, inner, AkismetReviewSettings(private_callback=True))
    assert body_and_hold_seconds(check(blog, **fields)) == ("false", "86400")


def test_the_site_decides_what_review_means(blog: Blog) -> None:
    """Hold for the site's time, spam folder, or publish; the item waits in our queue in each case."""
    blog.set_thresholds(HOLD_ALL)
    set_akismet_review(blog.services, BLOG, AkismetReviewSettings(hold_seconds=600))
    assert body_and_hold_seconds(check(blog)) == ("false", "600")
    set_akismet_review(blog.services, BLOG, AkismetReviewSettings(ReviewAction.SPAM_FOLDER))
    assert body_and_hold_seconds(check(blog)) == ("true", None)
    set_akismet_review(blog.services, BLOG, AkismetReviewSettings(ReviewAction.PUBLISH))
    assert body_and_hold_seconds(check(blog)) == ("false", None)
    assert len(held_items(blog.services)) == 3


def test_only_review_is_held(blog: Blog) -> None:
    """A clear verdict is final."""
    blog.set_thresholds(PUBLISH_ALL)
    assert body_and_hold_seconds(check(blog)) == ("false", None)
    blog.set_thresholds(SPAM_ALL)
    assert body_and_hold_seconds(check(blog)) == ("true", None)
    assert held_items(blog.services) == []


@pytest.mark.parametrize(
    ("kind", "in_review"), [("contact-form", "true"), ("message", "true"), ("signup", "false"), ("order", "false")]
)
def test_private_messages_are_never_held(blog: Blog, kind: str, in_review: str) -> None:
    """A letter in review is in the form's spam folder, while a sign-up or an order is let in. The queue has both."""
    spam = Thresholds(1e-12, 1e-12, 1.0)
    blog.set_thresholds(spam)
    assert body_and_hold_seconds(check(blog, comment_type=kind)) == (in_review, None)
    assert [item.decision.comment.type for item in held_items(blog.services)] == [kind]
    set_akismet_review(blog.services, BLOG, AkismetReviewSettings(ReviewAction.SPAM_FOLDER))
    assert body_and_hold_seconds(check(blog, comment_type=kind, comment_content="2")) == ("true", None)
    set_akismet_review(blog.services, BLOG, AkismetReviewSettings(ReviewAction.PUBLISH))
    assert body_and_hold_seconds(check(blog, comment_type=kind, comment_content="3")) == ("false", None)
    blog.set_thresholds(Thresholds(1e-12, 1e-12, 1e-12))
    assert body_and_hold_seconds(check(blog, comment_type=kind, comment_content="4")) == ("true", None)
    set_type_thresholds(blog.services, BLOG, kind, PUBLISH_ALL)
    assert body_and_hold_seconds(check(blog, comment_type=kind, comment_content="5")) == ("false", None)


@pytest.mark.parametrize("kind", ["like", "repost", "mention", "webmention"])
def test_webmentions_in_review(blog: Blog, kind: str) -> None:
    """WordPress holds one like a comment, another client puts it into the spam folder. It may have no text."""
    blog.set_thresholds(HOLD_ALL)
    likes = {"comment_type": kind, "comment_content": "", "comment_ID": "", "comment_author_url": "https://ann.example"}
    assert body_and_hold_seconds(check(blog, **likes)) == ("false", "86400")
    assert body_and_hold_seconds(check(blog, "akismet-python/25.10.1", **{**likes, "comment_author": "Bo"})) == (
        "true",
        None,
    )
    assert {item.decision.comment.author for item in held_items(blog.services)} == {"Ann", "Bo"}


def test_a_reaction_is_not_discarded(blog: Blog) -> None:
    """Its name and address are all that speaks, so it stays in the spam folder, where a mention is discarded."""
    blog.set_thresholds(Thresholds(1e-12, 1e-12, 1e-12))
    hints = [check(blog, comment_type=kind).headers.get("X-akismet-pro-tip") for kind in ("like", "mention")]
    assert hints == [None, "discard"]


def test_a_moderator_s_decision_is_due_for_delivery(blog: Blog) -> None:
    """Labelling a held comment makes its callback due, with the blog's key encrypted."""
    blog.set_thresholds(HOLD_ALL)
    guid = check(blog).headers["X-akismet-guid"]
    assert due(blog) == []
    blog.call("PUT", f"/v1/decisions/{guid}/label", {"label": "spam"})
    (callback,) = due(blog)
    assert (callback.decision_id, callback.url, callback.result) == (guid, HOOK, "spam")
    assert KEY not in callback.encrypted_key and decrypt(blog.services, callback.encrypted_key) == KEY


def test_a_removed_comment_is_spam_to_the_blog(blog: Blog) -> None:
    """The protocol has no other answer that takes a comment away; a forgotten removal is not delivered."""
    blog.set_thresholds(HOLD_ALL)
    guid = check(blog).headers["X-akismet-guid"]
    blog.call("PUT", f"/v1/decisions/{guid}/removal", {})
    assert [(callback.decision_id, callback.result) for callback in due(blog)] == [(guid, "spam")]
    blog.call("DELETE", f"/v1/decisions/{guid}/label")
    assert due(blog) == []


def test_the_blog_s_own_feedback_is_not_delivered_to_it(blog: Blog) -> None:
    """The blog's own label needs no delivery, and neither does a withdrawn label."""
    blog.set_thresholds(HOLD_ALL)
    guid = check(blog).headers["X-akismet-guid"]
    blog.call("PUT", f"/v1/decisions/{guid}/label", {"label": "ham"})
    blog.akismet("submit-spam", comment_content="Is this so?", comment_author="Ann")
    assert due(blog) == []
    blog.call("PUT", f"/v1/decisions/{guid}/label", {"label": "ham"})
    assert [callback.result for callback in due(blog)] == ["ham"]
    blog.call("DELETE", f"/v1/decisions/{guid}/label")
    assert due(blog) == []


def test_a_comment_that_is_checked_again_waits_once(blog: Blog) -> None:
    """A recheck joins the comment it is about; only the newest decision waits, and none after a clear verdict."""
    blog.set_thresholds(HOLD_ALL)
    check(blog)
    (first,) = held_items(blog.services)
    check(blog, recheck_reason="recheck_queue", callback="", comment_content="Is  this so?")
    (second,) = held_items(blog.services)
    assert second.decision.id != first.decision.id
    blog.set_thresholds(PUBLISH_ALL)
    assert body_and_hold_seconds(check(blog, recheck_reason="recheck_queue", callback="")) == ("false", None)
    assert held_items(blog.services) == []


def test_a_blog_that_holds_goes_on_holding_after_a_recheck(blog: Blog) -> None:
    """The plugin's rechecks carry no callback: the first one stands, under the guid that the blog knows."""
    blog.set_thresholds(HOLD_ALL)
    guid = check(blog).headers["X-akismet-guid"]
    again = check(blog, recheck_reason="recheck_queue", callback="")
    assert body_and_hold_seconds(again) == ("false", "86400") and again.headers["X-akismet-guid"] == guid
    (item,) = held_items(blog.services)
    assert item.publishes_at is not None and item.decision.id != guid
    blog.call("PUT", f"/v1/decisions/{item.decision.id}/label", {"label": "ham"})
    assert [(callback.guid, callback.result) for callback in due(blog)] == [(guid, "ham")]


def test_a_repeated_label_reaches_a_blog_that_holds_again(blog: Blog) -> None:
    """The label was given before through the same channel, but the blog waits for it."""
    blog.set_thresholds(HOLD_ALL)
    first = check(blog).headers["X-akismet-guid"]
    blog.call("PUT", f"/v1/decisions/{first}/label", {"label": "spam"})
    second = check(blog, recheck_reason="recheck").headers["X-akismet-guid"]
    assert second != first and due(blog) == []
    blog.call("PUT", f"/v1/decisions/{second}/label", {"label": "spam"})
    assert [(callback.guid, callback.result) for callback in due(blog)] == [(second, "spam")]


def test_one_comment_of_a_flood_does_not_free_another(blog: Blog) -> None:
    """A retry for the same text on another page does not touch the comment held there."""
    blog.set_thresholds(HOLD_ALL)
    check(blog, permalink=f"{BLOG}/one", comment_author_email="a@a.example")
    check(blog, permalink=f"{BLOG}/two", comment_author_email="a@a.example", recheck_reason="retry", callback="")
    assert sorted(item.publishes_at is None for item in held_items(blog.services)) == [False, True]


def test_a_pingback_is_checked_before_it_is_fetched(blog: Blog) -> None:
    """The pre-check has no text yet: it is not stored, and answers `true` only for spam."""
    fields = {"akismet_pre_check": "1", "comment_type": "pingback", "comment_content": "", "comment_author": ""}
    blog.set_thresholds(HOLD_ALL)
    assert body_and_hold_seconds(check(blog, **fields)) == ("false", None)
    blog.set_thresholds(SPAM_ALL)
    assert body_and_hold_seconds(check(blog, **fields)) == ("true", None)
    assert held_items(blog.services) == []


def test_the_reasons_are_in_headers_without_hostile_text(blog: Blog) -> None:
    """Probability and reason codes only: no text of the comment gets into a header."""
    response = check(
        blog, comment_content="Casino\r\nX-akismet-pro-tip: discard", comment_author="ann\r\nSet-Cookie: a=b"
    )
    assert 0 < float(response.headers["X-moderation-score"]) < 1
    reasons = response.headers["X-moderation-reasons"].split(" ")
    parts = [reason.partition("=") for reason in reasons]
    assert all(name.partition(":")[0].isupper() and float(weight) for name, _, weight in parts)


def test_a_filled_honeypot_has_a_ham_comment_held(blog: Blog) -> None:
    """The call may name the honeypot, or the plugin's is used; an empty one is no evidence."""
    honest = {
        "comment_content": "I read it twice and I still think that the second half is wrong.",
        "comment_author": "Ann",
    }
    for trap in (
        {"honeypot_field_name": "your_fax", "your_fax": "yes"},
        {"POST_ak_hp_textarea": "hello"},
    ):
        assert "HONEYPOT=+5.00" in check(blog, **honest, **trap).headers["X-moderation-reasons"]
    for empty in ({"honeypot_field_name": "your_fax", "your_fax": ""}, {"POST_ak_hp_textarea": ""}, {}):
        assert "HONEYPOT" not in check(blog, **honest, **empty).headers["X-moderation-reasons"]


def test_submission_signals_are_not_stored(blog: Blog) -> None:
    """Times, keystrokes and honeypots are used for reasons, and not stored."""
    response = check(
        blog,
        comment_content="Y" * 80,
        POST_ak_js="7",
        POST_ak_bib="1795368308000",
        POST_ak_bfs="1795368308417",
        POST_ak_bkpc="3",
        POST_ak_bmm="secret-moves",
    )
    guid = response.headers["X-akismet-guid"]
    stored = blog.call("GET", f"/v1/decisions/{guid}")
    codes = {reason["code"] for reason in stored.get_json()["reasons"]}
    assert {"NO_SCRIPT", "TOO_FAST", "FEW_KEYSTROKES"} <= codes
    assert "secret" not in stored.text and "1795368308" not in stored.text


@pytest.mark.parametrize(
    "date", ["2026-01-01 12:00:00", "2026-01-01T12:00:00Z", "2026-01-01T12:00:00.000+00:00", "soon", ""]
)
def test_no_date_is_refused(blog: Blog, clock: Clock, date: str) -> None:
    """Dates come in five formats, and sometimes invalid."""
    response = check(blog, comment_date_gmt=date, comment_post_modified_gmt="2020-01-01 00:00:00")
    assert response.status_code == 200 and response.text in ("true", "false")


def test_without_a_model_the_blog_waits_and_asks_again(blog_without_model: Blog) -> None:
    """An error header makes WordPress hold and retry, with any body."""
    response = check(blog_without_model)
    assert (response.text, response.headers["X-akismet-error"]) == ("true", "status")
    assert len(response.headers["X-akismet-guid"]) == 32
    (item,) = held_items(blog_without_model.services)
    assert item.publishes_at is None
