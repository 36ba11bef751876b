"""`/coral/SITE`: an external moderation phase of Coral, which asks about each comment by a signed request.

Coral takes an empty answer for no opinion, and goes on to its next phase.
"""

from flask import Blueprint, Response, request
from pydantic import BaseModel, ConfigDict, Field

from moderation.actions.check import CheckRequest, check_comment
from moderation.actions.coral import authenticate_coral
from moderation.domain.authors import MAX_FACT_LENGTH, VouchedAuthor
from moderation.domain.comment import Comment
from moderation.domain.decision import Decision
from moderation.domain.errors import AuthenticationFailed
from moderation.domain.site import Site
from moderation.domain.thresholds import Verdict
from moderation.web.api.schemas import Text
from moderation.web.json_text import to_json
from moderation.web.requests import (
    AUTHENTICATED,
    app_state,
    limit_checks,
    note_wrong_key,
    raw_body,
    read_body,
    services,
)

CHANNEL = "coral"
SIGNATURE_HEADER = "X-Coral-Signature"

_MAX_SITE_ID = 2**31 - 1
_SPAM_FLAG = {"actionType": "FLAG", "reason": "COMMENT_DETECTED_SPAM"}


class _CoralModel(BaseModel):
    """A part of a request. Coral's versions differ in the parts that are not read here."""

    model_config = ConfigDict(extra="ignore", strict=True, hide_input_in_errors=True)


class _CoralComment(_CoralModel):
    body: Text | None = None
    parent_id: Text | None = Field(None, alias="parentID")


class _CoralAuthor(_CoralModel):
    id: Text | None = None
    role: Text | None = None


class _CoralStory(_CoralModel):
    id: Text | None = None
    url: Text | None = None


class _CoralSite(_CoralModel):
    id: Text | None = None


class CoralRequest(_CoralModel):
    """A comment that was written or edited at Coral, with its author and its story."""

    action: Text = "NEW"
    comment: _CoralComment
    author: _CoralAuthor = _CoralAuthor()
    story: _CoralStory = _CoralStory()
    site: _CoralSite = _CoralSite()
    tenant_id: Text | None = Field(None, alias="tenantID")


def coral_blueprint() -> Blueprint:
    """Return the blueprint of `/coral`."""
    blueprint = Blueprint("coral", __name__)
    blueprint.add_url_rule(f"/coral/<int(max={_MAX_SITE_ID}):site_id>", view_func=moderate, methods=["POST"])
    return blueprint


def moderate(site_id: int) -> Response:
    """Judge a comment, and answer as Coral reads it."""
    site = _calling_site(site_id)
    limit_checks(site, CHANNEL)
    sent = read_body(CoralRequest)
    state = app_state()
    with state.metrics.scoring_seconds.labels(CHANNEL).time():
        decision, _, is_new = check_comment(state.services, site, _check_request(sent))
    if is_new:
        state.metrics.count(decision, CHANNEL)
    return _answer(decision)


def _calling_site(site_id: int) -> Site:
    try:
        site = authenticate_coral(services(), site_id, request.headers.get(SIGNATURE_HEADER, ""), raw_body(request))
    except AuthenticationFailed:
        note_wrong_key()
        raise
    request.environ[AUTHENTICATED] = True
    return site


def _check_request(sent: CoralRequest) -> CheckRequest:
    """Return the comment to check. Coral gives it no id: two comments differ by all else that it sends."""
    return CheckRequest(
        Comment(
            text=sent.comment.body or "",
            permalink=sent.story.url,
            type="reply" if sent.comment.parent_id else "comment",
        ),
        channel=CHANNEL,
        identifiers=[sent.action, sent.comment.parent_id, sent.story.id, sent.site.id, sent.tenant_id],
        author=VouchedAuthor(_fact(sent.author.id), _fact(sent.author.role)),
    )


def _fact(value: str | None) -> str | None:
    return value if value and len(value) <= MAX_FACT_LENGTH else None


def _answer(decision: Decision) -> Response:
    """Return the answer that Coral acts on. An answer with a status ends its phases."""
    if decision.verdict is Verdict.PUBLISH:
        return Response(status=204)
    if decision.degraded:
        return _json_response({"status": "PREMOD"})
    status = "SYSTEM_WITHHELD" if decision.verdict is Verdict.REVIEW else "REJECTED"
    return _json_response({"status": status, "actions": [_SPAM_FLAG]})


def _json_response(body: dict[str, object]) -> Response:
    return Response(to_json(body), mimetype="application/json")
