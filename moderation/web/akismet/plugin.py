"""What the WordPress plugin asks beside the account: small calls with fixed answers."""

import secrets

from flask import Response, request

from moderation.web.akismet.caller import calling_site, site_asked_about
from moderation.web.akismet.parse import read_form
from moderation.web.akismet.replies import invalid, json_reply, reply
from moderation.web.opened import the_desk

_TOKEN_BYTES = 16


def connection_test() -> Response:
    """`connected`: the service can be reached. Asked without a key."""
    return reply("connected")


def token() -> Response:
    """An opaque word that opens nothing: the page that would take it is not ours."""
    calling_site(the_desk(), read_form(request))
    return reply(secrets.token_hex(_TOKEN_BYTES))


def deactivate() -> Response:
    """`deactivated`. The site stays: only the operator shuts a blog out."""
    site_asked_about(the_desk(), read_form(request))
    return reply("deactivated")


def compatible_plugins() -> Response:
    """None that we know of. Asked without a key."""
    return json_reply([])


def verify_wpcom_key() -> Response:
    """`invalid`: nobody has an account of WordPress.com here."""
    return invalid("There are no WordPress.com accounts here")
