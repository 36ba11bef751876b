"""`/1.1/comment-check`: the verdict."""

from flask import Response, request

from moderation.actions.check import check_comment, consider, recheck_comment
from moderation.actions.holding import callback_for
from moderation.domain.judgement import Decision
from moderation.domain.policy import Verdict
from moderation.domain.site import Callback, Holding, ReviewMeans, Site
from moderation.scoring.reasons import strongest
from moderation.web.akismet.caller import calling_site, can_hold, comment_in, key_in
from moderation.web.akismet.parse import Form, read_form
from moderation.web.akismet.replies import GUID, reply
from moderation.web.akismet.visit import visit_in
from moderation.web.opened import opened

DOOR = "akismet"
GUARANTEED_SPAM = frozenset({"viagra-test-123", "akismet-guaranteed-spam", "akismet-guaranteed-spam@example.com"})
"""Author names and an address with which every client's test suite expects spam."""


def comment_check() -> Response:
    """`true` for spam, `false` for ham, by the site's policy."""
    form = read_form(request)
    site = calling_site(opened().desk, form)
    form.require("blog", filled=True)
    form.require("user_ip")  # may be empty: some blogs do not know it, others may not tell
    fixed = _fixed_answer(form)
    return fixed if fixed is not None else _judged(site, form)


def _fixed_answer(form: Form) -> Response | None:
    """The answers that the protocol itself fixes. The administrator's rule is absolute, so it comes first."""
    if _is_administrator(form):
        return reply("false")
    if form.flag("is_test") and form.flag("test_discard"):
        return _discard()
    if GUARANTEED_SPAM & {form.get("comment_author"), form.get("comment_author_email")}:
        return reply("true")
    return None


def _is_administrator(form: Form) -> bool:
    roles = (form.get("user_role") or "").split(",")
    return any(role.strip().lower() == "administrator" for role in roles)


def _judged(site: Site, form: Form) -> Response:
    if form.flag("akismet_pre_check"):
        return _before_it_is_fetched(site, form)
    if form.flag("is_test"):
        decision = _considered(site, form)
        return _with_account(_answer(decision, site.holding, holds=_callback(site, form) is not None), decision)
    decision, guid = _stored(site, form)
    response = _with_account(_answer(decision, site.holding, holds=guid is not None), decision)
    response.headers[GUID] = guid or decision.id
    return response


def _before_it_is_fetched(site: Site, form: Form) -> Response:
    """A pre-check asks whether a pingback is worth fetching: the comment itself is checked, and stored, later."""
    decision = _considered(site, form)
    doubtful = decision.verdict is Verdict.REVIEW and not decision.degraded
    return _with_account(reply("false") if doubtful else _answer(decision, site.holding, holds=False), decision)


def _considered(site: Site, form: Form) -> Decision:
    desk = opened().desk
    return consider(desk, site, comment_in(form), visit_in(form, desk.clock()))


def _stored(site: Site, form: Form) -> tuple[Decision, str | None]:
    """The decision, and what the blog knows the comment by if it is to hold it."""
    parts, callback = opened(), _callback(site, form)
    comment, visit = comment_in(form), visit_in(form, parts.desk.clock())
    with parts.meters.timing(DOOR):
        if form.get("recheck_reason"):
            decision, guid = recheck_comment(parts.desk, site, comment, door=DOOR, visit=visit, callback=callback)
        else:
            decision = check_comment(parts.desk, site, comment, door=DOOR, visit=visit, callback=callback)
            guid = None
    parts.meters.count(decision, DOOR)
    return decision, guid or (decision.id if callback else None)


def _callback(site: Site, form: Form) -> Callback | None:
    """Where to tell the blog of a comment that it can hold."""
    if not can_hold(request.headers.get("User-Agent", "")):
        return None
    return callback_for(site, comment_in(form).type, Callback(form.get("callback") or "", key_in(form)))


def _answer(decision: Decision, holding: Holding, *, holds: bool) -> Response:
    if decision.degraded:
        # Whatever the body says, the error makes a blog that knows of it wait and ask again.
        return reply("true", X_akismet_error="status")
    match decision.verdict:
        case Verdict.PUBLISH:
            return reply("false")
        case Verdict.REVIEW:
            return _held(holding, holds=holds)
        case Verdict.SPAM:
            return reply("true")
        case Verdict.DISCARD:
            return _discard()


def _held(holding: Holding, *, holds: bool) -> Response:
    """What `review` means is the site's own policy. A blog that cannot hold keeps the comment in its spam folder."""
    if holds:
        return reply("false", X_akismet_recheck_after=str(holding.seconds))
    return reply("false" if holding.means is ReviewMeans.PUBLISH else "true")


def _discard() -> Response:
    return reply("true", X_akismet_pro_tip="discard")


def _with_account(response: Response, decision: Decision) -> Response:
    """Says which decision it was, and why: codes alone, as nothing that a stranger wrote belongs into a header."""
    response.headers[GUID] = decision.id
    response.headers["X-moderation-score"] = f"{decision.score.probability:.4f}"
    named = strongest(decision.score.reasons)
    response.headers["X-moderation-reasons"] = " ".join(f"{reason.code}={reason.weight:+.2f}" for reason in named)
    return response
