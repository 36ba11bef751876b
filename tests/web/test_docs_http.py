"""Every route and metric is documented in docs/http.md, and on the pages that are generated for the site."""

import re
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient

from docs.site.reference import api_page, metrics_page, routes_page
from moderation.web.api.openapi import document

PAGE = Path(__file__).parents[2] / "docs" / "http.md"


def test_every_route_is_documented(app: Flask) -> None:
    """Each route of the application is named, with its parameters."""
    page = PAGE.read_text(encoding="utf-8")
    for rule in app.url_map.iter_rules():
        named = re.sub(r"<(?:[^:<>]+:)?(\w+)>", r"<\1>", rule.rule)
        named = re.sub(r"^/static/[0-9a-f]+/", "/static/<digest>/", named)
        assert re.search(rf"{re.escape(named)}[`?]", page), f"{named} is not in docs/http.md"


def test_every_metric_is_documented(client: FlaskClient) -> None:
    """The page has the name of each metric of `/metrics`."""
    page = PAGE.read_text(encoding="utf-8")
    names = re.findall(r"^# TYPE (\w+) ", client.get("/metrics").text, re.MULTILINE)
    documented = [name for name in names if name.removesuffix("_created") in page]
    assert names and documented == names


def test_the_generated_pages_are_complete(app: Flask, client: FlaskClient) -> None:
    """The site's reference has each rule with the sentence of its view, and each metric with its own."""
    routes, metrics = routes_page(app), metrics_page(app)
    assert "| `POST /v1/score` | Judge one comment and store the decision before it is answered. |" in routes
    assert routes.count("\n| `") == len(list(app.url_map.iter_rules()))
    names = re.findall(r"^# TYPE (\w+) ", client.get("/metrics").text, re.MULTILINE)
    assert re.findall(r"^\| `(\w+)`", metrics, re.M) == sorted(name for name in names if not name.endswith("_created"))
    assert "| `moderation_held_items` | gauge | Decisions that wait for a person. |" in metrics


def test_the_generated_schemas_are_complete() -> None:
    """Each operation and schema has a heading, and each reference leads to one."""
    page, spec = api_page(), document()
    headings = re.findall(r"^### (.+)$", page, re.MULTILINE)
    operations = [f"{method.upper()} {path}" for path, methods in spec["paths"].items() for method in methods]
    assert headings == [*operations, *spec["components"]["schemas"]]
    anchors = {heading.lower() for heading in headings}
    assert set(re.findall(r"\]\(#(\w+)\)", page)) <= anchors
    assert "| `text` | string, required | The comment itself, markup and all. May be empty. |" in page
