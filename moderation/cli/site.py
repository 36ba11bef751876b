"""`moderation site`: who may send comments."""

import click

from moderation.actions import access
from moderation.cli.opened import the_desk
from moderation.cli.options import as_json, the_url
from moderation.cli.printing import print_json, print_table
from moderation.cli.site_akismet import akismet
from moderation.cli.site_policy import described, policy
from moderation.domain.policy import Policy


@click.group(name="site")
def command() -> None:
    """Sites that may send comments, their keys and their policies."""


command.add_command(policy)
command.add_command(akismet)


@command.command()
@the_url
@click.option("--key", metavar="12HEX", help="Bring a key of 12 hexadecimal digits along, instead of a random one.")
@as_json
def add(url: str, key: str | None, as_json: bool) -> None:
    """Let the blog at URL in. Its key is shown only now."""
    with the_desk() as desk:
        site, new_key = access.add_site(desk, url, key)
    _print_key(site.url, new_key, as_json)


@command.command(name="list")
@as_json
def list_sites(as_json: bool) -> None:
    """List the sites with their lines; a dash means that the live model's lines hold."""
    with the_desk() as desk:
        sites = access.list_sites(desk)
    if as_json:
        print_json([described(site) for site in sites])
    else:
        rows = [(site.url, *_lines(site.policy), f"{site.created_at:%Y-%m-%d}") for site in sites]
        print_table(("SITE", "REVIEW", "SPAM", "DISCARD", "SINCE"), rows)


@command.command()
@the_url
@as_json
def rotate_key(url: str, as_json: bool) -> None:
    """Make another key. The one before goes on working until the next rotation."""
    with the_desk() as desk:
        address, new_key = access.find_site(desk, url).url, access.rotate_key(desk, url)
    _print_key(address, new_key, as_json)


@command.command()
@the_url
def remove(url: str) -> None:
    """Shut the blog at URL out. What it sent and what was said of it stays."""
    with the_desk() as desk:
        access.remove_site(desk, url)
    click.echo(f"{url} is removed; its keys work no more.")


def _print_key(url: str, key: str, as_json: bool) -> None:
    if as_json:
        print_json({"url": url, "key": key})
    else:
        click.echo(f"Site  {url}\nKey   {key}  (shown only now)")


def _lines(own: Policy | None) -> tuple[str, str, str]:
    return (f"{own.review:g}", f"{own.spam:g}", f"{own.discard:g}") if own else ("-", "-", "-")
