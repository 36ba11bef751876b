"""Logs as JSON lines on standard error, by the standard library's logging."""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from time import perf_counter

from flask import Flask, Response, g, has_request_context, request

from moderation.web.requests import current_request_id

_STANDARD_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}

MAX_FIELD_LENGTH = 10_000
"""Code points of one field of a record: an error of a library may quote the whole input."""

access_logger = logging.getLogger("moderation.access")


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object: time, level, event, logger, request id, extra fields and the trace."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line in ASCII."""
        entry: dict[str, object] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "logger": record.name,
        }
        if has_request_context():
            entry["request_id"] = current_request_id()
        reserved = _STANDARD_ATTRIBUTES | entry.keys()
        entry |= {name: value for name, value in vars(record).items() if name not in reserved}
        if record.exc_info and record.exc_info[1]:
            entry["exception"] = "".join(traceback.format_exception(record.exc_info[1]))
        return json.dumps({name: _cut(value) for name, value in entry.items()}, default=str)


def _cut(value: object) -> object:
    if isinstance(value, str) and len(value) > MAX_FIELD_LENGTH:
        half = MAX_FIELD_LENGTH // 2
        # The end of a trace names the error, its beginning the request.
        return f"{value[:half]} […] {value[-half:]}"
    return value


def configure_logging() -> None:
    """Write the process's log as JSON to standard error, the service's own from the level INFO on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("moderation").setLevel(logging.INFO)


def log_requests(app: Flask) -> None:
    """Log each answered request: never its key, text, query or whole path."""
    app.before_request(_start_clock)
    app.after_request(_log_request)


def _start_clock() -> None:
    g.started_at = perf_counter()


def _log_request(response: Response) -> Response:
    fields = {
        "method": request.method,
        "route": request.url_rule.rule if request.url_rule else None,
        "status": response.status_code,
        "milliseconds": round(1000 * (perf_counter() - g.started_at), 2),
    }
    access_logger.info("request", extra=fields)
    return response
