"""The exact responses of the protocol. Clients compare them byte by byte, so none ends in a newline."""

import json
import uuid
from collections.abc import Mapping, Sequence

from flask import Response

from moderation.domain.errors import AuthenticationFailed, InvalidInput

COMMENT_CHECK_PATH = "/1.1/comment-check"
DEBUG_HELP_HEADER = "X-akismet-debug-help"
GUID_HEADER = "X-akismet-guid"
SUBMIT_BODY = "Thanks for making the web a better place."


def text_response(body: str, **headers: str) -> Response:
    """Return a 200 with a text body. Underscores in the names of `headers` stand for hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(body, headers=named, content_type="text/plain; charset=utf-8")


def json_response(content: Mapping[str, object] | Sequence[object]) -> Response:
    """Return a 200 with `content` as JSON."""
    return Response(json.dumps(content), content_type="application/json")


def invalid_response(debug_help: str) -> Response:
    """Return the response to an invalid key or blog. The debug help distinguishes it from a verdict."""
    return text_response("invalid", X_akismet_debug_help=debug_help)


def invalid_key_response(_: AuthenticationFailed) -> Response:
    """Return the response to a key that is missing, unknown or retired."""
    return invalid_response("Invalid API key")


def invalid_parameter_response(error: InvalidInput) -> Response:
    """Return the response to a missing parameter: the message is the body."""
    headers = {"X_akismet_debug_help": error.errors[0][1]} if error.errors else {}
    return text_response(str(error), **headers)


def ensure_guid(response: Response) -> None:
    """Add a guid to a response of comment-check that has none, such as an error.

    Without a guid the WordPress plugin cannot match the response with the comment, and publishes the comment.
    """
    if GUID_HEADER not in response.headers:
        response.headers[GUID_HEADER] = uuid.uuid4().hex
