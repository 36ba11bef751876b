"""`/1.1/comment-check`: the verdict."""

from flask import Response, request

from moderation.actions.check import check_comment, consider
from moderation.domain.comment import Comment
from moderation.domain.judgement import Decision
from moderation.domain.policy import Verdict
from moderation.domain.site import Site
from moderation.web.akismet.caller import calling_site, comment_in
from moderation.web.akismet.parse import Form, read_form
from moderation.web.akismet.replies import GUID, reply
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
    decision = _decide(site, comment_in(form), is_test=form.flag("is_test"))
    response = _answer(decision.verdict)
    response.headers[GUID] = decision.id
    return response


def _decide(site: Site, comment: Comment, *, is_test: bool) -> Decision:
    parts = opened()
    with parts.meters.timing(DOOR):
        if is_test:
            return consider(parts.desk, site, comment)
        decision = check_comment(parts.desk, site, comment, door=DOOR)
    parts.meters.count(decision, DOOR)
    return decision


def _answer(verdict: Verdict) -> Response:
    """`review` is `true` as well: the blog's own spam folder keeps the comment where its moderator looks."""
    if verdict is Verdict.DISCARD:
        return _discard()
    return reply("false" if verdict is Verdict.PUBLISH else "true")


def _discard() -> Response:
    return reply("true", X_akismet_pro_tip="discard")
