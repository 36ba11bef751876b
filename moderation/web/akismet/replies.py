"""The exact replies: clients compare them byte by byte, so none ends in a newline."""

import json
import uuid
from collections.abc import Mapping, Sequence

from flask import Response, request

from moderation.domain.errors import InputRefused, NotSignedIn

GUID = "X-akismet-guid"
DEBUG_HELP = "X-akismet-debug-help"
THANKS = "Thanks for making the web a better place."

_COMMENT_CHECK = "/1.1/comment-check"


def reply(body: str, **headers: str) -> Response:
    """A 200 of `body`; underscores in the names of `headers` stand for hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(body, headers=named, content_type="text/plain; charset=utf-8")


def json_reply(content: Mapping[str, object] | Sequence[object]) -> Response:
    """A 200 of `content` in JSON."""
    return Response(json.dumps(content), content_type="application/json")


def invalid(help_text: str) -> Response:
    """The reply to a bad key or blog. The debug help is what lets clients tell it from a verdict."""
    return reply("invalid", X_akismet_debug_help=help_text)


def answer_bad_key(_: NotSignedIn) -> Response:
    """A key that is missing, unknown or retired."""
    return invalid("Invalid API key")


def answer_bad_parameter(error: InputRefused) -> Response:
    """A parameter that is missing: the sentence is the body."""
    response = reply(str(error))
    if error.faults:
        response.headers[DEBUG_HELP] = error.faults[0][1]
    return response


def ensure_guid(response: Response) -> Response:
    """Gives every reply of comment-check a guid, errors included.

    Without one the WordPress plugin cannot match the reply with the comment, and publishes it whatever we said.
    """
    if request.path == _COMMENT_CHECK and GUID not in response.headers:
        response.headers[GUID] = uuid.uuid4().hex
    return response
