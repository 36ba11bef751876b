"""Every way a call can fail, and its error response."""

import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from moderation.actions.services import Services
from moderation.settings import Settings
from moderation.web import errors
from moderation.web.app import create_app
from tests.web.conftest import KEY, Blog

JSON = "application/json"


def problem(response: TestResponse, status: int) -> dict[str, Any]:
    """Return the problem of a response after checking its form."""
    assert response.status_code == status, response.text
    assert response.content_type == "application/problem+json"
    body: dict[str, Any] = json.loads(response.data)
    assert {"type", "title", "status", "detail", "instance", "request_id"} <= set(body)
    assert body["status"] == status and body["request_id"] == response.headers["X-Request-Id"]
    return body


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Basic YTpi", f"Token {KEY}", "Bearer ffffffffffff", "Bearer \xff\xe9"]
)
def test_without_an_active_key_the_response_is_401(client: FlaskClient, blog: Blog, header: str | None) -> None:
    """401 with the scheme to use, for a missing, malformed or unknown key."""
    headers = {} if header is None else {"Authorization": header}
    for method, path in (("POST", "/v1/score"), ("POST", "/v1/score/batch"), ("GET", f"/v1/decisions/{'0' * 32}")):
        response = client.open(path, method=method, json={"text": "x"}, headers=headers)
        problem(response, 401)
        assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_unknown_fields_are_refused_each_by_its_name(blog: Blog) -> None:
    """A misspelt field must not pass silently: its signals would be missing."""
    body = problem(blog.call("POST", "/v1/score", {"text": "x", "autor": "Ann", "a/b~c": 1}), 422)
    assert {error["pointer"] for error in body["errors"]} == {"/autor", "/a~1b~0c"}
    assert body["type"] == "/docs#invalid-input"


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
    """No value is converted: a number is not text."""
    response = blog.call("POST", "/v1/score", data=json.dumps(body), content_type=JSON)
    assert [error["pointer"] for error in problem(response, 422)["errors"]] == [pointer]


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
def test_a_body_that_is_not_json_is_refused(blog: Blog, body: bytes) -> None:
    """400 for malformed, deeply nested, ambiguous or undecodable bodies."""
    problem(blog.call("POST", "/v1/score", data=body, content_type=JSON), 400)


@pytest.mark.parametrize("kind", [None, "", "text/plain", "application/x-www-form-urlencoded", "application/jsonx"])
def test_only_json_is_accepted(blog: Blog, kind: str | None) -> None:
    """415 for a body of any other content type, JSON or not."""
    problem(blog.call("POST", "/v1/score", data=b'{"text": "x"}', content_type=kind), 415)


def test_a_charset_parameter_is_accepted(blog: Blog) -> None:
    """Many clients add one."""
    response = blog.call("POST", "/v1/score", data=b'{"text": "x"}', content_type="application/json; charset=utf-8")
    assert response.status_code == 200


def test_large_bodies_are_refused(services: Services, settings: Settings, blog: Blog) -> None:
    """413 over the limit, for every channel that reads a body; a body just below it is read."""
    client = create_app(services, settings.model_copy(update={"max_body_bytes": 2048})).test_client()
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
def test_a_wrong_method_gets_the_allowed_ones(client: FlaskClient, method: str, path: str, allowed: set[str]) -> None:
    """405 with `Allow`; OPTIONS returns the same methods."""
    response = client.open(path, method=method)
    problem(response, 405)
    assert set(response.headers["Allow"].split(", ")) == allowed
    assert set(client.options(path).headers["Allow"].split(", ")) == allowed


def test_head_answers_like_get_without_a_body(client: FlaskClient) -> None:
    """Same status, no bytes."""
    for path in ("/livez", "/openapi.json", "/docs", "/metrics"):
        response = client.head(path)
        assert response.status_code == 200 and response.data == b""


def test_unknown_paths_answer_in_the_format_of_their_channel(client: FlaskClient) -> None:
    """JSON for programs, a line of text for Akismet clients."""
    problem(client.get("/v1/nothing"), 404)
    problem(client.get("/nothing"), 404)
    line = client.get("/1.1/nothing")
    assert (line.status_code, line.data, line.content_type) == (404, b"Not Found", "text/plain; charset=utf-8")


@pytest.mark.parametrize("path", ["/", "/queue", "/v1/score", "/1.1/comment-check", "/livez"])
def test_an_invalid_host_is_a_bad_request(client: FlaskClient, path: str) -> None:
    """No page can link to an invalid host, so the response has no links."""
    assert client.get(path, headers={"Host": "."}).status_code == 400


def test_request_ids_are_echoed_when_usable(client: FlaskClient) -> None:
    """A bounded, plain id is echoed; any other is replaced by a random one."""
    assert client.get("/livez", headers={"X-Request-Id": "blog-17.a"}).headers["X-Request-Id"] == "blog-17.a"
    for odd in ("", "x" * 65, "a b", "ä", "a\tb"):
        request_id = client.get("/livez", headers={"X-Request-Id": odd}).headers["X-Request-Id"]
        assert request_id != odd and len(request_id) == 32


def test_responses_are_not_cached(client: FlaskClient, blog: Blog) -> None:
    """Decisions, problems and pages are sent with `no-store`."""
    for response in (blog.call("POST", "/v1/score", {"text": "x"}), client.get("/v1/nothing"), client.get("/queue")):
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.fixture
def broken(app: Flask) -> FlaskClient:
    """The application with one more route, which has a bug."""

    def bug() -> str:
        return str(1 // 0)

    for path in ("/v1/bug", "/1.1/bug", "/queue/bug"):
        app.add_url_rule(path, path, bug)
    return app.test_client()


def test_a_bug_is_answered_without_detail(broken: FlaskClient) -> None:
    """The caller gets the request id; neither the trace nor the exception's message is sent."""
    for path in ("/v1/bug", "/1.1/bug", "/queue/bug"):
        response = broken.get(path, headers={"X-Request-Id": "the-one"})
        assert response.status_code == 500 and response.headers["X-Request-Id"] == "the-one"
        assert b"division" not in response.data and b"Traceback" not in response.data
    problem(broken.get("/v1/bug"), 500)


@pytest.mark.sqlite("it removes the database file")
def test_a_lost_database_is_503(services: Services, blog: Blog, settings: Settings) -> None:
    """503 with `Retry-After`, and with a guid for WordPress."""
    services.engine.dispose()
    for file in Path(settings.var).glob("moderation.db*"):
        file.unlink()
    response = blog.call("POST", "/v1/score", {"text": "x"})
    problem(response, 503)
    assert int(response.headers["Retry-After"]) > 0
    check = blog.akismet("comment-check", comment_content="x")
    assert check.status_code == 503 and len(check.headers["X-akismet-guid"]) == 32


@pytest.mark.sqlite("it removes the database file")
def test_an_outage_is_counted_and_logged_once(
    services: Services,
    blog: Blog,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each 503 counts; only the first of its kind within some seconds is logged, with its sentence."""
    monkeypatch.setattr(errors, "_next_logs", {})
    services.engine.dispose()
    for file in Path(settings.var).glob("moderation.db*"):
        file.unlink()
    for _ in range(3):
        problem(blog.call("POST", "/v1/score", {"text": "x"}), 503)
    assert 'moderation_unavailable_total{error="StorageUnavailable"} 3.0' in blog.client.get("/metrics").text
    (record,) = (record for record in caplog.records if record.getMessage() == "unavailable")
    assert "put it back" in vars(record)["problem"]


def test_a_problem_names_twenty_fields_and_says_how_many_more(blog: Blog) -> None:
    """An object of thousands of unknown fields with long names gets a short answer."""
    sent = {"text": "x", **{f"field{number}" + "\u202e" * 50: 1 for number in range(500)}}
    response = blog.call("POST", "/v1/score", sent)
    body = problem(response, 422)
    assert len(body["errors"]) == 20 and len(response.data) < 40_000
    assert "500 parts" in body["detail"] and "leaves 480 out" in body["detail"]
    assert all(error["pointer"].isprintable() for error in body["errors"])
    twenty = blog.call("POST", "/v1/score", {f"field{number}": 1 for number in range(19)}).get_json()
    assert len(twenty["errors"]) == 20 and "leaves" not in twenty["detail"]


def test_a_batch_of_wrong_comments_is_answered_in_proportion(blog: Blog) -> None:
    """1,000 wrong comments get 1,000 problems of at most twenty fields each, in order."""
    wrong = [{f"a{number}": 1 for number in range(30)} for _ in range(1_000)]
    response = blog.call("POST", "/v1/score/batch", {"comments": wrong})
    answers = response.get_json()["decisions"]
    assert response.status_code == 200 and len(answers) == 1_000
    assert {len(answer["error"]["errors"]) for answer in answers} == {20}
    assert {"leaves 11 out" in answer["error"]["detail"] for answer in answers} == {True}
    assert answers[-1]["error"]["errors"][0]["pointer"].startswith("/comments/999/")


def test_a_long_path_is_cut_in_the_problem(blog: Blog) -> None:
    """The caller's text is quoted up to a limit."""
    assert len(problem(blog.call("GET", "/v1/" + "x" * 5_000), 404)["instance"]) <= 100


@pytest.mark.parametrize("hostile", ["9" * 10_000, "x" * 10_000, "%0d%0aX-Stranger:%201%1b" + "y" * 10_000])
def test_no_answer_repeats_a_long_input(blog: Blog, hostile: str) -> None:
    """Every channel answers a path, name, value or key of 10,000 characters with a short error, and never with 500."""
    calls = [
        blog.call("GET", f"/v1/decisions/{hostile}"),
        blog.call("PUT", f"/v1/decisions/{hostile}/label", {"label": "ham"}),
        blog.call("POST", "/v1/score", {hostile: 1}),
        blog.call("POST", "/v1/score", {"text": [hostile]}),
        blog.call("PUT", f"/v1/decisions/{'0' * 32}/label", {"label": hostile}),
        blog.call("POST", "/v1/score", headers={"Authorization": f"Bearer {hostile}", "X-Request-Id": hostile}),
        blog.client.post(f"/1.1/{hostile}"),
        blog.client.post("/1.1/comment-check", data={"api_key": hostile}),
        blog.akismet("verify-key", blog=f"http://[{hostile}"),
        blog.akismet("submit-spam", blog="", comment_content=hostile),
        blog.client.get(f"/queue/comments/{hostile}"),
        blog.client.post("/queue/act", data={"id": hostile, "verb": hostile, "back": hostile}),
        blog.client.get(f"/queue?after={hostile}"),
    ]
    for response in calls:
        longest = max(len(value) for name, value in response.headers if name != "Location")
        assert response.status_code < 500 and longest < 1_000, response.request.path[:30]
        assert "X-Stranger" not in response.headers
        # A redirect to the sign-in names the page that was asked for.
        assert response.status_code == 303 or len(response.text) < 4_000
