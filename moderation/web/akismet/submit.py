"""`/1.1/submit-spam` and `/1.1/submit-ham`: what a person says the comment really was."""

from flask import Response, request

from moderation.actions.teach import label_comment
from moderation.domain.comment import Comment
from moderation.domain.judgement import LabelValue
from moderation.web.akismet.caller import calling_site, comment_in
from moderation.web.akismet.parse import read_form
from moderation.web.akismet.replies import THANKS, reply
from moderation.web.opened import the_desk

_REPORTER_LENGTH = 200


def submit_spam() -> Response:
    """Labels the comment spam."""
    return _submit(LabelValue.SPAM)


def submit_ham() -> Response:
    """Labels the comment ham."""
    return _submit(LabelValue.HAM)


def _submit(value: LabelValue) -> Response:
    form = read_form(request)
    site = calling_site(the_desk(), form)
    form.require("blog", filled=True)
    comment = comment_in(form)
    if not form.flag("is_test") and _says_something(comment):
        who = (form.get("reporter") or "akismet")[:_REPORTER_LENGTH]
        label_comment(the_desk(), site, comment, value, who, "akismet")
    return reply(THANKS)


def _says_something(comment: Comment) -> bool:
    """Feedback is matched by content: an empty comment by nobody would be matched with a stranger's."""
    return any(part and part.strip() for part in (comment.text, comment.author, comment.url, comment.email))
