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
    response = client.get("/openapi.json")
    assert response.content_type == "application/json"
    spec: dict[str, Any] = response.get_json()
    return spec


def assert_conforms(spec: dict[str, Any], schema: str, value: object) -> None:
    Draft202012Validator({"$ref": f"#/components/schemas/{schema}", "components": spec["components"]}).validate(value)


def test_the_document_is_valid_openapi_3_1(client: FlaskClient) -> None:
    """It is valid by the specification's schema."""
    spec = document(client)
    assert spec["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(spec).validate()


def test_every_route_under_v1_is_in_the_document(app: Flask, client: FlaskClient) -> None:
    """Path and method; and the document has no route that is not served."""
    listed = {(path, method.upper()) for path, row in document(client)["paths"].items() for method in row}
    served = {
        (re.sub(r"<(\w+)>", r"{\1}", rule.rule), method)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert listed <= served
    assert {route for route in served if route[0].startswith("/v1/")} <= listed


def test_the_fields_of_a_comment_are_the_domain_s(client: FlaskClient) -> None:
    """The schema has exactly the fields of a comment, and forbids others."""
    schema = document(client)["components"]["schemas"]["CommentRequest"]
    assert tuple(schema["properties"]) == COMMENT_FIELDS
    assert schema["required"] == ["text"] and schema["additionalProperties"] is False


def test_answers_are_as_the_document_says(client: FlaskClient, blog: Blog) -> None:
    """Decisions, batches, labels, problems and health conform to their schemas."""
    spec = document(client)
    decision = blog.score("Cheap watches at http://watches.example/", author="Watches")
    assert_conforms(spec, "DecisionResponse", decision)
    label = blog.call("PUT", f"/v1/decisions/{decision['id']}/label", {"label": "spam"}).get_json()
    assert_conforms(spec, "LabelResponse", label)
    again = blog.score("Cheap watches at http://watches.example/", author="Watches")
    stored = blog.call("GET", f"/v1/decisions/{again['id']}").get_json()
    assert stored["similar_comments"]
    assert_conforms(spec, "StoredDecisionResponse", stored)
    batch = blog.call("POST", "/v1/score/batch", {"comments": [{"text": "x"}, {}]}).get_json()
    assert_conforms(spec, "BatchResponse", batch)
    assert_conforms(spec, "ProblemResponse", blog.call("POST", "/v1/score", {"txet": ""}).get_json(force=True))
    assert_conforms(spec, "LivenessResponse", client.get("/livez").get_json())
    assert_conforms(spec, "ReadinessResponse", client.get("/readyz").get_json())


def test_every_refusal_of_a_body_is_in_the_document(client: FlaskClient) -> None:
    """Those of the front, which no request of schemathesis meets, are there too: too late, too large, too many."""
    refusals = {"400", "401", "408", "413", "415", "422", "429", "503"}
    operations = [operation for row in document(client)["paths"].values() for operation in row.values()]
    with_body = [operation["responses"].keys() for operation in operations if "requestBody" in operation]
    assert len(with_body) == 7 and all(refusals <= statuses for statuses in with_body)


def test_the_page_shows_every_operation_without_other_hosts(client: FlaskClient) -> None:
    """No script, no other host; it has the anchors of the problem types."""
    page = client.get("/docs").text
    for path in document(client)["paths"]:
        assert path in page
    assert "<script" not in page and "http://" not in page and "https://" not in page
    assert 'id="invalid-input"' in page and 'id="authentication-failed"' in page
