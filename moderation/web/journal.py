"""What the service writes of an exception that nobody expected."""

from flask import request

from moderation.actions.journal import write_line
from moderation.web.opened import the_desk
from moderation.web.request_ids import current_request_id


def write_unexpected(error: Exception) -> None:
    """Writes the exception with its trace and the request it came from: not what the request carried."""
    write_line(
        the_desk().clock(),
        "error",
        "unexpected error",
        error=error,
        request_id=current_request_id(),
        method=request.method,
        endpoint=request.endpoint,
    )
