"""`/v1/score` and `/v1/score/batch`: what a blog is told."""

import math
from typing import Any

import pytest
from flask import Flask

from moderation.actions.check import find_decision
from moderation.actions.desk import Desk
from moderation.domain.policy import Policy, decide
from moderation.settings import Settings
from moderation.web.app import create_app
from tests.web.conftest import KEY, Blog

ACCOUNT = {"probability", "thresholds", "standing", "reasons", "bias", "model", "degraded"}
FIELDS = {"id", "verdict", "made_at", "label"} | ACCOUNT
SPAM = "Buy cheap viagra online at http://pills.example/ now!!!"


def test_a_comment_gets_a_complete_decision(blog: Blog) -> None:
    """The answer holds every promised field and no other, and the verdict follows from its own thresholds."""
    told = blog.score(SPAM, author="Best Pills", url="http://pills.example/")
    assert set(told) == FIELDS
    assert told["verdict"] == decide(told["probability"], Policy(**told["thresholds"])).value
    assert told["degraded"] is False and told["label"] is None


def test_the_account_is_exact_and_strongest_first(blog: Blog) -> None:
    """Weights and bias add up to the logit; five reasons for spam come first, three against it, then all others."""
    told = blog.score(SPAM)
    logit = told["bias"] + sum(reason["weight"] for reason in told["reasons"])
    assert 1 / (1 + math.exp(-logit)) == pytest.approx(told["probability"], abs=1e-6)
    weights = [reason["weight"] for reason in told["reasons"]]
    pro, contra, others = weights[:5], weights[5:8], weights[8:]
    assert min(pro) > 0 > max(contra) and others
    for part in (pro, contra, others):
        assert part == sorted(part, key=abs, reverse=True)
    assert max(others, key=abs) < min(pro)


def test_the_decision_is_stored_before_it_is_answered(blog: Blog) -> None:
    """What was answered can be read back from the database under its id."""
    told = blog.score(SPAM, author="Best Pills")
    decision, label = find_decision(blog.desk, blog.site, told["id"])
    assert decision.verdict.value == told["verdict"] and decision.comment.author == "Best Pills" and label is None


def test_null_is_the_same_as_absent(blog: Blog) -> None:
    """A field that the blog does not know may be null: it is never evidence."""
    assert blog.score(SPAM, author=None, date=None)["probability"] == blog.score(SPAM)["probability"]


def test_an_empty_text_is_judged(blog: Blog) -> None:
    """Trackback checks and sign-ups have no text; they get a verdict like any other."""
    assert set(blog.score("")) == FIELDS


@pytest.mark.parametrize("hostile", ["\\ud83d", "a\\u0000b", "\\udc00\\ud800", "\\ud83d\\ude00", "\\u202e", "\\uffff"])
def test_any_character_of_json_can_be_sent(blog: Blog, hostile: str) -> None:
    """A cut emoji, a NUL or a bidirectional override is a comment to judge, not an error."""
    body = f'{{"text": "x{hostile}y", "author": "{hostile}"}}'
    reply = blog.call("POST", "/v1/score", data=body, content_type="application/json")
    assert reply.status_code == 200, reply.text
    assert blog.call("GET", f"/v1/decisions/{reply.get_json()['id']}").status_code == 200


def test_without_a_model_comments_are_held(modelless_desk: Desk, settings: Settings, blog: Blog) -> None:
    """No model is no reason to fail the blog: a person decides, and the answer says so."""
    client = create_app(modelless_desk, settings).test_client()
    reply = client.post("/v1/score", json={"text": SPAM}, headers={"Authorization": f"Bearer {KEY}"})
    assert reply.status_code == 200
    assert reply.get_json()["degraded"] is True and reply.get_json()["verdict"] == "review"


def test_a_batch_answers_in_order_with_refusals_in_place(blog: Blog) -> None:
    """One bad comment spoils only its own place, and is named by a pointer into the whole body."""
    sent: list[Any] = [{"text": "first"}, {"txet": "slip"}, 7, {"text": "last", "author": "Ann"}]
    reply = blog.call("POST", "/v1/score/batch", {"comments": sent})
    assert reply.status_code == 200
    first, slip, seven, last = reply.get_json()["decisions"]
    assert set(first) == FIELDS and set(last) == FIELDS
    assert {fault["pointer"] for fault in slip["error"]["errors"]} == {"/comments/1/txet", "/comments/1/text"}
    assert seven["error"]["status"] == 422
    assert find_decision(blog.desk, blog.site, last["id"])[0].comment.author == "Ann"


def test_a_batch_agrees_with_single_calls(blog: Blog) -> None:
    """A comment is judged the same alone and in company."""
    texts = [SPAM, "Thank you, the second example helped me.", "", "первый!"]
    told = blog.call("POST", "/v1/score/batch", {"comments": [{"text": text} for text in texts]}).get_json()
    alone = [blog.score(text)["probability"] for text in texts]
    assert [entry["probability"] for entry in told["decisions"]] == pytest.approx(alone, abs=1e-9)


def test_an_empty_batch_is_fine(blog: Blog) -> None:
    """Nothing in, nothing out."""
    assert blog.call("POST", "/v1/score/batch", {"comments": []}).get_json() == {"decisions": []}


def test_a_batch_has_a_limit(desk: Desk, settings: Settings, blog: Blog) -> None:
    """More comments than the setting allows are refused whole, by the name of the list."""
    app: Flask = create_app(desk, settings.model_copy(update={"max_batch": 2}))
    reply = app.test_client().post(
        "/v1/score/batch", json={"comments": [{"text": "x"}] * 3}, headers={"Authorization": f"Bearer {KEY}"}
    )
    assert reply.status_code == 422
    assert reply.get_json()["errors"][0]["pointer"] == "/comments"
