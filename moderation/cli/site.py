"""`moderation site`: who may send comments."""

import click

from moderation.actions import access
from moderation.actions.standing import Ladder, all_ladders
from moderation.cli.opened import the_desk
from moderation.cli.options import as_json, the_url
from moderation.cli.printing import print_json, print_table
from moderation.cli.site_akismet import akismet
from moderation.cli.site_budget import budget, certify
from moderation.cli.site_policy import described, policy


@click.group(name="site")
def command() -> None:
    """Sites that may send comments, their keys and their policies."""


command.add_command(policy)
command.add_command(budget)
command.add_command(certify)
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
    """List the sites, each with its step on the ladder and its lines; a dash means that it keeps lines of its own."""
    with the_desk() as desk:
        found = all_ladders(desk)
    if as_json:
        print_json([described(one.site) | {"step": one.standing.step if one.standing else None} for one in found])
    else:
        print_table(("SITE", "STEP", "REVIEW", "SPAM", "DISCARD", "SINCE"), map(_row, found))


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


def _row(one: Ladder) -> tuple[str, ...]:
    drawn = one.lines
    lines = (f"{drawn.review:g}", f"{drawn.spam:g}", f"{drawn.discard:g}") if drawn else ("", "", "")
    return one.site.url, one.standing.step if one.standing else "-", *lines, f"{one.site.created_at:%Y-%m-%d}"
