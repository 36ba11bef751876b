"""Logs as JSON lines: complete, attributed to their request, and without keys or text."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from moderation.actions.services import Services
from moderation.settings import Settings
from moderation.web.app import create_app
from moderation.web.log_format import JsonFormatter
from tests.web.conftest import KEY, Blog


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """The log of the service as it is written to standard error."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("moderation")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield stream
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


@pytest.fixture
def logged_client(services: Services, settings: Settings, blog: Blog) -> FlaskClient:
    """A client of an application with an access log."""
    return create_app(services, settings.model_copy(update={"access_log": True})).test_client()


def entries(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_an_entry_is_short(log: io.StringIO) -> None:
    """An error of a library may quote the whole input; the end of its trace names it."""
    try:
        raise ValueError("x" * 1_000_000 + "the cause")
    except ValueError:
        logging.getLogger("moderation.actions").exception("y" * 1_000_000, extra={"problem": "\x1b" * 1_000_000})
    (entry,) = entries(log)
    assert len(log.getvalue()) < 100_000 and entry["exception"].endswith("the cause\n") and "\x1b" not in log.getvalue()


def test_an_entry_has_time_level_event_and_fields(log: io.StringIO) -> None:
    """Also outside a request; the event is the message with its arguments."""
    logging.getLogger("moderation.actions").warning("delivery of %s failed", "x", extra={"decision": "abc"})
    (entry,) = entries(log)
    assert entry.pop("timestamp").endswith("+00:00")
    assert entry == {
        "level": "warning",
        "event": "delivery of x failed",
        "logger": "moderation.actions",
        "decision": "abc",
    }


def test_any_value_of_a_field_is_written(log: io.StringIO) -> None:
    """A value that is not JSON is written as text, and a line break cannot forge another entry."""
    logging.getLogger("moderation").error('a\n{"event": "forged"}', extra={"path": object, "text": "\u202e\ud800"})
    (entry,) = entries(log)
    assert entry["path"] == "<class 'object'>" and log.getvalue().isascii()


def test_the_access_log_is_off_by_default(log: io.StringIO, client: FlaskClient) -> None:
    """No entry for a request without the setting."""
    assert client.get("/livez").status_code == 200
    assert entries(log) == []


def test_the_access_log_has_an_entry_for_each_request(log: io.StringIO, logged_client: FlaskClient) -> None:
    """Method, route, status, duration and request id; errors and requests without a route too."""
    logged_client.get("/livez", headers={"X-Request-Id": "blog-17"})
    logged_client.get("/nothing")
    logged_client.get("/queue", headers={"Host": "."})
    first, unknown, bad_host = entries(log)
    assert first.pop("milliseconds") >= 0 and first.pop("timestamp")
    assert first == {
        "level": "info",
        "event": "request",
        "logger": "moderation.access",
        "request_id": "blog-17",
        "method": "GET",
        "route": "/livez",
        "status": 200,
    }
    assert (unknown["route"], unknown["status"]) == (None, 404)
    assert bad_host["status"] == 400


def test_the_access_log_has_no_key_query_or_text(log: io.StringIO, logged_client: FlaskClient) -> None:
    """A key in header, query, body, host name or path stays out of it, and so do ids and text."""
    logged_client.post("/v1/score", json={"text": "a secret"}, headers={"Authorization": f"Bearer {KEY}"})
    logged_client.get(f"/1.1/verify-key?key={KEY}", headers={"Host": f"{KEY}.rest.example.org"})
    logged_client.get(f"/v1/decisions/{KEY}", headers={"Authorization": f"Bearer {KEY}"})
    assert [entry["route"] for entry in entries(log)] == [
        "/v1/score",
        "/1.1/verify-key",
        "/v1/decisions/<decision_id>",
    ]
    assert KEY not in log.getvalue() and "secret" not in log.getvalue()


def test_an_unexpected_error_is_logged_with_its_trace(log: io.StringIO, blog: Blog) -> None:
    """The trace has no values of local variables: they hold comments and keys."""

    def bug() -> str:
        # Put together here, so that a trace which quotes this source does not quote the text.
        text = "".join(("a comment's", " text"))  # noqa: FLY002
        return str(len(text) // 0)

    blog.client.application.add_url_rule("/v1/bug", "bug", bug)
    blog.call("GET", "/v1/bug", headers={"X-Request-Id": "the-one"})
    (entry,) = entries(log)
    assert (entry["request_id"], entry["endpoint"], entry["level"]) == ("the-one", "bug", "error")
    assert "ZeroDivisionError" in entry["exception"]
    assert "a comment's text" not in log.getvalue() and KEY not in log.getvalue()
