"""`/1.1/get-subscription`: the account behind a key. The WordPress plugin keeps no key whose account is not active."""

from flask import Response, request

from moderation.web.akismet.caller import site_asked_about
from moderation.web.akismet.parse import read_form
from moderation.web.akismet.replies import json_reply
from moderation.web.opened import the_desk


def get_subscription() -> Response:
    """An active account without limit and without an end."""
    site = site_asked_about(the_desk(), read_form(request))
    return json_reply(
        {
            "account_id": site.id,
            "account_type": "self-hosted",
            "account_name": "Self-hosted",
            "status": "active",
            "next_billing_date": False,
            "limit_reached": False,
        }
    )
