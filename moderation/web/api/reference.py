"""`/openapi.json`, and `/docs`: the same document as a page that needs no script and no other host."""

import inspect
import json
from typing import Any

from flask import Response, jsonify, render_template

from moderation.domain.errors import OUTCOMES
from moderation.web.api.openapi import document
from moderation.web.errors import kind_of


def openapi_json() -> Response:
    """The OpenAPI 3.1 document."""
    return jsonify(document())


def reference_page() -> str:
    """The document for people."""
    told = document()
    return render_template("api/reference.html", document=told, schemas=_schemas(told), problems=_problems())


def _schemas(told: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Of each schema its name, its description and the rest as JSON."""
    rows = []
    for name, schema in told["components"]["schemas"].items():
        rest = {key: value for key, value in schema.items() if key not in ("description", "title")}
        rows.append((name, schema.get("description", ""), json.dumps(rest, indent=2)))
    return rows


def _problems() -> list[dict[str, Any]]:
    """Of each problem type its anchor, status, title and meaning."""
    return [
        {
            "anchor": kind_of(error).partition("#")[2],
            "status": row.status,
            "title": row.title,
            "meaning": (inspect.getdoc(error) or "").partition("\n")[0],
        }
        for error, row in OUTCOMES.items()
    ]
