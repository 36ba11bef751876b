"""`moderation site akismet`: how a site's Akismet client keeps what waits for a person."""

from dataclasses import asdict

import click

from moderation.actions import access, courier
from moderation.cli.opened import the_desk
from moderation.cli.options import as_json, the_url
from moderation.cli.printing import print_json, say
from moderation.domain.site import Holding, ReviewMeans, Site


@click.command()
@the_url
@click.option(
    "--review",
    "means",
    type=click.Choice([means.value for means in ReviewMeans]),
    help="What becomes of a comment in doubt.",
)
@click.option("--hold-seconds", "seconds", type=int, help="Time to decide; after twice that the blog publishes.")
@click.option(
    "--private-callback/--no-private-callback",
    "private",
    default=None,
    help="Whether the blog may be called at a private or loopback address.",
)
@click.option("--tell-again", is_flag=True, help="Tell the blog once more what it was given up on.")
@as_json
def akismet(
    url: str, means: str | None, seconds: int | None, private: bool | None, tell_again: bool, as_json: bool
) -> None:
    """Show or change how the Akismet client of the site at URL keeps what waits for a person."""
    with the_desk() as desk:
        site = access.find_site(desk, url)
        now = site.holding
        asked = Holding(
            now.means if means is None else ReviewMeans(means),
            now.seconds if seconds is None else seconds,
            now.private_callback if private is None else private,
        )
        if asked != now:
            site = access.set_holding(desk, url, asked)
        if tell_again:
            say(f"The blog is told {courier.tell_again(desk, site)} decisions again.")
    if as_json:
        print_json({"url": site.url, "akismet": asdict(site.holding)})
    else:
        click.echo(_told(site))


def _told(site: Site) -> str:
    holding = site.holding
    may = "may" if holding.private_callback else "may not"
    return (
        f"{site.url}: review means {holding.means}; a person has {holding.seconds} seconds to decide; "
        f"the blog {may} be called at a private address"
    )
