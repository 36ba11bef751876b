"""Which site is calling, and with which comment."""

import re

from moderation.actions.access import site_of_key
from moderation.actions.desk import Desk
from moderation.domain.comment import Comment
from moderation.domain.errors import NotSignedIn
from moderation.domain.site import Site
from moderation.web.akismet.parse import Form

_KEY = re.compile(r"[0-9a-fA-F]{12}")


def calling_site(desk: Desk, form: Form) -> Site:
    """The site of the key in `api_key`, else `key`, else the first label of the host; raises `NotSignedIn`."""
    key = form.get("api_key") or form.get("key") or form.host.partition(".")[0]
    if not _KEY.fullmatch(key):
        raise NotSignedIn("Invalid API key")
    return site_of_key(desk, key)


def comment_in(form: Form) -> Comment:
    """The comment that a call is about. WordPress's slashes stay: normalising takes them away everywhere."""
    kind = form.get("comment_type")
    return Comment(
        text=form.get("comment_content") or "",
        author=form.get("comment_author"),
        url=form.get("comment_author_url"),
        email=form.get("comment_author_email"),
        permalink=form.get("permalink"),
        type=form.get("content_type") if kind is None else kind,
        lang=form.get("blog_lang"),
        date=form.get("comment_date_gmt"),
    )
