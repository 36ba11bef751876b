"""Whether the process lives, whether it can serve, and what it has counted."""

from flask import Blueprint, Response, jsonify
from prometheus_client import CONTENT_TYPE_LATEST

from moderation.actions.readiness import Check, readiness
from moderation.web.opened import opened, the_desk


def health_blueprint() -> Blueprint:
    """`/livez`, `/readyz` and `/metrics`."""
    blueprint = Blueprint("health", __name__)
    blueprint.add_url_rule("/livez", view_func=livez)
    blueprint.add_url_rule("/readyz", view_func=readyz)
    blueprint.add_url_rule("/metrics", view_func=metrics)
    return blueprint


def livez() -> Response:
    """The process answers."""
    return jsonify(alive=True)


def readyz() -> Response:
    """200 when comments can be judged and stored, else 503; each check with what is wrong."""
    checks = readiness(the_desk())
    response = jsonify(ready=all(check.ready for check in checks), checks={c.name: _told(c) for c in checks})
    response.status_code = 200 if all(check.ready for check in checks) else 503
    return response


def metrics() -> Response:
    """This worker's meters in Prometheus' text format."""
    parts = opened()
    return Response(parts.meters.exposition(parts.desk), content_type=CONTENT_TYPE_LATEST)


def _told(check: Check) -> dict[str, bool | str | None]:
    return {"ready": check.ready, "detail": check.detail}
