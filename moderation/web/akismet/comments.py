"""`/1.1/comment-check`, `/1.1/submit-spam` and `/1.1/submit-ham`: the verdict, and a person's correction."""

import re

from flask import Response, request

from moderation.actions.callbacks import is_allowed
from moderation.actions.check import CheckRequest, check_comment, preview_comment
from moderation.actions.labelling import label_comment
from moderation.domain.comment import Comment
from moderation.domain.comment_types import AWAITED_TYPES
from moderation.domain.decision import Decision, LabelValue
from moderation.domain.site import AkismetReviewSettings, Callback, ReviewAction, Site
from moderation.domain.thresholds import Verdict
from moderation.scoring.reasons import strongest
from moderation.web.akismet.form import (
    Form,
    author_from_form,
    calling_site,
    comment_from_form,
    identifiers_from_form,
    key_from_form,
    read_form,
    submission_from_form,
)
from moderation.web.akismet.responses import GUID_HEADER, SUBMIT_BODY, text_response
from moderation.web.requests import app_state, limit_checks, services

CHANNEL = "akismet"
GUARANTEED_SPAM = frozenset({"viagra-test-123", "akismet-guaranteed-spam", "akismet-guaranteed-spam@example.com"})
"""Author names and an address for which every client's test suite expects spam."""

_PLUGIN_USER_AGENT = re.compile(r"^WordPress/\S+ \| Akismet/(\d{1,3})\.(\d{1,3})", re.ASCII)
_MIN_HOLDING_VERSION = (5, 5)
_MAX_REPORTER_LENGTH = 200


def comment_check() -> Response:
    """Answer `true` for spam and `false` for ham, by the site's thresholds."""
    form = read_form(request)
    site = calling_site(form, recall=True)
    limit_checks(site, CHANNEL)
    form.require("blog", non_empty=True)
    form.require("user_ip")  # may be empty: some blogs do not know it, others may not send it
    fixed_response = _fixed_response(form)
    if fixed_response is not None:
        return fixed_response
    if form.get_flag("akismet_pre_check"):
        return _pre_check_response(site, form)
    return _judged_response(site, form)


def submit_spam() -> Response:
    """Label the comment spam."""
    return _submit(LabelValue.SPAM)


def submit_ham() -> Response:
    """Label the comment ham."""
    return _submit(LabelValue.HAM)


def _fixed_response(form: Form) -> Response | None:
    """Return the response that the protocol prescribes, if any. An administrator is always ham, so that is first."""
    roles = (form.get("user_role") or "").split(",")
    if any(role.strip().lower() == "administrator" for role in roles):
        return text_response("false")
    if form.get_flag("is_test") and form.get_flag("test_discard"):
        return _discard_response()
    if GUARANTEED_SPAM & {form.get("comment_author"), form.get("comment_author_email")}:
        return text_response("true")
    return None


def _pre_check_response(site: Site, form: Form) -> Response:
    """Answer whether a pingback is worth fetching. Its comment is checked and stored by a later call."""
    decision = _preview(site, form)
    if decision.verdict is Verdict.REVIEW and not decision.degraded:
        return _explained(text_response("false"), decision)
    return _explained(_verdict_response(decision, site.akismet_review, holds=False), decision)


def _judged_response(site: Site, form: Form) -> Response:
    comment = comment_from_form(form)
    callback = _sent_callback(form)
    if form.get_flag("is_test"):
        decision = _preview(site, form)
        holds = callback is not None and is_allowed(site, comment.type, callback)
        return _explained(_verdict_response(decision, site.akismet_review, holds=holds), decision)
    state = app_state()
    with state.metrics.scoring_seconds.labels(CHANNEL).time():
        decision, guid, is_new = check_comment(
            state.services,
            site,
            CheckRequest(
                comment,
                channel=CHANNEL,
                submission=submission_from_form(form, state.services.clock()),
                callback=callback,
                identifiers=identifiers_from_form(form),
                recheck=bool(form.get("recheck_reason")),
                author=author_from_form(form, site),
            ),
        )
    if is_new:
        state.metrics.count(decision, CHANNEL)
    response = _explained(_verdict_response(decision, site.akismet_review, holds=guid is not None), decision)
    if guid is not None:
        response.headers[GUID_HEADER] = guid
    return response


def _preview(site: Site, form: Form) -> Decision:
    submission = submission_from_form(form, services().clock())
    return preview_comment(services(), site, comment_from_form(form), submission, author_from_form(form, site))


def _sent_callback(form: Form) -> Callback | None:
    """Return the callback as it was sent, maybe without a URL; `None` if the client cannot hold comments."""
    if not _can_hold(request.headers.get("User-Agent", "")):
        return None
    return Callback(form.get("callback") or "", key_from_form(form))


def _can_hold(user_agent: str) -> bool:
    """Return whether a client can hold a comment: the WordPress plugin can from version 5.5 on."""
    version = _PLUGIN_USER_AGENT.search(user_agent)
    return version is not None and (int(version[1]), int(version[2])) >= _MIN_HOLDING_VERSION


def _verdict_response(decision: Decision, akismet_review: AkismetReviewSettings, *, holds: bool) -> Response:
    if decision.degraded and decision.verdict is Verdict.REVIEW and akismet_review.action is ReviewAction.HOLD:
        # The error makes the WordPress plugin hold the comment and ask again, with any body.
        return text_response("true", X_akismet_error="status")
    match decision.verdict:
        case Verdict.PUBLISH:
            return text_response("false")
        case Verdict.REVIEW:
            return _review_response(akismet_review, decision.comment.type, holds=holds)
        case Verdict.SPAM:
            return text_response("true")
        case Verdict.DISCARD:
            return _discard_response()


def _review_response(akismet_review: AkismetReviewSettings, comment_type: str | None, *, holds: bool) -> Response:
    """Return the site's response for `review`.

    A blog that cannot hold keeps the comment in its spam folder. A sign-up or an order is let in, as it has no such
    folder.
    """
    if holds:
        return text_response("false", X_akismet_recheck_after=str(akismet_review.hold_seconds))
    lets_in = akismet_review.action is ReviewAction.HOLD and comment_type in AWAITED_TYPES
    return text_response("false" if lets_in or akismet_review.action is ReviewAction.PUBLISH else "true")


def _discard_response() -> Response:
    return text_response("true", X_akismet_pro_tip="discard")


def _explained(response: Response, decision: Decision) -> Response:
    """Add the id, the probability and the reasons. No details, because hostile text must not enter a header."""
    if decision.id:
        response.headers[GUID_HEADER] = decision.id
    response.headers["X-moderation-score"] = f"{decision.score.probability:.4f}"
    reasons = strongest(decision.score.reasons)
    response.headers["X-moderation-reasons"] = " ".join(f"{reason.name}={reason.weight:+.2f}" for reason in reasons)
    return response


def _submit(value: LabelValue) -> Response:
    form = read_form(request)
    site = calling_site(form)
    form.require("blog", non_empty=True)
    comment = comment_from_form(form)
    if not form.get_flag("is_test") and _has_content(comment):
        labelled_by = (form.get("reporter") or "akismet")[:_MAX_REPORTER_LENGTH]
        label_comment(services(), site, comment, value, labelled_by, CHANNEL)
    return text_response(SUBMIT_BODY)


def _has_content(comment: Comment) -> bool:
    """Return whether a comment can be matched by content. An empty one without author would match a stranger's."""
    return any(part and part.strip() for part in (comment.text, comment.author, comment.url, comment.email))
