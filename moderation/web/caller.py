"""Which site is calling."""

from flask import request

from moderation.actions.access import site_of_key
from moderation.domain.errors import NotSignedIn
from moderation.domain.site import Site
from moderation.web.opened import the_desk


def calling_site() -> Site:
    """The site of the key in `Authorization: Bearer KEY`; raises `NotSignedIn` without a live one."""
    authorization = request.authorization
    if authorization is None or authorization.type != "bearer" or not authorization.token:
        raise NotSignedIn("Send the site's key as `Authorization: Bearer KEY`.")
    return site_of_key(the_desk(), authorization.token)
