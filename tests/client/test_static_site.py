"""The receiver of a static page: comments by their verdicts, and the acts of moderators by signed messages."""

import json
import time
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from examples.static.receiver import create_app, open_app
from moderation.domain.webhooks import secret_text, signatures
from tests.client.stub import KEY, Stub

SECRET = secret_text(b"s" * 32)
NOON = "2026-11-30T12:00:00+00:00"
HOSTILE = "</p><script>alert(1)</script><img src=x onerror=alert(1)>\u202e{{ 7*7 }}"
MAX_LINES = 140

Receiver = Callable[..., Flask]


@pytest.fixture
def receiver(stub: Stub, tmp_path: Path) -> Receiver:
    """Return a function that opens the receiver, as a process does at its start."""
    return lambda **options: create_app(  # type: ignore[no-untyped-call]  # untyped, to be short
        stub.client(spool=tmp_path / "spool", **options), tmp_path, SECRET
    )


def post(app: Flask, text: str, author: str = "Ana") -> str:
    """Post a comment as the form does. Returns the page that the visitor is sent to."""
    answer = app.test_client().post("/comments", data={"text": text, "author": author})
    assert answer.status_code == 303
    return answer.headers["Location"]


def shown(folder: Path) -> str:
    return (folder / "public" / "index.html").read_text("utf-8")


def act(app: Flask, decision_id: str | None, verb: str, at: str = NOON, **changed: Any) -> int:
    """Send the message of an act as the service does. Returns the status of the answer."""
    body = json.dumps({"type": "decided", "timestamp": at, "data": {"decision": decision_id, "act": verb}}).encode()
    now = int(time.time()) + changed.pop("seconds", 0)
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(now)}
    headers["webhook-signature"] = signatures([changed.pop("secret", SECRET)], "msg_1", now, body)
    headers = {name: value for name, value in (headers | changed).items() if value is not None}
    return app.test_client().post("/moderation", data=body, headers=headers).status_code


def test_each_verdict_has_its_place(receiver: Receiver, stub: Stub, tmp_path: Path) -> None:
    """Ham is on the page at once. Review and spam wait for a person, and blatant spam is not kept."""
    app = receiver()
    for verdict in ("publish", "review", "spam", "discard"):
        stub.verdict = verdict
        expected = "/index.html#comments" if verdict == "publish" else "/waiting.html#comments"
        assert post(app, f"The {verdict} one") == expected
    kept = json.loads((tmp_path / "comments.json").read_text("utf-8"))
    assert [comment["verdict"] for comment in kept.values()] == ["publish", "review", "spam"]
    assert [f"The {verdict} one" in shown(tmp_path) for verdict in ("publish", "review", "spam")] == [
        True,
        False,
        False,
    ]
    assert stub.calls[0].body == {
        "text": "The publish one",
        "author": "Ana",
        "comment_id": next(iter(kept)),
        "permalink": "http://localhost/",
    }


def test_a_hostile_comment_is_text(receiver: Receiver, tmp_path: Path) -> None:
    """Its markup is escaped, in the name too."""
    post(receiver(), HOSTILE, HOSTILE)
    page = shown(tmp_path)
    assert "<script" not in page and "<img" not in page and unescape(page).count(HOSTILE) == 2


def test_an_act_of_a_moderator_reaches_the_page(receiver: Receiver, stub: Stub, tmp_path: Path) -> None:
    """Each act, in any order of delivery, and as often as it comes. `forget` leaves the verdict in force."""
    app, stub.verdict = receiver(), "review"
    post(app, "Is it so?")
    (decision_id,) = stub.decisions.values()
    steps = [("ham", 10, True), ("ham", 10, True), ("spam", 20, False), ("ham", 15, False), ("ham", 30, True)]
    steps += [("forget", 40, False), ("ham", 50, True), ("remove", 59, False)]
    for verb, minute, is_shown in steps:
        assert act(app, decision_id, verb, f"2026-11-30T12:{minute}:00+00:00") == 204
        assert ("Is it so?" in shown(tmp_path)) == is_shown, (verb, minute)


def test_an_act_on_another_comment_changes_nothing(receiver: Receiver, stub: Stub, tmp_path: Path) -> None:
    """One of an import has no decision, and neither has a comment that waits in the spool."""
    app, stub.faults = receiver(timeout_seconds=0.2), ["500"]
    post(app, "Is it so?")
    for decision_id in (None, "", "0" * 32):
        assert act(app, decision_id, "ham") == 204
    assert "Is it so?" not in shown(tmp_path)


def test_a_message_without_a_valid_signature_is_refused(receiver: Receiver, stub: Stub, tmp_path: Path) -> None:
    """A forged, old or incomplete one, and a copy with another time."""
    app, stub.verdict = receiver(), "review"
    post(app, "Is it so?")
    (decision_id,) = stub.decisions.values()
    refused: list[dict[str, Any]] = [
        *({"secret": secret_text(b"t" * 32)}, {"seconds": -301}, {"seconds": 301}, {"webhook-timestamp": "soon"}),
        *({"webhook-signature": value} for value in (None, "", "v1,", "v1,\xe9", "v1a")),
        *({name: None} for name in ("webhook-id", "webhook-timestamp")),
        {"webhook-timestamp": str(int(time.time()) + 7)},
    ]
    assert [act(app, decision_id, "ham", **changed) for changed in refused] == [401] * len(refused)
    assert "Is it so?" not in shown(tmp_path)
    assert act(app, decision_id, "ham") == 204


def test_without_the_service_a_comment_waits_and_is_judged_later(
    receiver: Receiver, stub: Stub, tmp_path: Path
) -> None:
    """It is held, and the command delivers it. A restart in between loses nothing."""
    app, stub.faults = receiver(timeout_seconds=0.2), ["500"]
    assert post(app, "Thank you.") == "/waiting.html#comments"
    stub.faults = [""]
    again = receiver()
    assert "Thank you." not in shown(tmp_path)
    result = again.test_cli_runner().invoke(args=["deliver"])
    assert result.exit_code == 0 and "Thank you." in shown(tmp_path)


def test_a_form_that_cannot_be_used_is_refused(receiver: Receiver, stub: Stub, tmp_path: Path) -> None:
    """An empty one and a very large one are never sent on. A long name is cut."""
    client = receiver().test_client()
    assert client.post("/comments", data={"author": "Ana", "text": " \n"}).status_code == 400
    assert client.post("/comments", data={"text": "x" * 70_000}).status_code == 413
    assert client.post("/comments", data=b"\xff", content_type="text/plain").status_code == 400
    assert stub.calls == []
    assert client.post("/comments", data={"text": "Hello", "author": "x" * 5_000}).status_code == 303
    assert len(stub.calls[0].body["author"]) == 100 and "x" * 101 not in shown(tmp_path)


def test_the_receiver_opens_with_its_settings(stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the page says; the first page is there before the first comment."""
    settings = {"MODERATION_ADDRESS": stub.address, "MODERATION_KEY": KEY, "WEBHOOK_SECRET": SECRET}
    for name, value in {**settings, "COMMENTS_FOLDER": str(tmp_path / "new")}.items():
        monkeypatch.setenv(name, value)
    app = open_app()  # type: ignore[no-untyped-call]  # untyped, to be short
    with app.test_client().get("/index.html") as answer:
        assert "How to bake bread" in answer.text


def test_the_receiver_is_short() -> None:
    """It is read before it is copied."""
    file = Path(__file__).parents[2] / "examples" / "static" / "receiver.py"
    assert len(file.read_text("utf-8").splitlines()) <= MAX_LINES
