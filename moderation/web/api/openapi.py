"""The OpenAPI 3.1 document: a small table of routes, and the schemas of `shapes`."""

from functools import cache
from http import HTTPStatus
from typing import Any, Literal, NamedTuple

from pydantic import TypeAdapter

from moderation import __version__
from moderation.web.api import shapes

_REF = "#/components/schemas/{model}"
_BODIES = (shapes.CommentBody, shapes.BatchBody, shapes.LabelBody)
_REPLIES = (
    shapes.DecisionReply,
    shapes.StoredDecisionReply,
    shapes.BatchReply,
    shapes.LabelReply,
    shapes.ProblemReply,
    shapes.LiveReply,
    shapes.ReadyReply,
)
_KEYED = (400, 401, 413, 415, 422, 503)


class Operation(NamedTuple):
    """One row of the table. `reply` is a shape's name, a content type, or empty for a reply without body."""

    method: str
    path: str
    name: str
    summary: str
    body: str = ""
    reply: str = ""
    status: int = 200
    problems: tuple[int, ...] = ()
    keyed: bool = True


OPERATIONS = (
    Operation("post", "/v1/score", "score", "Judge one comment.", "CommentBody", "DecisionReply", 200, _KEYED),
    Operation("post", "/v1/score/batch", "scoreBatch", "Judge many comments.", "BatchBody", "BatchReply", 200, _KEYED),
    Operation(
        "get",
        "/v1/decisions/{decision_id}",
        "showDecision",
        "Read a decision again, with its label and its neighbours.",
        reply="StoredDecisionReply",
        problems=(401, 404, 503),
    ),
    Operation(
        "put",
        "/v1/decisions/{decision_id}/label",
        "putLabel",
        "Say what the comment really was.",
        "LabelBody",
        "LabelReply",
        200,
        (400, 401, 404, 413, 415, 422, 503),
    ),
    Operation(
        "delete",
        "/v1/decisions/{decision_id}/label",
        "deleteLabel",
        "Take the label back.",
        status=204,
        problems=(401, 404, 503),
    ),
    Operation("get", "/livez", "livez", "Does the process answer?", reply="LiveReply", keyed=False),
    Operation("get", "/readyz", "readyz", "Can comments be judged and stored?", reply="ReadyReply", keyed=False),
    Operation("get", "/metrics", "metrics", "This worker's meters for Prometheus.", reply="text/plain", keyed=False),
    Operation("get", "/openapi.json", "openapi", "This document.", reply="application/json", keyed=False),
)


@cache
def document() -> dict[str, Any]:
    """The whole document; do not change what is returned."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _described(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Moderation",
            "version": __version__,
            "description": "Tells a blog, before a comment is published, whether it is spam, and why.",
        },
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "The site's key."}},
        },
    }


def _described(operation: Operation) -> dict[str, Any]:
    told: dict[str, Any] = {"operationId": operation.name, "summary": operation.summary}
    if operation.keyed:
        told["security"] = [{"key": []}]
    if "{decision_id}" in operation.path:
        told["parameters"] = [_decision_id()]
    if operation.body:
        told["requestBody"] = {"required": True, "content": _json(operation.body)}
    told["responses"] = _responses(operation)
    return told


def _responses(operation: Operation) -> dict[str, Any]:
    replies = {str(operation.status): _response(operation.status, _content(operation.reply))}
    if operation.name == "readyz":
        replies["503"] = _response(503, _content(operation.reply))
    problem = {"application/problem+json": {"schema": _ref("ProblemReply")}}
    replies |= {str(status): _response(status, problem) for status in operation.problems}
    return replies


def _response(status: int, content: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    return told | {"content": content} if content else told


def _content(reply: str) -> dict[str, Any]:
    if not reply:
        return {}
    if "/" in reply:
        return {reply: {"schema": {"type": "string" if reply == "text/plain" else "object"}}}
    return _json(reply)


def _json(shape: str) -> dict[str, Any]:
    return {"application/json": {"schema": _ref(shape)}}


def _ref(shape: str) -> dict[str, str]:
    return {"$ref": _REF.format(model=shape)}


def _decision_id() -> dict[str, Any]:
    schema = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
    return {"name": "decision_id", "in": "path", "required": True, "schema": schema}


def _schemas() -> dict[str, Any]:
    adapters: list[tuple[str, Literal["validation", "serialization"], TypeAdapter[Any]]] = [
        *((shape.__name__, "validation", TypeAdapter(shape)) for shape in _BODIES),
        *((shape.__name__, "serialization", TypeAdapter(shape)) for shape in _REPLIES),
    ]
    _, found = TypeAdapter.json_schemas(adapters, ref_template=_REF)
    return dict(sorted(found["$defs"].items()))
