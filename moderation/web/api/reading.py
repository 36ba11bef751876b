"""From the bytes of a request to a checked body, or a refusal that names every culprit."""

import json
from typing import Any, NoReturn, TypeVar

from flask import request
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from moderation.domain.comment import Comment
from moderation.domain.errors import InputRefused
from moderation.web.api.shapes import CommentBody
from moderation.web.bodies import whole_body

Shape = TypeVar("Shape", bound=BaseModel)


def read_body(shape: type[Shape]) -> Shape:
    """The body of the current request as `shape`.

    Raises `UnsupportedMediaType` (415), `BadRequest` (400, not JSON), `InputRefused` (422, not this shape), and what
    `whole_body` raises.
    """
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("Send the body as application/json.")
    return checked(_parse(whole_body(request)), shape)


def checked(value: object, shape: type[Shape], place: str = "") -> Shape:
    """`value` as `shape`; raises `InputRefused` with a JSON pointer, below `place`, for each culprit."""
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        faults = tuple((place + _pointer(fault["loc"]), _sentence(fault)) for fault in error.errors())
    raise InputRefused(_summary(faults), faults)


def comment_of(body: CommentBody) -> Comment:
    """The comment that a body describes."""
    return Comment(**dict(body))


def _parse(raw: bytes) -> object:
    try:
        return json.loads(raw, parse_constant=_refuse_constant, object_pairs_hook=_object)
    except RecursionError:
        raise BadRequest("The body is nested too deeply.") from None
    except json.JSONDecodeError as error:
        raise BadRequest(f"The body is not JSON: {error}.") from None
    except UnicodeDecodeError:
        raise BadRequest("The body is not UTF-8.") from None
    except ValueError as error:
        raise BadRequest(f"The body cannot be read: {error}.") from None


def _refuse_constant(name: str) -> NoReturn:
    raise BadRequest(f"The body is not JSON: {name} is not a number there.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise BadRequest("The body names a member of an object twice; which one counts would be a guess.")
    return found


def _pointer(location: tuple[int | str, ...]) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)


def _sentence(fault: Any) -> str:
    match fault["type"]:
        case "extra_forbidden":
            return "This field is not known."
        case "missing":
            return "This field is required."
        case "model_type" | "model_attributes_type":
            return "This should be an object."
        case _:
            return f"{fault['msg']}."


def _summary(faults: tuple[tuple[str, str], ...]) -> str:
    if len(faults) == 1:
        return "One part of the body cannot be used; `errors` names it."
    return f"{len(faults)} parts of the body cannot be used; `errors` names them."
