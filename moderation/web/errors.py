"""Error responses: a JSON problem (RFC 9457) for programs, a page for people, a line of text for Akismet clients.

An unexpected exception is logged with its trace and answered as 500 without detail.
"""

import logging
import re
from collections.abc import Mapping
from http import HTTPStatus
from time import monotonic
from typing import NamedTuple

from flask import Flask, Response, render_template, request
from werkzeug.exceptions import BadHost, HTTPException

from moderation.domain.errors import (
    ERROR_MAPPINGS,
    MAX_MESSAGE_LENGTH,
    AuthenticationFailed,
    InvalidInput,
    ModerationError,
    error_mapping,
)
from moderation.domain.invisible import quoted
from moderation.web.akismet.responses import DEBUG_HELP_HEADER
from moderation.web.api.schemas import FieldErrorResponse, ProblemResponse
from moderation.web.requests import app_state, current_request_id

logger = logging.getLogger(__name__)

LOG_PAUSE_SECONDS = 10.0
"""Time for which a process logs no second 503 of the same kind: an outage must not fill the disk with its log."""
_next_logs: dict[str, float] = {}
_AKISMET_PATHS = re.compile(r"/1\.\d+/")
_HTML_PATHS = re.compile(r"/(?:queue(?:/.*)?|privacy/.*|docs)?")


class Problem(NamedTuple):
    """An error before it is rendered for a channel."""

    body: ProblemResponse
    headers: Mapping[str, str]


def init_app(app: Flask) -> None:
    """Render every error of the application with `error_response`."""
    app.register_error_handler(Exception, error_response)


def error_response(error: Exception) -> Response:
    """Return the response to an error, in the format of the channel."""
    problem = to_problem(error)
    if _AKISMET_PATHS.match(request.path):
        # A client that reads everything but `false` as spam looks for this header first.
        headers = {**problem.headers, DEBUG_HELP_HEADER: problem.body.title}
        return _to_response(Problem(problem.body, headers), problem.body.title, "text/plain; charset=utf-8")
    # A page links to the host of the request, so a request without a valid host gets JSON.
    is_page = _HTML_PATHS.fullmatch(request.path) and request.accept_mimetypes.best != "application/json"
    if is_page and not isinstance(error, BadHost):
        page = render_template("error.html", problem=problem.body, request_id=current_request_id())
        return _to_response(problem, page, "text/html; charset=utf-8")
    body = problem.body.model_copy(
        update={"instance": quoted(request.script_root + request.path), "request_id": current_request_id()}
    )
    return _to_response(problem, body.model_dump_json(ensure_ascii=True), "application/problem+json")


def to_problem(error: Exception) -> Problem:
    """Return the problem for an error. An unexpected error is logged."""
    if isinstance(error, ModerationError):
        if error_mapping(error).status == HTTPStatus.SERVICE_UNAVAILABLE:
            _report_unavailable(error)
        return _from_moderation_error(error)
    if isinstance(error, HTTPException):
        return _from_http_exception(error)
    logger.error("unexpected error", exc_info=error, extra={"method": request.method, "endpoint": request.endpoint})
    title, detail = HTTPStatus.INTERNAL_SERVER_ERROR.phrase, "Unexpected error; the log has it under this request id."
    return Problem(ProblemResponse(title=title, status=500, detail=detail), {})


def problem_type(error: type[ModerationError]) -> str:
    """Return the problem type of an error class: `InvalidInput` -> `/docs#invalid-input`."""
    return "/docs#" + re.sub(r"(?<!^)(?=[A-Z])", "-", error.__name__).lower()


def _report_unavailable(error: ModerationError) -> None:
    """Count a request that is answered with 503, and log the first one in `LOG_PAUSE_SECONDS`."""
    kind = type(error).__name__
    app_state().metrics.unavailable.labels(kind).inc()
    if monotonic() >= _next_logs.get(kind, 0.0):
        _next_logs[kind] = monotonic() + LOG_PAUSE_SECONDS
        logger.warning("unavailable", extra={"error": kind, "problem": str(error), "endpoint": request.endpoint})


def _from_moderation_error(error: ModerationError) -> Problem:
    mapping = error_mapping(error)
    headers: dict[str, str] = {}
    if isinstance(error, AuthenticationFailed):
        headers["WWW-Authenticate"] = 'Bearer realm="moderation"'
    if mapping.status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = "5"
    errors = error.errors if isinstance(error, InvalidInput) else ()
    body = ProblemResponse(
        type=request.script_root
        + problem_type(next(ancestor for ancestor in type(error).__mro__ if ancestor in ERROR_MAPPINGS)),
        title=mapping.title,
        status=mapping.status,
        detail=str(error),
        errors=[FieldErrorResponse(pointer=pointer, detail=detail) for pointer, detail in errors],
    )
    return Problem(body, headers)


def _from_http_exception(error: HTTPException) -> Problem:
    status = HTTPStatus(error.code or 500)
    headers = {
        name: value
        for name, value in error.get_headers(request.environ)
        if name.lower() not in ("content-type", "content-length")
    }
    detail = quoted(error.description or status.description, MAX_MESSAGE_LENGTH)
    return Problem(ProblemResponse(title=status.phrase, status=status.value, detail=detail), headers)


def _to_response(problem: Problem, body: str, content_type: str) -> Response:
    response = Response(body, status=problem.body.status, content_type=content_type)
    response.headers.extend(problem.headers)
    return response
