"""`moderation site policy`: the lines of a site."""

from dataclasses import asdict
from typing import Any

import click

from moderation.actions import access
from moderation.actions.desk import Desk
from moderation.cli.opened import the_desk
from moderation.cli.options import as_json, the_url
from moderation.cli.printing import print_json
from moderation.domain.policy import Policy
from moderation.domain.site import LETTER_TYPES, Site


@click.command()
@the_url
@click.option("--review", type=float, help="Probability from which comments are held for a person.")
@click.option("--spam", type=float, help="Probability from which comments are spam.")
@click.option("--discard", type=float, help="Probability from which nobody need see the comment.")
@click.option("--type", "comment_type", metavar="TYPE", help="Of this type of comment only, such as contact-form.")
@click.option("--reset", is_flag=True, help="Take these lines away again.")
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
        in_force = _in_force(desk, site, comment_type)
    if as_json:
        print_json(described(site) | {"lines": asdict(in_force)})
    else:
        named = ", ".join(f"{name} {line:g}" for name, line in asdict(in_force).items())
        click.echo(f"{site.url} keeps {_whose(site, comment_type)}: {named}")


def described(site: Site) -> dict[str, Any]:
    """A site as scripts read it."""
    return {
        "url": site.url,
        "policy": asdict(site.policy) if site.policy else None,
        "type_policies": {kind: asdict(own) for kind, own in site.type_policies.items()},
        "akismet": asdict(site.holding),
        "created_at": site.created_at.isoformat(),
    }


def _draw(desk: Desk, url: str, comment_type: str | None, drawn: Policy | None) -> Site:
    if comment_type is None:
        return access.set_policy(desk, url, drawn)
    return access.set_type_policy(desk, url, comment_type, drawn)


def _in_force(desk: Desk, site: Site, comment_type: str | None) -> Policy:
    own = site.type_policies.get(comment_type or "")
    return own or site.policy_for(comment_type, site.policy or desk.live.current().lines)


def _changed(desk: Desk, site: Site, comment_type: str | None, given: dict[str, float]) -> Policy:
    if len(given) == len(Policy.__slots__):
        return Policy(**given)
    return Policy(**(asdict(_in_force(desk, site, comment_type)) | given))


def _whose(site: Site, comment_type: str | None) -> str:
    if comment_type in site.type_policies:
        return f"lines of its own for {comment_type}"
    whose = "its own lines" if site.policy else "the live model's lines"
    return f"{whose}, one step milder for {comment_type}" if comment_type in LETTER_TYPES else whose
