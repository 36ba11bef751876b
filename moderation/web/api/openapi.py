"""`/openapi.json` and `/docs`: the OpenAPI 3.1 document, and the same as a page without script."""

import inspect
import json
from functools import cache
from http import HTTPStatus
from typing import Any, NamedTuple

from flask import Response, jsonify, render_template, request
from pydantic.json_schema import models_json_schema

from moderation import __version__
from moderation.domain.errors import ERROR_MAPPINGS
from moderation.web.api import author_schemas, health_schemas, privacy_schemas, schemas
from moderation.web.errors import problem_type
from moderation.web.requests import IDEMPOTENCY_KEY, IDEMPOTENCY_KEY_PATTERN

_REF_TEMPLATE = "#/components/schemas/{model}"
_REQUESTS = (
    schemas.ScoreRequest,
    schemas.CommentRequest,
    schemas.BatchRequest,
    schemas.LabelRequest,
    schemas.RemovalRequest,
    author_schemas.AuthorRuleRequest,
    privacy_schemas.PersonRequest,
)
_RESPONSES = (
    schemas.DecisionResponse,
    schemas.StoredDecisionResponse,
    schemas.BatchResponse,
    schemas.LabelResponse,
    author_schemas.AuthorRuleResponse,
    privacy_schemas.ReceiptResponse,
    schemas.ProblemResponse,
    health_schemas.LivenessResponse,
    health_schemas.ReadinessResponse,
)
_SCORE_ERRORS = (400, 401, 403, 408, 413, 415, 422, 429, 503)
_PERSON_ERRORS = (400, 401, 403, 408, 413, 415, 422, 429, 503)
_RETRY_LATER = (429, 503)


class Operation(NamedTuple):
    """One operation. `response` is the name of a schema, a content type, or empty for a response without body.

    An operation that `may_be_empty` answers 204 where there is nothing left to show.
    """

    method: str
    path: str
    name: str
    summary: str
    body: str = ""
    response: str = ""
    status: int = 200
    error_statuses: tuple[int, ...] = ()
    needs_key: bool = True
    may_be_empty: bool = False


OPERATIONS = (
    Operation(
        "post", "/v1/score", "score", "Judge one comment.", "ScoreRequest", "DecisionResponse", 200, _SCORE_ERRORS
    ),
    Operation(
        "post",
        "/v1/score/batch",
        "scoreBatch",
        "Judge many comments.",
        "BatchRequest",
        "BatchResponse",
        200,
        _SCORE_ERRORS,
    ),
    Operation(
        "get",
        "/v1/decisions/{decision_id}",
        "getDecision",
        "Read a decision with its label, similar comments and an opinion.",
        response="StoredDecisionResponse",
        error_statuses=(401, 403, 404, 429, 503),
    ),
    Operation(
        "put",
        "/v1/decisions/{decision_id}/label",
        "putLabel",
        "Label the comment ham or spam.",
        "LabelRequest",
        "LabelResponse",
        200,
        (400, 401, 403, 404, 408, 413, 415, 422, 429, 503),
    ),
    Operation(
        "delete",
        "/v1/decisions/{decision_id}/label",
        "deleteLabel",
        "Forget the label, or take a removal back.",
        status=204,
        error_statuses=(401, 403, 404, 429, 503),
    ),
    Operation(
        "put",
        "/v1/decisions/{decision_id}/removal",
        "putRemoval",
        "Remove the comment without a lesson.",
        "RemovalRequest",
        "LabelResponse",
        200,
        (400, 401, 403, 404, 408, 413, 415, 422, 429, 503),
    ),
    Operation(
        "put",
        "/v1/author-rules",
        "putAuthorRule",
        "Trust or block an author, or forget that.",
        "AuthorRuleRequest",
        "AuthorRuleResponse",
        200,
        (400, 401, 403, 408, 413, 415, 422, 429, 503),
        may_be_empty=True,
    ),
    Operation(
        "post",
        "/v1/privacy/export",
        "exportPerson",
        "All that is stored about a person, as JSON Lines.",
        "PersonRequest",
        "application/x-ndjson",
        200,
        _PERSON_ERRORS,
    ),
    Operation(
        "post",
        "/v1/privacy/erasure",
        "erasePerson",
        "Erase all that is stored about a person.",
        "PersonRequest",
        "ReceiptResponse",
        200,
        _PERSON_ERRORS,
    ),
    Operation("get", "/livez", "livez", "Does the process answer?", response="LivenessResponse", needs_key=False),
    Operation(
        "get", "/readyz", "readyz", "Can comments be judged and stored?", response="ReadinessResponse", needs_key=False
    ),
    Operation("get", "/metrics", "metrics", "Metrics for Prometheus.", response="text/plain", needs_key=False),
    Operation("get", "/openapi.json", "openapi", "This document.", response="application/json", needs_key=False),
)


def openapi_json() -> Response:
    """Return the OpenAPI document, with the path prefix of a proxy."""
    return jsonify(document() | {"servers": [{"url": request.script_root or "/"}]})


def docs_page() -> str:
    """Return the OpenAPI document as a page."""
    spec = document()
    return render_template("api/docs.html", document=spec, schemas=_schema_rows(spec), problems=_problem_rows())


@cache
def document() -> dict[str, Any]:
    """Build the OpenAPI document once. Callers must not change it."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _operation_object(operation)
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
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "The site's key, or a token."}
            },
        },
    }


def _schema_rows(spec: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return name, description and JSON of each schema."""
    rows = []
    for name, schema in spec["components"]["schemas"].items():
        rest = {key: value for key, value in schema.items() if key not in ("description", "title")}
        rows.append((name, schema.get("description", ""), json.dumps(rest, indent=2)))
    return rows


def _problem_rows() -> list[dict[str, Any]]:
    """Return anchor, status, title and meaning of each problem type."""
    return [
        {
            "anchor": problem_type(error).partition("#")[2],
            "status": mapping.status,
            "title": mapping.title,
            "meaning": (inspect.getdoc(error) or "").partition("\n")[0],
        }
        for error, mapping in ERROR_MAPPINGS.items()
    ]


def _operation_object(operation: Operation) -> dict[str, Any]:
    spec: dict[str, Any] = {"operationId": operation.name, "summary": operation.summary}
    if operation.needs_key:
        spec["security"] = [{"key": []}]
    parameters = []
    if "{decision_id}" in operation.path:
        parameters.append(_parameter("path", "decision_id", {"type": "string", "pattern": "^[0-9a-f]{32}$"}))
    if operation.path.startswith("/v1/score"):
        parameters.append(_parameter("query", "spans", {"type": "boolean", "default": False}))
        pattern = f'^("{IDEMPOTENCY_KEY_PATTERN}"|{IDEMPOTENCY_KEY_PATTERN})$'
        key = _parameter("header", IDEMPOTENCY_KEY, {"type": "string", "pattern": pattern})
        parameters.append(key | {"description": "Names the request: a retry with the same key has the same answer."})
    if parameters:
        spec["parameters"] = parameters
    if operation.body:
        spec["requestBody"] = {"required": True, "content": _json_content(operation.body)}
    spec["responses"] = _responses(operation)
    return spec


def _parameter(place: str, name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": place, "required": place == "path", "schema": schema}


def _responses(operation: Operation) -> dict[str, Any]:
    responses = {str(operation.status): _response_object(operation.status, _content(operation.response))}
    if operation.name == "readyz":
        responses["503"] = _response_object(503, _content(operation.response))
    if operation.may_be_empty:
        responses["204"] = _response_object(204, {})
    problem = {"application/problem+json": {"schema": _ref("ProblemResponse")}}
    responses |= {str(status): _response_object(status, problem) for status in operation.error_statuses}
    return responses


def _response_object(status: int, content: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if status in _RETRY_LATER:
        spec["headers"] = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
    return spec | {"content": content} if content else spec


def _content(response: str) -> dict[str, Any]:
    if not response:
        return {}
    if "/" in response:
        return {response: {"schema": {"type": "string" if response == "text/plain" else "object"}}}
    return _json_content(response)


def _json_content(schema: str) -> dict[str, Any]:
    return {"application/json": {"schema": _ref(schema)}}


def _ref(schema: str) -> dict[str, str]:
    return {"$ref": _REF_TEMPLATE.format(model=schema)}


def _schemas() -> dict[str, Any]:
    _, definitions = models_json_schema(
        [*((schema, "validation") for schema in _REQUESTS), *((schema, "serialization") for schema in _RESPONSES)],
        ref_template=_REF_TEMPLATE,
    )
    return dict(sorted(definitions["$defs"].items()))
