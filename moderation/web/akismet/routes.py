"""The endpoints of Akismet's protocol."""

from flask import Blueprint

from moderation.domain.errors import AuthenticationFailed, InvalidInput
from moderation.web.akismet import account, comments
from moderation.web.akismet.responses import COMMENT_CHECK_PATH, invalid_key_response, invalid_parameter_response

_METHODS = ["GET", "POST"]
_VIEWS = (
    ("/1.1/verify-key", account.verify_key),
    (COMMENT_CHECK_PATH, comments.comment_check),
    ("/1.1/submit-spam", comments.submit_spam),
    ("/1.1/submit-ham", comments.submit_ham),
    ("/1.1/get-subscription", account.get_subscription),
    ("/1.1/get-stats", account.get_stats),
    ("/1.1/get-key-stats", account.get_stats),
    ("/1.2/get-key-stats", account.get_stats),
    ("/1.1/key-sites", account.key_sites),
    ("/1.2/key-sites", account.key_sites),
    ("/1.2/usage-limit", account.usage_limit),
    ("/1.1/test", account.connection_test),
    ("/1.1/token", account.token),
    ("/1.1/deactivate", account.deactivate),
    ("/1.1/verify-wpcom-key", account.verify_wpcom_key),
    ("/1.2/compatible-plugins", account.compatible_plugins),
)
AKISMET_PATHS = tuple(path for path, _ in _VIEWS)


def akismet_blueprint() -> Blueprint:
    """Return the blueprint of `/1.1` and `/1.2`."""
    blueprint = Blueprint("akismet", __name__)
    for path, view in _VIEWS:
        blueprint.add_url_rule(path, view_func=view, methods=_METHODS)
    blueprint.register_error_handler(AuthenticationFailed, invalid_key_response)
    blueprint.register_error_handler(InvalidInput, invalid_parameter_response)
    return blueprint
