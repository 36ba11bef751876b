"""The endpoints of Akismet's protocol. Another one is a file beside these, and a line here."""

from flask import Blueprint

from moderation.domain.errors import InputRefused, NotSignedIn
from moderation.web.akismet import replies
from moderation.web.akismet.comment_check import comment_check
from moderation.web.akismet.submit import submit_ham, submit_spam
from moderation.web.akismet.verify_key import verify_key

_METHODS = ["GET", "POST"]


def akismet_blueprint() -> Blueprint:
    """Everything under `/1.1`."""
    blueprint = Blueprint("akismet", __name__)
    blueprint.add_url_rule("/1.1/verify-key", view_func=verify_key, methods=_METHODS)
    blueprint.add_url_rule("/1.1/comment-check", view_func=comment_check, methods=_METHODS)
    blueprint.add_url_rule("/1.1/submit-spam", view_func=submit_spam, methods=_METHODS)
    blueprint.add_url_rule("/1.1/submit-ham", view_func=submit_ham, methods=_METHODS)
    blueprint.register_error_handler(NotSignedIn, replies.answer_bad_key)
    blueprint.register_error_handler(InputRefused, replies.answer_bad_parameter)
    blueprint.after_app_request(replies.ensure_guid)
    return blueprint
