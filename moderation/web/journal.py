"""What the service writes about itself: one JSON line on standard error for each exception that nobody expected."""

import sys

from flask import request

from moderation.web.request_ids import current_request_id


def write_unexpected(error: Exception) -> None:
    """Writes the exception with its trace and the request it came from: not what the request carried."""
    # Imported here: structlog brings rich with it, several megabytes a worker, and most workers never log.
    import structlog

    logger = structlog.wrap_logger(
        structlog.WriteLogger(sys.stderr),
        # Spelled out: the default writes every local variable, and those hold comments and keys.
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
    )
    logger.error(
        "unexpected error",
        request_id=current_request_id(),
        method=request.method,
        endpoint=request.endpoint,
        exc_info=error,
    )
