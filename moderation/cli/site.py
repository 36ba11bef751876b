"""`moderation site`: who may send comments."""

from dataclasses import asdict
from typing import Any

import click

from moderation.actions import access
from moderation.actions.desk import Desk
from moderation.cli.opened import the_desk
from moderation.cli.options import as_json, the_url
from moderation.cli.printing import print_json, print_table
from moderation.domain.policy import Policy
from moderation.domain.site import Site


@click.group(name="site")
def command() -> None:
    """Sites that may send comments, their keys and their lines."""


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
        print_json([_described(site) for site in sites])
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


@command.command()
@the_url
@click.option("--review", type=float, help="Probability from which comments are held for a person.")
@click.option("--spam", type=float, help="Probability from which comments are spam.")
@click.option("--discard", type=float, help="Probability from which nobody need see the comment.")
@click.option("--reset", is_flag=True, help="Follow the live model's own lines again.")
@as_json
def policy(url: str, reset: bool, as_json: bool, **lines: float | None) -> None:
    """Show or change the lines of the site at URL, within 0 and 1; lines not given stay where they are."""
    given = {name: line for name, line in lines.items() if line is not None}
    if given and reset:
        raise click.UsageError("--reset goes without the other lines.")
    with the_desk() as desk:
        site = access.find_site(desk, url)
        if given or reset:
            site = access.set_policy(desk, url, None if reset else _changed(desk, site, given))
        shown = _described(site) | {"lines": asdict(_in_force(desk, site))}
    if as_json:
        print_json(shown)
    else:
        whose = "its own lines" if site.policy else "the live model's lines"
        named = ", ".join(f"{name} {line:g}" for name, line in shown["lines"].items())
        click.echo(f"{site.url} keeps {whose}: {named}")


def _in_force(desk: Desk, site: Site) -> Policy:
    return site.policy or desk.live.current().lines


def _changed(desk: Desk, site: Site, given: dict[str, float]) -> Policy:
    if len(given) == len(Policy.__slots__):
        return Policy(**given)
    return Policy(**(asdict(_in_force(desk, site)) | given))


def _print_key(url: str, key: str, as_json: bool) -> None:
    if as_json:
        print_json({"url": url, "key": key})
    else:
        click.echo(f"Site  {url}\nKey   {key}  (shown only now)")


def _described(site: Site) -> dict[str, Any]:
    own = asdict(site.policy) if site.policy else None
    return {"url": site.url, "policy": own, "created_at": site.created_at.isoformat()}


def _lines(own: Policy | None) -> tuple[str, str, str]:
    return (f"{own.review:g}", f"{own.spam:g}", f"{own.discard:g}") if own else ("-", "-", "-")
