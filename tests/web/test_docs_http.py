"""Every route and metric is documented in docs/http.md."""

import re
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient

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
