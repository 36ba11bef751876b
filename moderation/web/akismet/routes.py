"""The endpoints of Akismet's protocol. Another one is a file beside these, and a line here."""

from flask import Blueprint

from moderation.domain.errors import InputRefused, NotSignedIn
from moderation.web.akismet import plugin, replies
from moderation.web.akismet.comment_check import comment_check
from moderation.web.akismet.key_sites import key_sites
from moderation.web.akismet.statistics import get_stats
from moderation.web.akismet.submit import submit_ham, submit_spam
from moderation.web.akismet.subscription import get_subscription
from moderation.web.akismet.usage import usage_limit
from moderation.web.akismet.verify_key import verify_key

_METHODS = ["GET", "POST"]
_VIEWS = (
    ("/1.1/verify-key", verify_key),
    ("/1.1/comment-check", comment_check),
    ("/1.1/submit-spam", submit_spam),
    ("/1.1/submit-ham", submit_ham),
    ("/1.1/get-subscription", get_subscription),
    ("/1.1/get-stats", get_stats),
    ("/1.1/get-key-stats", get_stats),
    ("/1.2/get-key-stats", get_stats),
    ("/1.1/key-sites", key_sites),
    ("/1.2/key-sites", key_sites),
    ("/1.2/usage-limit", usage_limit),
    ("/1.1/test", plugin.connection_test),
    ("/1.1/token", plugin.token),
    ("/1.1/deactivate", plugin.deactivate),
    ("/1.1/verify-wpcom-key", plugin.verify_wpcom_key),
    ("/1.2/compatible-plugins", plugin.compatible_plugins),
)


def akismet_blueprint() -> Blueprint:
    """Everything under `/1.1` and `/1.2`."""
    blueprint = Blueprint("akismet", __name__)
    for path, view in _VIEWS:
        blueprint.add_url_rule(path, view_func=view, methods=_METHODS)
    blueprint.register_error_handler(NotSignedIn, replies.answer_bad_key)
    blueprint.register_error_handler(InputRefused, replies.answer_bad_parameter)
    blueprint.after_app_request(replies.ensure_guid)
    return blueprint
