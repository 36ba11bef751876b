"""The site that a judgement is made for: its lines, and what its people said of comments."""

from moderation.actions.access import find_site
from moderation.actions.neighbours import neighbours_of_text
from moderation.cli.opened import the_desk
from moderation.domain.comment import Comment
from moderation.domain.judgement import Neighbour
from moderation.domain.site import Site
from moderation.settings import Settings


def site_at(url: str | None, settings: Settings) -> Site | None:
    """The site with this address; without one, `None`, and the database is not touched."""
    if url is None:
        return None
    with the_desk(settings) as desk:
        return find_site(desk, url)


def neighbours_at(site: Site | None, comment: Comment, settings: Settings) -> list[Neighbour]:
    """The site's labelled comments that are like this one; without a site none, and the database is not touched."""
    if site is None:
        return []
    with the_desk(settings) as desk:
        return neighbours_of_text(desk, site.id, comment.text)
