"""The OpenAPI document and its page."""

import re
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # ships no types
from openapi_spec_validator import OpenAPIV31SpecValidator

from moderation.domain.comment import COMMENT_FIELDS
from tests.web.conftest import Blog


def document(client: FlaskClient) -> dict[str, Any]:
    reply = client.get("/openapi.json")
    assert reply.content_type == "application/json"
    told: dict[str, Any] = reply.get_json()
    return told


def conforms(told: dict[str, Any], shape: str, value: object) -> None:
    Draft202012Validator({"$ref": f"#/components/schemas/{shape}", "components": told["components"]}).validate(value)


def test_the_document_is_valid_openapi_3_1(client: FlaskClient) -> None:
    """By the specification's own schema."""
    told = document(client)
    assert told["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(told).validate()


def test_every_route_of_our_door_is_in_the_document(app: Flask, client: FlaskClient) -> None:
    """Path and method; nothing that is not served is there either."""
    listed = {(path, method.upper()) for path, row in document(client)["paths"].items() for method in row}
    served = {
        (re.sub(r"<(\w+)>", r"{\1}", rule.rule), method)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert listed <= served
    assert {route for route in served if route[0].startswith("/v1/")} <= listed


def test_the_fields_of_a_comment_are_the_domain_s(client: FlaskClient) -> None:
    """The schema knows each field of a comment and no other, and allows nothing else."""
    schema = document(client)["components"]["schemas"]["CommentBody"]
    assert tuple(schema["properties"]) == COMMENT_FIELDS
    assert schema["required"] == ["text"] and schema["additionalProperties"] is False


def test_answers_are_as_the_document_says(client: FlaskClient, blog: Blog) -> None:
    """Decisions, batches, labels, problems and health conform to their schemas."""
    told = document(client)
    decision = blog.score("Cheap watches at http://watches.example/", author="Watches")
    conforms(told, "DecisionReply", decision)
    label = blog.call("PUT", f"/v1/decisions/{decision['id']}/label", {"label": "spam"}).get_json()
    conforms(told, "LabelReply", label)
    again = blog.score("Cheap watches at http://watches.example/", author="Watches")
    stored = blog.call("GET", f"/v1/decisions/{again['id']}").get_json()
    assert stored["neighbours"]
    conforms(told, "StoredDecisionReply", stored)
    batch = blog.call("POST", "/v1/score/batch", {"comments": [{"text": "x"}, {}]}).get_json()
    conforms(told, "BatchReply", batch)
    conforms(told, "ProblemReply", blog.call("POST", "/v1/score", {"txet": ""}).get_json(force=True))
    conforms(told, "LiveReply", client.get("/livez").get_json())
    conforms(told, "ReadyReply", client.get("/readyz").get_json())


def test_the_page_shows_every_operation_from_our_own_host(client: FlaskClient) -> None:
    """No script, no other host; the anchors that problem types point to are there."""
    page = client.get("/docs").text
    for path in document(client)["paths"]:
        assert path in page
    assert "<script" not in page and "http://" not in page and "https://" not in page
    assert 'id="input-refused"' in page and 'id="not-signed-in"' in page
