"""Whose lines a judgement goes by."""

from moderation.actions.access import find_site
from moderation.cli.opened import the_desk
from moderation.domain.site import Site
from moderation.settings import Settings


def site_at(url: str | None, settings: Settings) -> Site | None:
    """The site with this address; without one, `None`, and the database is not touched."""
    if url is None:
        return None
    with the_desk(settings) as desk:
        return find_site(desk, url)
