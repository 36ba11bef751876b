"""The bytes of a request's body: all of them, or none."""

from flask import Request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge


def whole_body(request: Request) -> bytes:
    """The body of a request.

    Raises `RequestEntityTooLarge` (413), also where the length was not told, and `BadRequest` (400) for a body that was
    broken off: servers that end the stream themselves leave Werkzeug no way to notice either.
    """
    body, told, most = request.get_data(), request.content_length, request.max_content_length
    if told is None and most is not None and len(body) >= most:
        raise RequestEntityTooLarge
    if told is not None and len(body) < told:
        raise BadRequest("The body ended before its announced length.")
    return body
