"""Which site is calling, with which comment, and what it can do."""

import re

from moderation.actions.access import site_of_key
from moderation.actions.desk import Desk
from moderation.domain.comment import Comment
from moderation.domain.errors import NotSignedIn
from moderation.domain.site import Site
from moderation.web.akismet.parse import Form

_KEY = re.compile(r"[0-9a-fA-F]{12}")
_PLUGIN = re.compile(r"^WordPress/\S+ \| Akismet/(\d{1,3})\.(\d{1,3})", re.ASCII)
_FIRST_THAT_HOLDS = (5, 5)


def key_in(form: Form) -> str:
    """The key in `api_key`, else `key`, else the first label of the host, whatever that is."""
    return form.get("api_key") or form.get("key") or form.host.partition(".")[0]


def calling_site(desk: Desk, form: Form) -> Site:
    """The site of the key that came with the call; raises `NotSignedIn`."""
    return _site_of(desk, key_in(form))


def site_asked_about(desk: Desk, form: Form) -> Site:
    """The site of the key that the call is about, which `key` names; raises `NotSignedIn`.

    A WordPress blog that is given another key asks about it in `key`, with the key it had before in `api_key`.
    """
    return _site_of(desk, form.get("key") or key_in(form))


def can_hold(user_agent: str) -> bool:
    """Whether a client keeps a comment back when asked to: the WordPress plugin does, from version 5.5 on."""
    version = _PLUGIN.search(user_agent)
    return version is not None and (int(version[1]), int(version[2])) >= _FIRST_THAT_HOLDS


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


def _site_of(desk: Desk, key: str) -> Site:
    if not _KEY.fullmatch(key):
        raise NotSignedIn("Invalid API key")
    return site_of_key(desk, key)
