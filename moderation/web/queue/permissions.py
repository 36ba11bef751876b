"""Permissions of the queue's pages: checked in one place, before any view.

A view gets services whose scope has the sites on which the person has the permission of the page. Its actions find
comments of no other site, so that a comment of a foreign site is answered like one that does not exist.
"""

from collections.abc import Mapping
from dataclasses import replace

from flask import redirect, request, url_for
from werkzeug.exceptions import Forbidden
from werkzeug.wrappers import Response

from moderation.domain.people import ALL_SITES, NO_SITES, Permission
from moderation.web.queue.auth import current_moderator, must_set_up_totp
from moderation.web.requests import narrow_services, services

WITHOUT_PERMISSION = frozenset(
    {
        *("queue.sign_in", "queue.submit_sign_in", "queue.submit_code", "queue.sign_out"),
        *("queue.begin_oidc", "queue.finish_oidc"),
        *("queue.account", "queue.start_totp", "queue.confirm_totp", "queue.disable_totp"),
    }
)
"""Pages that need no role, and no TOTP where the service requires it."""
NEEDED: Mapping[str, Permission] = {
    "queue.held": Permission.READ,
    "queue.held_by_name": Permission.READ,
    "queue.blocked": Permission.READ,
    "queue.public": Permission.READ,
    "queue.decided": Permission.READ,
    "queue.second-look": Permission.READ,
    "queue.comment": Permission.READ,
    "queue.add_view": Permission.READ,
    "queue.delete_view": Permission.READ,
    "queue.act": Permission.DECIDE,
    "queue.write_note": Permission.DECIDE,
    "queue.open_comment": Permission.DECIDE,
    "queue.undo": Permission.DECIDE,
    "queue.acts": Permission.DECIDE,
    "queue.agreement": Permission.DECIDE,
    "queue.log": Permission.OVERSEE,
    "queue.export_log": Permission.OVERSEE,
    "queue.sites": Permission.OVERSEE,
    "queue.site": Permission.OVERSEE,
    "queue.set_retention": Permission.ADMINISTER,
}
"""The permission that each page needs."""
NEEDED_ON_ALL_SITES: Mapping[str, Permission] = {
    "queue.campaigns": Permission.DECIDE,
    "queue.campaign": Permission.DECIDE,
    "queue.campaign_of": Permission.DECIDE,
    "queue.decide_campaign": Permission.DECIDE,
    "queue.revoke_rule": Permission.DECIDE,
    "queue.sweep": Permission.DECIDE,
    "queue.decide_band": Permission.DECIDE,
}
"""The permission that a page over all sites needs on all of them. A page without any is for owners of all sites."""


def require_permission() -> None:
    """Limit the services of this request to the sites on which the person has the permission of the page.

    Raises `Forbidden` without such a site.
    """
    moderator, page = current_moderator(), request.endpoint or ""
    if moderator is None or page in WITHOUT_PERMISSION:
        narrow_services(replace(services(), scope=NO_SITES))
        return
    if page in NEEDED:
        scope = moderator.access.scope(NEEDED[page])
    else:
        # The page may read without the scope.
        scope = moderator.access.scope(NEEDED_ON_ALL_SITES.get(page, Permission.ADMINISTER))
        scope = scope if scope == ALL_SITES else NO_SITES
    if not scope:
        raise Forbidden("Your role does not allow this. An owner can change it: `moderation moderator grant`.")
    narrow_services(replace(services(), scope=scope))


def require_totp() -> Response | None:
    """Lead a moderator who has to set TOTP up to the page of the account, before any other page.

    Raises `Forbidden` for a form.
    """
    moderator = current_moderator()
    if moderator is None or request.endpoint in WITHOUT_PERMISSION or not must_set_up_totp(moderator):
        return None
    if request.method == "POST":
        raise Forbidden("Set up codes for the sign-in first, on the page Account.")
    return redirect(url_for("queue.account"), 303)


def may(permission: str, site_id: int | None = None, *, everywhere: bool = False) -> bool:
    """Return whether the person who is signed in has a permission on a site, on all sites, or on any site."""
    moderator = current_moderator()
    if moderator is None:
        return False
    scope = moderator.access.scope(Permission(permission))
    if everywhere:
        return scope == ALL_SITES
    return bool(scope) if site_id is None else site_id in scope
