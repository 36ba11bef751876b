"""The JSON channel: `/v1/score`, `/v1/score/batch`, `/v1/decisions/ID`, `/v1/author-rules`, `/v1/privacy`."""

import re
from typing import Any

from flask import Blueprint, Response, request
from pydantic import ValidationError

from moderation.actions.author_rules import set_author_rule
from moderation.actions.check import CheckRequest, check_comment, check_comments, find_decision
from moderation.actions.judging import general_guarantees
from moderation.actions.labelling import label_decision, remove_comment, withdraw_label
from moderation.actions.opinions import find_opinion
from moderation.actions.retries import IdempotencyKey
from moderation.actions.similarity import find_similar_to_decision
from moderation.domain.authors import AuthorFact, Standing, VouchedAuthor
from moderation.domain.comment import Comment
from moderation.domain.decision import Decision, LabelOrigin, LabelValue
from moderation.domain.errors import InvalidInput, NotFound
from moderation.domain.general_guarantee import GeneralGuarantees
from moderation.domain.site import Site
from moderation.domain.tokens import Purpose
from moderation.web.api.author_schemas import AuthorRuleRequest
from moderation.web.api.bodies import decision_body, stored_decision_body
from moderation.web.api.openapi import docs_page, openapi_json
from moderation.web.api.privacy_views import erase, export
from moderation.web.api.schemas import (
    BatchRequest,
    CommentRequest,
    LabelRequest,
    RemovalRequest,
    ScoreRequest,
)
from moderation.web.errors import to_problem
from moderation.web.json_text import to_json
from moderation.web.requests import (
    app_state,
    calling_site,
    idempotency_key,
    invalid_input,
    limit_checks,
    read_body,
    services,
)

CHANNEL = "api"

_DECISION_ID_PATTERN = re.compile(r"[0-9a-f]{32}")
_BOOLEANS = {b"true": True, b"1": True, b"false": False, b"0": False}


def api_blueprint() -> Blueprint:
    """Return the blueprint of `/v1`, `/openapi.json` and `/docs`."""
    blueprint = Blueprint("api", __name__, template_folder="templates")
    blueprint.add_url_rule("/v1/score", view_func=score, methods=["POST"])
    blueprint.add_url_rule("/v1/score/batch", view_func=score_batch, methods=["POST"])
    blueprint.add_url_rule("/v1/decisions/<decision_id>", view_func=get_decision)
    blueprint.add_url_rule("/v1/decisions/<decision_id>/label", view_func=put_label, methods=["PUT"])
    blueprint.add_url_rule("/v1/decisions/<decision_id>/label", view_func=delete_label, methods=["DELETE"])
    blueprint.add_url_rule("/v1/decisions/<decision_id>/removal", view_func=put_removal, methods=["PUT"])
    blueprint.add_url_rule("/v1/author-rules", view_func=put_author_rule, methods=["PUT"])
    blueprint.add_url_rule("/v1/privacy/export", view_func=export, methods=["POST"])
    blueprint.add_url_rule("/v1/privacy/erasure", view_func=erase, methods=["POST"])
    blueprint.add_url_rule("/openapi.json", view_func=openapi_json)
    blueprint.add_url_rule("/docs", view_func=docs_page)
    return blueprint


def score() -> Response:
    """Judge one comment and store the decision before it is answered."""
    site = calling_site(Purpose.SCORE, recall=True)
    limit_checks(site, CHANNEL)
    key = idempotency_key()
    fields = dict(vars(read_body(ScoreRequest)))
    comment_id = fields.pop("comment_id")
    author = VouchedAuthor(fields.pop("author_id"), fields.pop("author_roles"))
    state = app_state()
    spans = _spans_wanted()
    with state.metrics.scoring_seconds.labels(CHANNEL).time():
        decision, _, is_new = check_comment(
            state.services,
            site,
            CheckRequest(
                Comment(**fields), channel=CHANNEL, identifiers=[comment_id], key=key, spans=spans, author=author
            ),
        )
    if is_new:
        state.metrics.count(decision, CHANNEL)
    return _json_response(_body(decision))


def score_batch() -> Response:
    """Judge many comments in one transaction. In the place of an invalid comment stands its problem."""
    site = calling_site(Purpose.SCORE, recall=True)
    key = idempotency_key()
    values = read_body(BatchRequest).comments
    spans = _spans_wanted()
    _check_batch_size(len(values))
    limit_checks(site, CHANNEL, len(values))
    parsed = [_parse_comment(index, value) for index, value in enumerate(values)]
    decisions = iter(_check_comments(site, [entry for entry in parsed if isinstance(entry, Comment)], key, spans=spans))
    entries = [
        _body(next(decisions)) if isinstance(entry, Comment) else {"error": to_problem(entry).body.model_dump()}
        for entry in parsed
    ]
    return _json_response({"decisions": entries})


def get_decision(decision_id: str) -> Response:
    """Return a decision of the calling site with its label, similar comments, and the opinion of another model."""
    site = calling_site(Purpose.READ)
    decision, label = find_decision(services(), site, _validated_id(decision_id))
    similar_comments = find_similar_to_decision(services(), decision)
    opinion = find_opinion(services(), decision)
    return _json_response(stored_decision_body(decision, _general(decision), label, similar_comments, opinion))


def put_label(decision_id: str) -> Response:
    """Label the comment of a decision. The same label again changes nothing."""
    site = calling_site(Purpose.LABEL)
    body = read_body(LabelRequest)
    label = label_decision(
        services(),
        site,
        _validated_id(decision_id),
        LabelValue(body.label),
        body.labelled_by or CHANNEL,
        CHANNEL,
        origin=LabelOrigin(body.origin),
        reason=body.reason,
    )
    return _json_response(label)


def delete_label(decision_id: str) -> Response:
    """Withdraw the label of a decision's comment, or its removal, if there is one."""
    site = calling_site(Purpose.LABEL)
    withdraw_label(services(), site, _validated_id(decision_id), CHANNEL, CHANNEL)
    return Response(status=204)


def put_removal(decision_id: str) -> Response:
    """Remove the comment of a decision without a lesson. A second removal changes nothing."""
    site = calling_site(Purpose.LABEL)
    body = read_body(RemovalRequest)
    by = body.labelled_by or CHANNEL
    return _json_response(remove_comment(services(), site, _validated_id(decision_id), by, CHANNEL, reason=body.reason))


def put_author_rule() -> Response:
    """Trust or block an author of the calling site, or forget that: 204 then."""
    site = calling_site(Purpose.LABEL)
    body = read_body(AuthorRuleRequest)
    rule = set_author_rule(
        services(),
        site,
        AuthorFact(body.fact),
        body.value,
        body.standing and Standing(body.standing),
        body.set_by or CHANNEL,
        CHANNEL,
        days=body.days,
        reason=body.reason,
    )
    return _json_response(rule) if rule else Response(status=204)


def _general(decision: Decision) -> GeneralGuarantees | None:
    uses_it = decision.calibration is not None and decision.calibration.general
    return general_guarantees(services(), decision.score.model) if uses_it else None


def _body(decision: Decision) -> dict[str, Any]:
    return decision_body(decision, _general(decision))


def _json_response(body: object) -> Response:
    return Response(to_json(body), mimetype="application/json")


def _check_batch_size(size: int) -> None:
    limit = app_state().settings.max_batch_size
    if size > limit:
        message = f"A batch holds at most {limit} comments; this one has {size}."
        raise InvalidInput(message, (("/comments", message),))


def _parse_comment(index: int, value: object) -> Comment | InvalidInput:
    try:
        return Comment(**vars(CommentRequest.model_validate(value)))
    except ValidationError as error:
        return invalid_input(error, f"/comments/{index}")


def _check_comments(site: Site, comments: list[Comment], key: IdempotencyKey | None, *, spans: bool) -> list[Decision]:
    if not comments:
        return []
    state = app_state()
    with state.metrics.scoring_seconds.labels(CHANNEL).time():
        decisions = check_comments(state.services, site, comments, channel=CHANNEL, key=key, spans=spans)
    for decision in decisions:
        state.metrics.count(decision, CHANNEL)
    return decisions


def _spans_wanted() -> bool:
    """Return whether the query asks for spans. Raises `InvalidInput` for a value that is no boolean.

    Reads bytes, because Werkzeug cannot decode every query.
    """
    pairs = (pair.partition(b"=") for pair in request.query_string.split(b"&"))
    values = [value for name, _, value in pairs if name == b"spans"]
    if not all(value in _BOOLEANS for value in values):
        raise InvalidInput("The parameter spans must be true or false.")
    return any(map(_BOOLEANS.__getitem__, values))


def _validated_id(decision_id: str) -> str:
    if not _DECISION_ID_PATTERN.fullmatch(decision_id):
        raise NotFound("No decision of this site has that id.")
    return decision_id
