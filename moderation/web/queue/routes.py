"""The routes of the moderators' door."""

from flask import Blueprint, redirect, request, url_for
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response

from moderation.web.queue.held import held
from moderation.web.queue.places import LARGEST_ID
from moderation.web.queue.resolving import resolve
from moderation.web.queue.session import signed_in_moderator
from moderation.web.queue.sign_in import Entrance, leave
from moderation.web.queue.sites import sites

_OPEN_TO_ALL = frozenset({"queue.sign_in", "queue.enter"})


def queue_blueprint() -> Blueprint:
    """Everything under `/queue`."""
    blueprint = Blueprint("queue", __name__, template_folder="templates")
    entrance = Entrance()
    blueprint.add_url_rule("/queue", "held", held)
    blueprint.add_url_rule("/queue/sites", "sites", sites)
    blueprint.add_url_rule(f"/queue/<int(max={LARGEST_ID}):item>/resolve", "resolve", resolve, methods=["POST"])
    blueprint.add_url_rule("/queue/sign-in", "sign_in", entrance.show)
    blueprint.add_url_rule("/queue/sign-in", "enter", entrance.enter, methods=["POST"])
    blueprint.add_url_rule("/queue/sign-out", "sign_out", leave, methods=["POST"])
    blueprint.before_request(_require_readable_query)
    blueprint.before_request(_require_moderator)
    blueprint.context_processor(_moderator_for_templates)
    return blueprint


def _require_readable_query() -> None:
    """Werkzeug reads a query as UTF-8 and raises on any other bytes; browsers send none."""
    try:
        request.query_string.decode()
    except UnicodeDecodeError:
        raise BadRequest("The query of this address is not UTF-8.") from None


def _require_moderator() -> Response | None:
    if request.endpoint in _OPEN_TO_ALL or signed_in_moderator() is not None:
        return None
    came_from = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("queue.sign_in", next=came_from), 303)


def _moderator_for_templates() -> dict[str, object]:
    return {"moderator": signed_in_moderator()}
