"""Names each request, so that an answer and a log line can be brought together."""

import re
import uuid

from flask import Flask, Response, g, request

_USABLE = re.compile(r"[A-Za-z0-9._:-]{1,64}")


def install(app: Flask) -> None:
    """Echoes a usable `X-Request-Id`, or makes one, on every reply."""
    app.before_request(request_id)
    app.after_request(_echo)


def request_id() -> None:
    """Settles the id of the current request."""
    sent = request.headers.get("X-Request-Id", "")
    g.request_id = sent if _USABLE.fullmatch(sent) else uuid.uuid4().hex


def current_request_id() -> str:
    """The id of the current request."""
    if "request_id" not in g:
        request_id()
    return str(g.request_id)


def _echo(response: Response) -> Response:
    response.headers["X-Request-Id"] = current_request_id()
    return response
