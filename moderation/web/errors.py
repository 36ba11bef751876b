"""Every error as the caller reads it: a problem in JSON, a page, or a line of text.

JSON problems follow RFC 9457. An unexpected exception is logged in full and told as 500 without detail.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, render_template, request
from werkzeug.exceptions import BadHost, HTTPException

from moderation.domain.errors import OUTCOMES, InputRefused, ModerationError, NotSignedIn, outcome
from moderation.web.journal import write_unexpected
from moderation.web.request_ids import current_request_id

_AKISMET = re.compile(r"/1\.\d+/")
_PAGES = re.compile(r"/(?:queue(?:/.*)?|docs)?")


@dataclass(frozen=True, slots=True)
class Fault:
    """What went wrong, before it is put into a form. `kind` is a relative URI that tells more."""

    status: int
    title: str
    detail: str
    kind: str = "about:blank"
    faults: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


def install(app: Flask) -> None:
    """Lets every error of the application leave through `answer`."""
    app.register_error_handler(Exception, answer)


def answer(error: Exception) -> Response:
    """The reply to an error, in the form that the door's callers read."""
    fault = describe(error)
    if _AKISMET.match(request.path):
        return _line(fault)
    if _PAGES.fullmatch(request.path) and not isinstance(error, BadHost):  # a page links to the host it was asked of
        return _page(fault)
    return _problem(fault)


def describe(error: Exception) -> Fault:
    """What to tell of an error; one that nobody expected is logged here."""
    if isinstance(error, ModerationError):
        return _of_the_house(error)
    if isinstance(error, HTTPException):
        return _of_http(error)
    write_unexpected(error)
    phrase = HTTPStatus.INTERNAL_SERVER_ERROR.phrase
    return Fault(500, phrase, "Something went wrong here; the log has it under this request id.")


def kind_of(error: type[ModerationError]) -> str:
    """The problem type of an error class: `InputRefused` -> `/docs#input-refused`."""
    return "/docs#" + re.sub(r"(?<!^)(?=[A-Z])", "-", error.__name__).lower()


def problem_body(fault: Fault) -> dict[str, Any]:
    """The members of the problem, without the request's own."""
    body: dict[str, Any] = {
        "type": fault.kind,
        "title": fault.title,
        "status": fault.status,
        "detail": fault.detail,
    }
    if fault.faults:
        body["errors"] = [{"pointer": pointer, "detail": detail} for pointer, detail in fault.faults]
    return body


def _of_the_house(error: ModerationError) -> Fault:
    row = outcome(error)
    kind = next(ancestor for ancestor in type(error).__mro__ if ancestor in OUTCOMES)
    faults = error.faults if isinstance(error, InputRefused) else ()
    headers: dict[str, str] = {}
    if isinstance(error, NotSignedIn):
        headers["WWW-Authenticate"] = 'Bearer realm="moderation"'
    if row.status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = "5"
    return Fault(row.status, row.title, str(error), kind_of(kind), faults, headers)


def _of_http(error: HTTPException) -> Fault:
    status = HTTPStatus(error.code or 500)
    kept = {
        name: value
        for name, value in error.get_headers(request.environ)
        if name.lower() not in ("content-type", "content-length")
    }
    return Fault(status.value, status.phrase, error.description or status.description, headers=kept)


def _problem(fault: Fault) -> Response:
    body = problem_body(fault) | {"instance": request.path, "request_id": current_request_id()}
    return _reply(fault, json.dumps(body), "application/problem+json")


def _page(fault: Fault) -> Response:
    page = render_template("error.html", fault=fault, request_id=current_request_id())
    return _reply(fault, page, "text/html; charset=utf-8")


def _line(fault: Fault) -> Response:
    return _reply(fault, fault.title, "text/plain; charset=utf-8")


def _reply(fault: Fault, body: str, content_type: str) -> Response:
    response = Response(body, status=fault.status, content_type=content_type)
    response.headers.extend(fault.headers)
    return response
