"""docs/http.md is kept complete by this test."""

import re
from pathlib import Path

import pytest
from flask import Flask

from moderation.actions.desk import Desk
from moderation.settings import Settings
from moderation.web.app import create_app

PAGE = Path(__file__).parents[2] / "docs" / "http.md"


def test_every_route_is_documented(app: Flask) -> None:
    """A route that docs/http.md does not name would be one that nobody can find."""
    page = PAGE.read_text(encoding="utf-8")
    for rule in app.url_map.iter_rules():
        named = re.sub(r"<(?:[^:<>]+:)?(\w+)>", r"<\1>", rule.rule)
        assert re.search(rf"{re.escape(named)}[`?]", page), f"{named} is not in docs/http.md"


@pytest.mark.parametrize("meter", ["moderation_decisions", "moderation_scoring_seconds", "moderation_held_items"])
def test_meters_are_documented(desk: Desk, settings: Settings, meter: str) -> None:
    """Each meter of `/metrics` is named, and is there."""
    exposition = create_app(desk, settings).test_client().get("/metrics").text
    assert meter in exposition and meter in PAGE.read_text(encoding="utf-8")
