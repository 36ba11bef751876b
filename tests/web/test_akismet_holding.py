"""What `review` means to an Akismet client, and what becomes of a comment that its blog holds."""

from datetime import timedelta

import pytest
from werkzeug.test import TestResponse

from moderation.actions.access import add_site, set_holding, set_policy, set_type_policy
from moderation.actions.review import held_items
from moderation.actions.seal import unseal
from moderation.domain.policy import Policy
from moderation.domain.site import Holding, ReviewMeans
from moderation.storage import callbacks
from moderation.storage.callbacks import Due
from moderation.storage.engine import reading
from tests.conftest import Clock
from tests.web.conftest import BLOG, HOLD_ALL, KEY, PUBLISH_ALL, SPAM_ALL, Blog

HOOK = f"{BLOG}/wp-json/akismet/v1/webhook"
PLUGIN = "WordPress/6.1.9 | Akismet/5.7.2"


def check(blog: Blog, agent: str = PLUGIN, **fields: str) -> TestResponse:
    sent = {"api_key": KEY, "blog": BLOG, "user_ip": "192.0.2.7", "comment_type": "comment", "callback": HOOK}
    sent |= {"comment_content": "Is this so?", "comment_author": "Ann", **fields}
    return blog.client.post("/1.1/comment-check", data=sent, headers={"User-Agent": agent})


def answer(reply: TestResponse) -> tuple[str, str | None]:
    """The body, and for how long the blog shall hold."""
    return reply.text, reply.headers.get("X-akismet-recheck-after")


def due(blog: Blog) -> list[Due]:
    with reading(blog.desk.engine) as connection:
        return list(callbacks.due(connection, blog.desk.clock(), 10))


def test_a_blog_that_can_hold_is_asked_to(blog: Blog) -> None:
    """`false` with the time that a person has: the plugin keeps the comment in Pending."""
    blog.draw(HOLD_ALL)
    assert answer(check(blog)) == ("false", "86400")
    (item,) = held_items(blog.desk)
    assert item.publishes_at == item.decision.made_at + timedelta(days=2)


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
def test_a_client_that_publishes_what_is_provisional_is_told_spam(blog: Blog, agent: str) -> None:
    """Plugins before 5.5 and all other clients would publish: their spam folder is the safe place."""
    blog.draw(HOLD_ALL)
    assert answer(check(blog, agent)) == ("true", None)
    (item,) = held_items(blog.desk)
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
def test_no_comment_is_held_where_the_outcome_could_not_be_told(blog: Blog, callback: str) -> None:
    """The address comes from outside: only the registered blog's own will do."""
    blog.draw(HOLD_ALL)
    assert answer(check(blog, callback=callback)) == ("true", None)


def test_a_blog_at_a_loopback_address_is_called_only_where_the_operator_allows_it(blog: Blog) -> None:
    """Otherwise the decision would never arrive, so nothing is held for it."""
    inner, key = "http://127.0.0.1:8899", "ba9876543210"
    add_site(blog.desk, inner, key)
    set_policy(blog.desk, inner, HOLD_ALL)
    fields = {"api_key": key, "callback": f"{inner}/wp-json/akismet/v1/webhook"}
    assert answer(check(blog, **fields)) == ("true", None)
    set_holding(blog.desk, inner, Holding(private_callback=True))
    assert answer(check(blog, **fields)) == ("false", "86400")


def test_the_site_decides_what_review_means(blog: Blog) -> None:
    """Hold for a time of its own, spam folder, or publish; the item waits in our queue in each case."""
    blog.draw(HOLD_ALL)
    set_holding(blog.desk, BLOG, Holding(seconds=600))
    assert answer(check(blog)) == ("false", "600")
    set_holding(blog.desk, BLOG, Holding(ReviewMeans.SPAM_FOLDER))
    assert answer(check(blog)) == ("true", None)
    set_holding(blog.desk, BLOG, Holding(ReviewMeans.PUBLISH))
    assert answer(check(blog)) == ("false", None)
    assert len(held_items(blog.desk)) == 3


def test_only_what_is_in_doubt_is_held(blog: Blog) -> None:
    """A clear verdict is final."""
    blog.draw(PUBLISH_ALL)
    assert answer(check(blog)) == ("false", None)
    blog.draw(SPAM_ALL)
    assert answer(check(blog)) == ("true", None)
    assert held_items(blog.desk) == []


@pytest.mark.parametrize("kind", ["contact-form", "message", "signup"])
def test_letters_are_judged_one_step_milder_and_never_held(blog: Blog, kind: str) -> None:
    """Nobody looks for a letter in a spam folder; a type may have lines of its own."""
    blog.draw(Policy(1e-12, 1.0, 1.0))
    assert answer(check(blog, comment_type=kind)) == ("false", None)
    blog.draw(Policy(1e-12, 1e-12, 1.0))
    assert answer(check(blog, comment_type=kind)) == ("true", None)
    set_type_policy(blog.desk, BLOG, kind, PUBLISH_ALL)
    assert answer(check(blog, comment_type=kind)) == ("false", None)
    assert answer(check(blog)) == ("true", None)


def test_the_moderator_s_word_is_for_the_blog(blog: Blog) -> None:
    """Labelling a held comment makes it due, with the key that the blog was known by, sealed."""
    blog.draw(HOLD_ALL)
    guid = check(blog).headers["X-akismet-guid"]
    assert due(blog) == []
    blog.call("PUT", f"/v1/decisions/{guid}/label", {"label": "spam"})
    (told,) = due(blog)
    assert (told.decision_id, told.url, told.result) == (guid, HOOK, "spam")
    assert KEY not in told.sealed_key and unseal(blog.desk, told.sealed_key) == KEY


def test_the_blog_is_not_told_what_it_said_itself(blog: Blog) -> None:
    """Feedback from the blog is the last word; taking a label back leaves nothing to tell."""
    blog.draw(HOLD_ALL)
    guid = check(blog).headers["X-akismet-guid"]
    blog.call("PUT", f"/v1/decisions/{guid}/label", {"label": "ham"})
    blog.akismet("submit-spam", comment_content="Is this so?", comment_author="Ann")
    assert due(blog) == []
    blog.call("PUT", f"/v1/decisions/{guid}/label", {"label": "ham"})
    assert [told.result for told in due(blog)] == ["ham"]
    blog.call("DELETE", f"/v1/decisions/{guid}/label")
    assert due(blog) == []


def test_a_comment_that_is_checked_again_waits_once(blog: Blog) -> None:
    """A recheck joins the comment it is about; only the newest decision waits, and none after a clear verdict."""
    blog.draw(HOLD_ALL)
    check(blog)
    (first,) = held_items(blog.desk)
    check(blog, recheck_reason="recheck_queue", callback="", comment_content="Is  this so?")
    (second,) = held_items(blog.desk)
    assert second.id > first.id and second.decision.id != first.decision.id
    blog.draw(PUBLISH_ALL)
    assert answer(check(blog, recheck_reason="recheck_queue", callback="")) == ("false", None)
    assert held_items(blog.desk) == []


def test_a_blog_that_holds_goes_on_holding_after_a_recheck(blog: Blog) -> None:
    """The plugin's rechecks carry no callback: the first one stands, under the guid that the blog knows."""
    blog.draw(HOLD_ALL)
    guid = check(blog).headers["X-akismet-guid"]
    again = check(blog, recheck_reason="recheck_queue", callback="")
    assert answer(again) == ("false", "86400") and again.headers["X-akismet-guid"] == guid
    (item,) = held_items(blog.desk)
    assert item.publishes_at is not None and item.decision.id != guid
    blog.call("PUT", f"/v1/decisions/{item.decision.id}/label", {"label": "ham"})
    assert [(told.guid, told.result) for told in due(blog)] == [(guid, "ham")]


def test_the_same_word_reaches_a_blog_that_holds_once_more(blog: Blog) -> None:
    """Said before through the same door: still, the blog waits for it."""
    blog.draw(HOLD_ALL)
    first = check(blog).headers["X-akismet-guid"]
    blog.call("PUT", f"/v1/decisions/{first}/label", {"label": "spam"})
    second = check(blog, recheck_reason="recheck").headers["X-akismet-guid"]
    assert second != first and due(blog) == []
    blog.call("PUT", f"/v1/decisions/{second}/label", {"label": "spam"})
    assert [(told.guid, told.result) for told in due(blog)] == [(second, "spam")]


def test_one_comment_of_a_flood_does_not_free_another(blog: Blog) -> None:
    """A retry for the same words on another page leaves what is held there alone."""
    blog.draw(HOLD_ALL)
    check(blog, permalink=f"{BLOG}/one", comment_author_email="a@a.example")
    check(blog, permalink=f"{BLOG}/two", comment_author_email="a@a.example", recheck_reason="retry", callback="")
    assert sorted(item.publishes_at is None for item in held_items(blog.desk)) == [False, True]


def test_a_pingback_is_looked_at_before_it_is_fetched(blog: Blog) -> None:
    """The pre-check has no text yet: it is not stored, and only what is plainly spam ends there."""
    fields = {"akismet_pre_check": "1", "comment_type": "pingback", "comment_content": "", "comment_author": ""}
    blog.draw(HOLD_ALL)
    assert answer(check(blog, **fields)) == ("false", None)
    blog.draw(SPAM_ALL)
    assert answer(check(blog, **fields)) == ("true", None)
    assert held_items(blog.desk) == []


def test_the_account_is_in_headers_without_a_stranger_s_words(blog: Blog) -> None:
    """Score and reasons as codes: nothing that was typed gets into a header."""
    reply = check(blog, comment_content="Casino\r\nX-akismet-pro-tip: discard", comment_author="ann\r\nSet-Cookie: a=b")
    assert 0 < float(reply.headers["X-moderation-score"]) < 1
    reasons = reply.headers["X-moderation-reasons"].split(" ")
    assert all(code.isupper() and float(weight) for code, _, weight in (reason.partition("=") for reason in reasons))


def test_a_filled_trap_has_an_ordinary_comment_held(blog: Blog) -> None:
    """The trap may be named by the call, or be the plugin's own; an empty one says nothing."""
    honest = {
        "comment_content": "I read it twice and I still think that the second half is wrong.",
        "comment_author": "Ann",
    }
    for trap in (
        {"honeypot_field_name": "your_fax", "your_fax": "yes"},
        {"POST_ak_hp_textarea": "hello"},
    ):
        assert "TRAP_FILLED=+5.00" in check(blog, **honest, **trap).headers["X-moderation-reasons"]
    for empty in ({"honeypot_field_name": "your_fax", "your_fax": ""}, {"POST_ak_hp_textarea": ""}, {}):
        assert "TRAP_FILLED" not in check(blog, **honest, **empty).headers["X-moderation-reasons"]


def test_what_is_personal_about_a_visit_is_not_stored(blog: Blog) -> None:
    """Clocks, key counts and traps are used, and gone with the answer but for the reason they gave."""
    reply = check(
        blog,
        comment_content="Y" * 80,
        POST_ak_js="7",
        POST_ak_bib="1795368308000",
        POST_ak_bfs="1795368308417",
        POST_ak_bkpc="3",
        POST_ak_bmm="secret-moves",
    )
    guid = reply.headers["X-akismet-guid"]
    stored = blog.call("GET", f"/v1/decisions/{guid}")
    codes = {reason["code"] for reason in stored.get_json()["reasons"]}
    assert {"NO_SCRIPT", "HASTY", "UNTYPED"} <= codes
    assert "secret" not in stored.text and "1795368308" not in stored.text


@pytest.mark.parametrize(
    "date", ["2026-01-01 12:00:00", "2026-01-01T12:00:00Z", "2026-01-01T12:00:00.000+00:00", "soon", ""]
)
def test_no_date_is_refused(blog: Blog, clock: Clock, date: str) -> None:
    """Dates come in five spellings and sometimes in none."""
    reply = check(blog, comment_date_gmt=date, comment_post_modified_gmt="2020-01-01 00:00:00")
    assert reply.status_code == 200 and reply.text in ("true", "false")


def test_without_a_model_the_blog_waits_and_asks_again(modelless_blog: Blog) -> None:
    """An error header makes WordPress hold and retry, whatever the body says."""
    reply = check(modelless_blog)
    assert (reply.text, reply.headers["X-akismet-error"]) == ("true", "status")
    assert len(reply.headers["X-akismet-guid"]) == 32
    (item,) = held_items(modelless_blog.desk)
    assert item.publishes_at is None
