"""`moderation site budget` and `moderation site certify`: what a site may lose, and what it has earned."""

from dataclasses import asdict
from typing import Any

import click

from moderation.actions import access
from moderation.actions.standing import Ladder, ladder_of, renew, set_budget
from moderation.cli.opened import the_desk
from moderation.cli.options import as_json, the_url
from moderation.cli.printing import print_json
from moderation.cli.site_policy import named_lines
from moderation.domain.budget import Budget, percent


def share(written: str) -> float:
    """A share as people write it: `1/200`, `0.005`, `0.5%`. Raises `ValueError` for anything else."""
    number, _, divisor = written.strip().removesuffix("%").partition("/")
    parts = float(divisor or 1) * (100 if written.strip().endswith("%") else 1)
    if parts == 0:
        raise ValueError(f"{written!r} is no share; write 1/200, 0.005 or 0.5%.")
    return float(number) / parts


@click.command()
@the_url
@click.option("--lost", type=share, help="Share of good comments that may be lost as spam, such as 1/200.")
@click.option("--held", type=share, help="Share of good comments that may be held or lost, such as 1/20.")
@click.option("--confidence", type=share, help="How sure to be that both shares are kept, such as 0.95.")
@click.option("--reset", is_flag=True, help="Take this budget away: that of all sites holds again.")
@as_json
def budget(url: str, reset: bool, as_json: bool, **shares: float | None) -> None:
    """Show or change what the site at URL may lose, and show what it has earned; shares not given stay as they are."""
    given = {name: share for name, share in shares.items() if share is not None}
    if given and reset:
        raise click.UsageError("--reset goes without the other options.")
    with the_desk() as desk:
        site = access.find_site(desk, url)
        if given or reset:
            asked = None if reset else Budget(**(asdict(site.budget or desk.budget) | given))
            site = set_budget(desk, url, asked)
        ladder = ladder_of(desk, site)
    if as_json:
        print_json(_described(ladder))
    else:
        _tell(ladder)


@click.command()
@click.argument("url", required=False)
@as_json
def certify(url: str | None, as_json: bool) -> None:
    """Draw the lines that are due, of the site at URL or of all; the service does so every few minutes."""
    with the_desk() as desk:
        sites = access.list_sites(desk) if url is None else [access.find_site(desk, url)]
        changed = {site.id for site in sites if renew(desk, site)}
        ladders = [ladder_of(desk, access.find_site(desk, site.url)) for site in sites]
    if as_json:
        print_json([_described(one) | {"changed": one.site.id in changed} for one in ladders])
        return
    for one in ladders:
        step = f"step {one.standing.step}" if one.standing else "its own lines"
        click.echo(f"{one.site.url}: {step}, {'drawn now' if one.site.id in changed else 'nothing was due'}.")
        click.echo(f"  {one.next_step}")


def _described(ladder: Ladder) -> dict[str, Any]:
    standing = ladder.standing
    return {
        "url": ladder.site.url,
        "budget": asdict(ladder.budget),
        "own_budget": ladder.site.budget is not None,
        "step": standing.step if standing else None,
        "lines": asdict(ladder.lines) if ladder.lines else None,
        "review": asdict(standing.review) if standing and standing.review else None,
        "spam": asdict(standing.spam) if standing and standing.spam else None,
        "good": ladder.good,
        "next": ladder.next_step,
        "spam_share": ladder.spam_share,
    }


def _tell(ladder: Ladder) -> None:
    allowed, standing = ladder.budget, ladder.standing
    click.echo(ladder.site.url)
    click.echo(
        f"Budget  lose at most {percent(allowed.lost)} of good comments, hold or lose at most {percent(allowed.held)}, "
        f"with a confidence of {100 * allowed.confidence:g} % "
        f"({'its own' if ladder.site.budget else 'that of all sites'})"
    )
    click.echo(f"Step    {standing.step if standing else 'none: its own lines, no certificate'}")
    if ladder.lines:
        click.echo(f"Lines   {named_lines(ladder.lines)}")
    if standing:
        click.echo(f"Review  {standing.review or 'not certified'}")
        click.echo(f"Spam    {standing.spam or 'not certified'}")
    click.echo(f"Next    {ladder.next_step}")
    if ladder.spam_share is not None:
        click.echo(f"Traffic about {ladder.spam_share:.0%} of its comments are spam")
