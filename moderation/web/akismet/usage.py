"""`/1.2/usage-limit`: how much of its limit a key has used up this month. There is no limit."""

from flask import Response, request

from moderation.actions.statistics import activity
from moderation.web.akismet.caller import calling_site
from moderation.web.akismet.parse import read_form
from moderation.web.akismet.replies import json_reply
from moderation.web.opened import the_desk


def usage_limit() -> Response:
    """The calls of this month; with `extended` also that no notice and no upgrade is due."""
    form = read_form(request)
    site = calling_site(the_desk(), form)
    usage = activity(the_desk(), site, the_desk().clock()).calls
    found: dict[str, object] = {"limit": "none", "usage": usage, "percentage": "0.00", "throttled": False}
    if form.flag("extended"):
        found |= {"notice_level": 0, "upgrade": False}
    return json_reply(found)
