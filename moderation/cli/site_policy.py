"""`moderation site policy`: the lines of a site."""

from dataclasses import asdict
from typing import Any

import click

from moderation.actions import access
from moderation.actions.desk import Desk
from moderation.actions.standing import lines_for
from moderation.cli.opened import the_desk
from moderation.cli.options import as_json, the_url
from moderation.cli.printing import print_json
from moderation.domain.budget import Standing
from moderation.domain.policy import Policy
from moderation.domain.site import LETTER_TYPES, Site


@click.command()
@the_url
@click.option("--review", type=float, help="Probability from which comments are held for a person.")
@click.option("--spam", type=float, help="Probability from which comments are spam.")
@click.option("--discard", type=float, help="Probability from which nobody need see the comment.")
@click.option("--type", "comment_type", metavar="TYPE", help="Of this type of comment only, such as contact-form.")
@click.option("--reset", is_flag=True, help="Take these lines away: back to the ladder.")
@as_json
def policy(url: str, comment_type: str | None, reset: bool, as_json: bool, **lines: float | None) -> None:
    """Show or change the lines of the site at URL, within 0 and 1; lines not given stay where they are."""
    given = {name: line for name, line in lines.items() if line is not None}
    if given and reset:
        raise click.UsageError("--reset goes without the other lines.")
    with the_desk() as desk:
        site = access.find_site(desk, url)
        if given or reset:
            site = _draw(desk, url, comment_type, None if reset else _changed(desk, site, comment_type, given))
        in_force, standing = lines_for(desk, site, comment_type)
    if as_json:
        print_json(described(site) | {"step": standing.step if standing else None, "lines": asdict(in_force)})
    else:
        click.echo(f"{site.url} keeps {_whose(site, comment_type, standing)}: {named_lines(in_force)}")


def named_lines(policy: Policy) -> str:
    """The lines in a row."""
    return ", ".join(f"{name} {line:g}" for name, line in asdict(policy).items())


def described(site: Site) -> dict[str, Any]:
    """A site as scripts read it."""
    return {
        "url": site.url,
        "policy": asdict(site.policy) if site.policy else None,
        "type_policies": {kind: asdict(own) for kind, own in site.type_policies.items()},
        "budget": asdict(site.budget) if site.budget else None,
        "akismet": asdict(site.holding),
        "created_at": site.created_at.isoformat(),
    }


def _draw(desk: Desk, url: str, comment_type: str | None, drawn: Policy | None) -> Site:
    if comment_type is None:
        return access.set_policy(desk, url, drawn)
    return access.set_type_policy(desk, url, comment_type, drawn)


def _changed(desk: Desk, site: Site, comment_type: str | None, given: dict[str, float]) -> Policy:
    if len(given) == len(Policy.__slots__):
        return Policy(**given)
    return Policy(**(asdict(lines_for(desk, site, comment_type)[0]) | given))


def _whose(site: Site, comment_type: str | None, standing: Standing | None) -> str:
    if comment_type in site.type_policies:
        return f"lines of its own for {comment_type}, no certificate"
    whose = f"the lines of the step {standing.step}" if standing else "its own lines, no certificate"
    return f"{whose}, one step milder for {comment_type}" if comment_type in LETTER_TYPES else whose
