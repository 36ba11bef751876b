"""`GET /v1/decisions/{id}`, and `PUT` and `DELETE` of its label."""

import re

from flask import Response, jsonify

from moderation.actions.check import find_decision
from moderation.actions.neighbours import neighbours_of
from moderation.actions.teach import label_decision, withdraw_label
from moderation.domain.errors import NotFound
from moderation.domain.judgement import LabelValue
from moderation.web.api.reading import read_body
from moderation.web.api.rendering import label_reply, stored_decision_reply
from moderation.web.api.shapes import LabelBody
from moderation.web.caller import calling_site
from moderation.web.opened import the_desk

_ID = re.compile(r"[0-9a-f]{32}")
_WHO = "api"


def show_decision(decision_id: str) -> Response:
    """A decision of the calling site with the label in force and the neighbours of its comment."""
    site = calling_site()
    decision, label = find_decision(the_desk(), site, _checked_id(decision_id))
    (neighbours,) = neighbours_of(the_desk(), [decision])
    return jsonify(stored_decision_reply(decision, label, neighbours))


def put_label(decision_id: str) -> Response:
    """Labels the comment of a decision; the same label again changes nothing."""
    site = calling_site()
    value = LabelValue(read_body(LabelBody).label)
    label = label_decision(the_desk(), site, _checked_id(decision_id), value, _WHO, "api")
    return jsonify(label_reply(label))


def delete_label(decision_id: str) -> Response:
    """Takes the label back; without one there is nothing to do, and that is fine."""
    site = calling_site()
    withdraw_label(the_desk(), site, _checked_id(decision_id), _WHO, "api")
    return Response(status=204)


def _checked_id(decision_id: str) -> str:
    if not _ID.fullmatch(decision_id):
        raise NotFound("No decision of this site has that id.")
    return decision_id
