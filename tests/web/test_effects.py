"""Each state of a comment at its blog, and each effect of a decision, has a sentence."""

import html
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from moderation.actions.author_rules import list_author_rules
from moderation.actions.services import Services
from moderation.domain.comment import Comment
from moderation.domain.decision import Decision, LabelValue, Score
from moderation.domain.queue import CallbackState, ListedComment, QueueItem, Verb
from moderation.domain.site import ReviewAction
from moderation.domain.thresholds import Thresholds, Verdict
from moderation.storage import callbacks
from moderation.storage.engine import write_transaction
from moderation.web.queue.effects import describe_effect, describe_effects, describe_state
from tests.conftest import Clock
from tests.web.conftest import SPAM_ALL, Blog, Browser
from tests.web.test_akismet_holding import check

NOW = datetime(2026, 1, 2, tzinfo=UTC)
PENDING = CallbackState(NOW, LabelValue.SPAM, NOW + timedelta(seconds=9), None, None)
MOVED = CallbackState(None, LabelValue.SPAM, None, NOW, None, LabelValue.SPAM)
"""Its blog holds nothing, and was told to move the comment to spam."""
SCORE, THRESHOLDS = Score(0.5, 0.0, 0.0, (), "none"), Thresholds(0.5, 0.9, 1.0)


def listed(
    verdict: Verdict, channel: str = "akismet", callback: CallbackState | None = None, *, told: bool = False
) -> ListedComment:
    """Return a comment of a blog that can be told: it holds the comment with a callback, and not if `told`."""
    decision = Decision("0a", 1, Comment("x"), SCORE, THRESHOLDS, verdict, degraded=False, decided_at=NOW)
    site = ("https://a.example", ReviewAction.HOLD)
    can_be_told = told or callback is not None
    return ListedComment(1, *site, decision, channel, None, False, callback=callback, can_be_told=can_be_told)


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        (listed(Verdict.PUBLISH), "Public"),
        (listed(Verdict.SPAM), "spam folder"),
        (listed(Verdict.DISCARD), "did not keep it"),
        (listed(Verdict.REVIEW), "spam folder"),
        (replace(listed(Verdict.REVIEW), review_action=ReviewAction.PUBLISH), "Public"),
        (listed(Verdict.SPAM, "api"), "asked through /v1"),
        (listed(Verdict.REVIEW, callback=PENDING), "asked to move it to spam in a few seconds. WordPress leaves"),
        (listed(Verdict.REVIEW, callback=PENDING._replace(next_attempt_at=NOW)), "asked to move it to spam now"),
        (listed(Verdict.REVIEW, callback=PENDING._replace(last_error="Refused.")), "did not confirm: Refused."),
        (
            listed(Verdict.REVIEW, callback=PENDING._replace(next_attempt_at=None, last_error="Refused.")),
            "could not be asked to move it to spam: Refused.",
        ),
        (listed(Verdict.PUBLISH, "coral"), "Public, unless Coral holds it"),
        (listed(Verdict.REVIEW, "coral"), "In Coral’s list of pending comments"),
        (listed(Verdict.DISCARD, "coral"), "In Coral’s list of rejected comments"),
        (listed(Verdict.PUBLISH, callback=MOVED), "was asked to move it to spam on 02 Jan 2026"),
        (listed(Verdict.PUBLISH, callback=MOVED._replace(result=None)), "was asked to move it to spam before"),
        (listed(Verdict.PUBLISH, callback=MOVED._replace(result=None, told=None)), "Public"),
        (replace(listed(Verdict.PUBLISH), is_judged=False), "came with an import"),
        (
            listed(Verdict.REVIEW, callback=CallbackState(NOW, LabelValue.HAM, None, NOW, None)),
            "was asked to publish it on 02 Jan 2026, 00:00 UTC",
        ),
    ],
)
def test_each_state_has_its_sentence(comment: ListedComment, expected: str) -> None:
    """By the channel, the verdict, and the call to the blog."""
    assert expected in describe_state(comment, NOW)


def test_a_held_comment_and_an_audit_item_have_no_state() -> None:
    """The card says until when the first is held; the second must not tell its verdict."""
    assert describe_state(listed(Verdict.REVIEW, callback=PENDING._replace(result=None)), NOW) == ""
    item = QueueItem(NOW, skipped=False, is_open=True, is_audit=True)
    assert {describe_state(replace(listed(verdict), item=item), NOW) for verdict in Verdict} == {""}


@pytest.mark.parametrize(
    ("comment", "verb", "expected"),
    [
        (listed(Verdict.REVIEW, callback=PENDING), Verb.HAM, "In ten seconds its blog is asked to publish it."),
        (listed(Verdict.REVIEW, callback=PENDING), Verb.REMOVE, "In ten seconds its blog is asked to move it to spam."),
        (listed(Verdict.PUBLISH), Verb.SPAM, "gave no address for an answer, so change the comment there."),
        (listed(Verdict.SPAM, "api"), Verb.HAM, "asked through /v1, so change the comment there."),
        (listed(Verdict.SPAM, "coral"), Verb.HAM, "Coral is not called, so change the comment there."),
        (listed(Verdict.PUBLISH, "coral"), Verb.HAM, ""),
        (listed(Verdict.SPAM), Verb.SPAM, ""),
        (listed(Verdict.SPAM, told=True), Verb.HAM, "is asked to publish it. WordPress leaves a comment alone"),
        (listed(Verdict.PUBLISH, told=True), Verb.REMOVE, "is asked to move it to spam. WordPress leaves"),
        (listed(Verdict.PUBLISH, told=True), Verb.HAM, ""),
        (listed(Verdict.DISCARD, told=True), Verb.HAM, "Its blog did not keep it."),
        (listed(Verdict.DISCARD, told=True), Verb.SPAM, ""),
        (listed(Verdict.PUBLISH, callback=MOVED), Verb.SPAM, ""),
        (listed(Verdict.PUBLISH, callback=MOVED), Verb.HAM, "In ten seconds its blog is asked to publish it."),
        (replace(listed(Verdict.PUBLISH), is_judged=False), Verb.SPAM, "It came with an import"),
        (listed(Verdict.PUBLISH), Verb.HAM, ""),
        (listed(Verdict.REVIEW, callback=PENDING), Verb.SKIP, ""),
    ],
)
def test_a_decision_says_what_follows(comment: ListedComment, verb: Verb, expected: str) -> None:
    """At the blog: a call, work for the moderator, or nothing."""
    told = describe_effect(comment, verb) or ""
    assert (expected in told) if expected else told == ""


def test_the_pages_tell_it(blog: Blog, mara: Browser) -> None:
    """The card its state, the message its effect."""
    decision = blog.score("Hello there")
    path = f"/queue/comments/{decision['id']}"
    assert "Its blog asked through /v1 and decides itself." in mara.read(path)
    mara.send("/queue/act", id=decision["id"], verb="spam")
    assert "so change the comment there" in mara.read(path) or decision["verdict"] == "spam"


def test_no_effect_tells_the_verdict_of_an_audit_item() -> None:
    """Every other comment has a sentence for each deciding button, also where nothing follows."""
    item = QueueItem(NOW, skipped=False, is_open=True, is_audit=True)
    assert describe_effects(replace(listed(Verdict.SPAM, told=True), item=item)) == {}
    effects = describe_effects(listed(Verdict.SPAM, told=True))
    assert effects.keys() == {"ham", "spam", "remove"} and effects["spam"] == "Nothing changes at its blog."


def test_each_button_says_what_follows_before_it_is_pressed(mara: Browser, blog: Blog) -> None:
    """In the list by a title and a description that is read with it, on the comment's page in sight too."""
    decision_id = blog.score("Hello there")["id"]
    for path in ("/queue/public", f"/queue/comments/{decision_id}"):
        page = html.unescape(mara.get(path).text)
        (button,) = re.findall(r'<button name="verb" value="spam"[^>]*>', page)
        assert 'title="Nothing changes at its blog."' in button
        (described_by,) = re.findall(r'aria-describedby="([^"]*)"', button)
        name, effect = described_by.split()
        assert f'id="{name}"' in page
        assert f'<p id="{effect}" hidden>Its blog asked through /v1, so change the comment there.</p>' in page
        in_sight = "<strong>Spam:</strong> Its blog asked through /v1, so change the comment there.</p>"
        assert (in_sight in page) == (path != "/queue/public")


def test_an_undo_of_what_a_blog_was_told_warns(mara: Browser, blog: Blog, clock: Clock) -> None:
    """Decisions says so, and describes the button by it; a decision that no blog was told of has no such sentence."""
    blog.set_thresholds(SPAM_ALL)
    decision_id = check(blog).headers["X-akismet-guid"]
    said = html.unescape(mara.get(f"/queue/comments/{decision_id}").text)
    assert "<strong>Ham:</strong> In ten seconds its blog is asked to publish it. WordPress leaves a comment" in said
    mara.send("/queue/act", id=decision_id, verb="ham")
    assert "confirmed it already" not in mara.get("/queue/acts").text
    with write_transaction(blog.services.engine) as connection:
        (due,) = callbacks.due(connection, clock.now + timedelta(seconds=10), 10)
        assert callbacks.mark_delivered(connection, due, clock.now)
    page = mara.get("/queue/acts").text
    assert "Its blog has confirmed it already: an undo asks for the opposite." in page
    (act_id,) = re.findall(r'name="act" value="(\d+)"', page)
    assert f'id="told-{act_id}"' in page and f'aria-describedby="told-{act_id}">Undo' in page
    mara.send("/queue/undo", act=act_id)
    assert "A blog that had confirmed it is now asked for the opposite." in mara.get("/queue").text


def test_what_was_decided_about_an_author_is_on_decisions(mara: Browser, blog: Blog, services: Services) -> None:
    """Its message has an Undo button, and an undo lifts the rule."""
    decision_id = blog.score("Hello there", author_id="7")["id"]
    mara.send("/queue/act", id=decision_id, verb="block", back="/queue/public")
    page = mara.get("/queue/public").text
    assert (
        "is blocked; the comment stays as it is" in page and "1 comment: author blocked" in mara.get("/queue/acts").text
    )
    (act_id,) = re.findall(r'name="act" value="(\d+)"', page)
    assert [rule.set_by for rule in list_author_rules(services, blog.site)] == ["mara"]
    mara.send("/queue/undo", act=act_id)
    assert "Undone: 1 author is as before." in mara.get("/queue").text
    assert list_author_rules(services, blog.site) == []
