"""`/1.1/verify-key`: is this key good?"""

from urllib.parse import urlsplit

from flask import Response, request

from moderation.web.akismet.caller import site_asked_about
from moderation.web.akismet.parse import read_form
from moderation.web.akismet.replies import invalid, reply
from moderation.web.opened import the_desk


def verify_key() -> Response:
    """`valid`, or `invalid` with the cause in the debug help."""
    form = read_form(request)
    site_asked_about(the_desk(), form)
    blog = form.get("blog")
    if not blog:
        return invalid('Empty "blog" value')
    if not _is_address(blog):
        return invalid("We were unable to parse your blog URI")
    return reply("valid")


def _is_address(blog: str) -> bool:
    try:
        parts = urlsplit(blog if "://" in blog else f"http://{blog}")
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)
