"""The strangers of the benchmark call each route that reads a body."""

import re

from flask import Flask

from benchmarks.strangers import POST_ROUTES
from moderation.actions.services import Services
from moderation.settings import Settings
from moderation.web.app import create_app


def _routes(app: Flask) -> set[str]:
    rules = (rule for rule in app.url_map.iter_rules() if rule.methods and "POST" in rule.methods)
    return {re.sub("<[^>]+>", "1", rule.rule) for rule in rules}


def test_no_post_route_is_left_out(services: Services, settings: Settings) -> None:
    """A new route is attacked too."""
    assert set(POST_ROUTES) == _routes(create_app(services, settings))
