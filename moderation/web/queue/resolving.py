"""`POST /queue/ITEM/resolve`: ham, spam, or skipped for now."""

from flask import flash, redirect, request, url_for
from werkzeug.exceptions import BadRequest, Unauthorized
from werkzeug.wrappers import Response

from moderation.actions import review
from moderation.domain.errors import Conflict, NotFound
from moderation.domain.judgement import LabelValue
from moderation.domain.site import Moderator
from moderation.web.opened import the_desk
from moderation.web.queue.places import read_id
from moderation.web.queue.session import signed_in_moderator

SKIP = "skip"


def resolve(item: int) -> Response:
    """Carries the decision out, says what happened, and goes back to the page it came from."""
    moderator = signed_in_moderator()
    if moderator is None:
        raise Unauthorized("Sign in first.")
    try:
        flash(_carry_out(item, request.form.get("decision", ""), moderator), "done")
    except Conflict as error:
        flash(f"Nothing changed: {error}", "conflict")
    except NotFound:
        flash(f"Nothing changed: comment {item} is not in the queue any more.", "conflict")
    return redirect(_page_it_came_from(), 303)


def _page_it_came_from() -> str:
    skipped = "1" if request.form.get("skipped") == "1" else None
    soon = "1" if request.form.get("soon") == "1" else None
    return url_for("queue.held", before=read_id(request.form.get("before", "")), skipped=skipped, soon=soon)


def _carry_out(item: int, decision: str, moderator: Moderator) -> str:
    if decision == SKIP:
        review.skip(the_desk(), item, moderator)
        return f"Comment {item} is skipped: it waits under “Skipped too”."
    if decision not in tuple(LabelValue):
        raise BadRequest("The decision must be ham, spam or skip.")
    review.resolve(the_desk(), item, LabelValue(decision), moderator)
    return f"Comment {item} is {decision}: the label is stored."
