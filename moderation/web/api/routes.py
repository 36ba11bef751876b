"""The routes of our own door."""

from flask import Blueprint

from moderation.web.api.decisions import delete_label, put_label, show_decision
from moderation.web.api.reference import openapi_json, reference_page
from moderation.web.api.score import score, score_batch


def api_blueprint() -> Blueprint:
    """Everything under `/v1`, `/openapi.json` and `/docs`."""
    blueprint = Blueprint("api", __name__, template_folder="templates")
    blueprint.add_url_rule("/v1/score", view_func=score, methods=["POST"])
    blueprint.add_url_rule("/v1/score/batch", view_func=score_batch, methods=["POST"])
    blueprint.add_url_rule("/v1/decisions/<decision_id>", view_func=show_decision)
    blueprint.add_url_rule("/v1/decisions/<decision_id>/label", view_func=put_label, methods=["PUT"])
    blueprint.add_url_rule("/v1/decisions/<decision_id>/label", view_func=delete_label, methods=["DELETE"])
    blueprint.add_url_rule("/openapi.json", view_func=openapi_json)
    blueprint.add_url_rule("/docs", view_func=reference_page)
    return blueprint
