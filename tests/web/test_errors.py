"""Every way a call can fail, and how it is told."""

import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from moderation.actions.desk import Desk
from moderation.settings import Settings
from moderation.web.app import create_app
from tests.web.conftest import KEY, Blog

JSON = "application/json"


def problem(reply: TestResponse, status: int) -> dict[str, Any]:
    """The problem that a reply holds, after checking its form."""
    assert reply.status_code == status, reply.text
    assert reply.content_type == "application/problem+json"
    body: dict[str, Any] = json.loads(reply.data)
    assert {"type", "title", "status", "detail", "instance", "request_id"} <= set(body)
    assert body["status"] == status and body["request_id"] == reply.headers["X-Request-Id"]
    return body


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Basic YTpi", f"Token {KEY}", "Bearer ffffffffffff", "Bearer \xff\xe9"]
)
def test_without_a_live_key_nothing_is_told(client: FlaskClient, blog: Blog, header: str | None) -> None:
    """401 with the scheme to use, whatever is wrong with the key."""
    headers = {} if header is None else {"Authorization": header}
    for method, path in (("POST", "/v1/score"), ("POST", "/v1/score/batch"), ("GET", f"/v1/decisions/{'0' * 32}")):
        reply = client.open(path, method=method, json={"text": "x"}, headers=headers)
        problem(reply, 401)
        assert reply.headers["WWW-Authenticate"].startswith("Bearer")


def test_unknown_fields_are_refused_each_by_its_name(blog: Blog) -> None:
    """A slip in a field's name must not pass silently: the checks it feeds would be blind."""
    told = problem(blog.call("POST", "/v1/score", {"text": "x", "autor": "Ann", "a/b~c": 1}), 422)
    assert {fault["pointer"] for fault in told["errors"]} == {"/autor", "/a~1b~0c"}
    assert told["type"] == "/docs#input-refused"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/text"),
        ({"text": None}, "/text"),
        ({"text": 1}, "/text"),
        ({"text": ["x"]}, "/text"),
        ({"text": "x", "author": 5}, "/author"),
        ([], ""),
        ("x", ""),
        (None, ""),
    ],
)
def test_wrong_types_are_refused_by_pointer(blog: Blog, body: object, pointer: str) -> None:
    """Nothing is converted: a number is no text."""
    reply = blog.call("POST", "/v1/score", data=json.dumps(body), content_type=JSON)
    assert [fault["pointer"] for fault in problem(reply, 422)["errors"]] == [pointer]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"text=x",
        b'{"text": NaN}',
        b'{"text": -Infinity}',
        b'{"text": "a", "text": "b"}',
        b'{"text": "\xff"}',
        b"[" * 100_000,
        b'{"text":' * 100_000,
        b'{"text": ' + b"9" * 10_000 + b"}",
        b"\xff\xfe\x00",
    ],
)
def test_what_is_not_json_is_refused(blog: Blog, body: bytes) -> None:
    """400 for malformed, bottomless, ambiguous or undecodable bodies."""
    problem(blog.call("POST", "/v1/score", data=body, content_type=JSON), 400)


@pytest.mark.parametrize("kind", [None, "", "text/plain", "application/x-www-form-urlencoded", "application/jsonx"])
def test_only_json_is_taken(blog: Blog, kind: str | None) -> None:
    """415 for a body of any other content type, JSON or not."""
    problem(blog.call("POST", "/v1/score", data=b'{"text": "x"}', content_type=kind), 415)


def test_a_charset_beside_json_is_no_reason_to_refuse(blog: Blog) -> None:
    """Many clients add one."""
    reply = blog.call("POST", "/v1/score", data=b'{"text": "x"}', content_type="application/json; charset=utf-8")
    assert reply.status_code == 200


def test_large_bodies_are_refused(desk: Desk, settings: Settings, blog: Blog) -> None:
    """413 over the limit, at every door that reads a body, and a body just below it is read."""
    client = create_app(desk, settings.model_copy(update={"max_body_bytes": 2048})).test_client()
    headers = {"Authorization": f"Bearer {KEY}"}
    problem(client.post("/v1/score", json={"text": "x" * 3000}, headers=headers), 413)
    assert client.post("/v1/score", json={"text": "x" * 1500}, headers=headers).status_code == 200
    assert client.post("/1.1/comment-check", data={"comment_content": "x" * 3000}).status_code == 413
    assert client.post("/queue/sign-in", data={"name": "x" * 3000}).status_code == 413


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/score", {"POST", "OPTIONS"}),
        ("PATCH", f"/v1/decisions/{'0' * 32}/label", {"PUT", "DELETE", "OPTIONS"}),
        ("DELETE", f"/v1/decisions/{'0' * 32}", {"GET", "HEAD", "OPTIONS"}),
        ("POST", "/livez", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_other_methods_are_told_which_ones_work(client: FlaskClient, method: str, path: str, allowed: set[str]) -> None:
    """405 with Allow; OPTIONS says the same, HEAD answers like GET without a body."""
    reply = client.open(path, method=method)
    problem(reply, 405)
    assert set(reply.headers["Allow"].split(", ")) == allowed
    assert set(client.options(path).headers["Allow"].split(", ")) == allowed


def test_head_answers_like_get_without_a_body(client: FlaskClient) -> None:
    """Same status, no bytes."""
    for path in ("/livez", "/openapi.json", "/docs", "/metrics"):
        reply = client.head(path)
        assert reply.status_code == 200 and reply.data == b""


def test_unknown_paths_answer_in_their_door_s_form(client: FlaskClient) -> None:
    """JSON for programs, a page for people, a line for Akismet's clients: never HTML for those."""
    problem(client.get("/v1/nothing"), 404)
    problem(client.get("/nothing"), 404)
    line = client.get("/1.1/nothing")
    assert (line.status_code, line.data, line.content_type) == (404, b"Not Found", "text/plain; charset=utf-8")


@pytest.mark.parametrize("path", ["/", "/queue", "/v1/score", "/1.1/comment-check", "/livez"])
def test_a_host_that_is_none_is_a_bad_request(client: FlaskClient, path: str) -> None:
    """Without a host no address can be made for a page; the answer does without."""
    assert client.get(path, headers={"Host": "."}).status_code == 400


def test_request_ids_are_echoed_when_usable(client: FlaskClient) -> None:
    """A bounded, plain id comes back; anything else is replaced by one of ours."""
    assert client.get("/livez", headers={"X-Request-Id": "blog-17.a"}).headers["X-Request-Id"] == "blog-17.a"
    for odd in ("", "x" * 65, "a b", "ä", "a\tb"):
        told = client.get("/livez", headers={"X-Request-Id": odd}).headers["X-Request-Id"]
        assert told != odd and len(told) == 32


def test_answers_are_not_to_be_kept(client: FlaskClient, blog: Blog) -> None:
    """Decisions and problems are for their caller alone."""
    for reply in (blog.call("POST", "/v1/score", {"text": "x"}), client.get("/v1/nothing"), client.get("/queue")):
        assert reply.headers["Cache-Control"] == "no-store"
        assert reply.headers["X-Content-Type-Options"] == "nosniff"


@pytest.fixture
def broken(app: Flask) -> FlaskClient:
    """The application with one more route, which has a bug."""

    def bug() -> str:
        # Put together here, so that a trace which quotes this source does not quote the text.
        text = "".join(("a comment's", " text"))  # noqa: FLY002
        return str(len(text) // 0)

    for path in ("/v1/bug", "/1.1/bug", "/queue/bug"):
        app.add_url_rule(path, path, bug)
    return app.test_client()


def test_a_bug_is_logged_and_told_without_detail(broken: FlaskClient, capsys: pytest.CaptureFixture[str]) -> None:
    """The caller learns the request id; the log has the exception; neither a trace nor its message leaves.

    Values of local variables are in neither: they hold comments and keys.
    """
    for path in ("/v1/bug", "/1.1/bug", "/queue/bug"):
        reply = broken.get(path, headers={"X-Request-Id": "the-one"})
        assert reply.status_code == 500
        assert b"division" not in reply.data and b"Traceback" not in reply.data
        written = capsys.readouterr().err
        line = json.loads(written)
        assert (line["request_id"], line["endpoint"], line["level"]) == ("the-one", path, "error")
        assert "ZeroDivisionError" in line["exception"] and "a comment's text" not in written
    problem(broken.get("/v1/bug"), 500)


def test_a_lost_database_is_told_as_503(desk: Desk, blog: Blog, settings: Settings) -> None:
    """A caller may try again: 503 with Retry-After, a guid for WordPress, a page for people."""
    desk.engine.dispose()
    for file in Path(settings.var).glob("moderation.db*"):
        file.unlink()
    reply = blog.call("POST", "/v1/score", {"text": "x"})
    problem(reply, 503)
    assert int(reply.headers["Retry-After"]) > 0
    check = blog.akismet("comment-check", comment_content="x")
    assert check.status_code == 503 and len(check.headers["X-akismet-guid"]) == 32
