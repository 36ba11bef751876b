"""The routes of the moderators' door."""

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

from moderation.web.queue.held import held
from moderation.web.queue.places import LARGEST_ID
from moderation.web.queue.resolving import resolve
from moderation.web.queue.session import signed_in_moderator
from moderation.web.queue.sign_in import Entrance, leave

_OPEN_TO_ALL = frozenset({"queue.sign_in", "queue.enter"})


def queue_blueprint() -> Blueprint:
    """Everything under `/queue`."""
    blueprint = Blueprint("queue", __name__, template_folder="templates")
    entrance = Entrance()
    blueprint.add_url_rule("/queue", "held", held)
    blueprint.add_url_rule(f"/queue/<int(max={LARGEST_ID}):item>/resolve", "resolve", resolve, methods=["POST"])
    blueprint.add_url_rule("/queue/sign-in", "sign_in", entrance.show)
    blueprint.add_url_rule("/queue/sign-in", "enter", entrance.enter, methods=["POST"])
    blueprint.add_url_rule("/queue/sign-out", "sign_out", leave, methods=["POST"])
    blueprint.before_request(_require_moderator)
    blueprint.context_processor(_moderator_for_templates)
    return blueprint


def _require_moderator() -> Response | None:
    if request.endpoint in _OPEN_TO_ALL or signed_in_moderator() is not None:
        return None
    return redirect(url_for("queue.sign_in", next=_address() if request.method == "GET" else None), 303)


def _address() -> str:
    """Path and query as they were sent, whatever their bytes; werkzeug's `full_path` refuses some."""
    query = request.query_string.decode("latin-1")
    return f"{request.path}?{query}" if query else request.path


def _moderator_for_templates() -> dict[str, object]:
    return {"moderator": signed_in_moderator()}
