"""`/v1/score` and `/v1/score/batch`."""

import math
from typing import Any

import pytest
from flask import Flask, session
from flask.sessions import NullSession
from flask.testing import FlaskClient

from moderation.actions.check import find_decision
from moderation.actions.services import Services
from moderation.domain.decision import Moderator
from moderation.domain.thresholds import Thresholds, decide
from moderation.settings import Settings
from moderation.web.app import create_app
from moderation.web.queue.auth import current_moderator
from tests.web.conftest import KEY, Blog, Browser

JUDGEMENT = {
    "verdict",
    "probability",
    "logit",
    "thresholds",
    "calibration",
    "reasons",
    "bias",
    "model",
    "reader",
    "degraded",
}
FIELDS = {"id", "decided_at", "label"} | JUDGEMENT
SPAM = "Buy cheap viagra online at http://pills.example/ now!!!"


def test_a_comment_gets_a_complete_decision(blog: Blog) -> None:
    """The response has exactly the documented fields, and the verdict follows from its thresholds."""
    answer = blog.score(SPAM, author="Best Pills", url="http://pills.example/")
    assert set(answer) == FIELDS
    assert answer["verdict"] == decide(answer["probability"], Thresholds(**answer["thresholds"])).value
    assert answer["degraded"] is False and answer["label"] is None


def test_the_reasons_are_exact_and_strongest_first(blog: Blog) -> None:
    """Weights and bias add up to the logit; five reasons for spam come first, three against it, then all others."""
    answer = blog.score(SPAM)
    logit = answer["bias"] + sum(reason["weight"] for reason in answer["reasons"])
    assert logit == pytest.approx(answer["logit"], abs=1e-6)
    assert 1 / (1 + math.exp(-logit)) == pytest.approx(answer["probability"], abs=1e-6)
    weights = [reason["weight"] for reason in answer["reasons"]]
    pro, contra, others = weights[:5], weights[5:8], weights[8:]
    assert min(pro) > 0 > max(contra) and others
    for part in (pro, contra, others):
        assert part == sorted(part, key=abs, reverse=True)
    assert max(others, key=abs) < min(pro)


def test_the_decision_is_stored_before_it_is_answered(blog: Blog) -> None:
    """The decision can be read from the database by its id."""
    answer = blog.score(SPAM, author="Best Pills")
    decision, label = find_decision(blog.services, blog.site, answer["id"])
    assert decision.verdict.value == answer["verdict"] and decision.comment.author == "Best Pills" and label is None


def test_a_retry_has_the_same_answer(blog: Blog) -> None:
    """Byte for byte, and it is counted once. Another id is another comment; the comments of a batch have no retries."""
    body = {"text": SPAM, "author": "Best Pills", "comment_id": "7"}
    first, retried = (blog.call("POST", "/v1/score", body).data for _ in range(2))
    assert retried == first
    assert blog.score(SPAM, author="Best Pills", comment_id="8")["id"] not in first.decode()
    decided = [
        line for line in blog.client.get("/metrics").text.splitlines() if line.startswith("moderation_decisions_total{")
    ]
    assert sum(float(line.split()[-1]) for line in decided) == 2
    batch = {"comments": [{"text": SPAM}] * 2}
    answers = [blog.call("POST", "/v1/score/batch", batch).get_json()["decisions"] for _ in range(2)]
    assert len({decision["id"] for answer in answers for decision in answer}) == 4


def test_spans_are_computed_on_request(blog: Blog) -> None:
    """`?spans=true` locates the reasons of a single comment and of a batch; without it there is no `spans`."""
    for path, body in (("/v1/score", {"text": SPAM}), ("/v1/score/batch", {"comments": [{"text": SPAM}]})):
        for query, is_located in (("", False), ("?spans=false", False), ("?spans=true", True)):
            answer = blog.call("POST", path + query, body).get_json()
            (decision,) = answer.get("decisions", [answer])
            located = [reason for reason in decision["reasons"] if "spans" in reason]
            assert bool(located) is is_located
            for reason in located:
                assert reason["spans"] and all(0 <= span["start"] < span["end"] for span in reason["spans"])


def test_spans_is_a_boolean(blog: Blog) -> None:
    """Another value is refused, rather than read as false; any other parameter is ignored."""
    for path, body in (("/v1/score", {"text": SPAM}), ("/v1/score/batch", {"comments": [{"text": SPAM}]})):
        for query in ("?spans=yes", "?spans=", "?spans=true&spans=null", "?spans=%FF"):
            assert blog.call("POST", path + query, body).status_code == 422, query
        for query in ("?spans=0", "?spans=1&other=yes", "?other=%FF"):
            assert blog.call("POST", path + query, body).status_code == 200, query


def test_null_is_the_same_as_absent(blog: Blog) -> None:
    """A null field is unknown, which is never evidence."""
    sent = blog.score(SPAM, author=None, date=None, comment_id="1")
    assert sent["probability"] == blog.score(SPAM, comment_id="2")["probability"]


def test_an_empty_text_is_judged(blog: Blog) -> None:
    """Trackback checks and sign-ups have no text; they get a verdict like any other."""
    assert set(blog.score("")) == FIELDS


@pytest.mark.parametrize("hostile", ["\\ud83d", "a\\u0000b", "\\udc00\\ud800", "\\ud83d\\ude00", "\\u202e", "\\uffff"])
def test_any_character_of_json_can_be_sent(blog: Blog, hostile: str) -> None:
    """A cut emoji, a NUL or a bidirectional override is a comment to judge, not an error."""
    body = f'{{"text": "x{hostile}y", "author": "{hostile}"}}'
    response = blog.call("POST", "/v1/score", data=body, content_type="application/json")
    assert response.status_code == 200, response.text
    assert blog.call("GET", f"/v1/decisions/{response.get_json()['id']}").status_code == 200


def test_a_batch_answers_in_order_with_problems_in_place(blog: Blog) -> None:
    """An invalid comment gets a problem with pointers into the whole body; the others are judged."""
    sent: list[Any] = [{"text": "first"}, {"txet": "slip"}, 7, {"text": "last", "author": "Ann"}]
    response = blog.call("POST", "/v1/score/batch", {"comments": sent})
    assert response.status_code == 200
    first, slip, seven, last = response.get_json()["decisions"]
    assert set(first) == FIELDS and set(last) == FIELDS
    assert {error["pointer"] for error in slip["error"]["errors"]} == {"/comments/1/txet", "/comments/1/text"}
    assert seven["error"]["status"] == 422
    assert find_decision(blog.services, blog.site, last["id"])[0].comment.author == "Ann"


def test_a_batch_agrees_with_single_calls(blog: Blog) -> None:
    """A comment gets the same probability alone and in a batch."""
    texts = [SPAM, "Thank you, the second example helped me.", "", "первый!"]
    answer = blog.call("POST", "/v1/score/batch", {"comments": [{"text": text} for text in texts]}).get_json()
    alone = [blog.score(text)["probability"] for text in texts]
    assert [entry["probability"] for entry in answer["decisions"]] == pytest.approx(alone, abs=1e-9)


def test_an_empty_batch_is_fine(blog: Blog) -> None:
    """The response is an empty list."""
    assert blog.call("POST", "/v1/score/batch", {"comments": []}).get_json() == {"decisions": []}


def test_a_batch_has_a_limit(services: Services, settings: Settings, blog: Blog) -> None:
    """A larger batch is refused as a whole."""
    app: Flask = create_app(services, settings.model_copy(update={"max_batch_size": 2}))
    response = app.test_client().post(
        "/v1/score/batch", json={"comments": [{"text": "x"}] * 3}, headers={"Authorization": f"Bearer {KEY}"}
    )
    assert response.status_code == 422
    assert response.get_json()["errors"][0]["pointer"] == "/comments"


def test_a_request_with_a_key_has_no_session(client: FlaskClient, blog: Blog, moderator: Moderator) -> None:
    """It opens none, also with a moderator's cookie, and nothing can be written into it."""
    Browser(client).sign_in()
    with client:
        blog.score(SPAM)
        assert isinstance(session._get_current_object(), NullSession)  # type: ignore[attr-defined]  # of the proxy
        client.get("/queue")
        assert current_moderator() == moderator
