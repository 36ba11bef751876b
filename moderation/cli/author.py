"""`moderation author`: trust and block authors on facts that their blog vouches for."""

import click

from moderation.actions.author_rules import MAX_DAYS, list_author_rules, set_author_rule
from moderation.actions.sites import find_site
from moderation.cli._options import as_json, opened_services, url_argument
from moderation.cli._output import print_json, print_table
from moderation.domain.authors import AuthorFact, AuthorRule, Standing
from moderation.web.api.author_schemas import AuthorRuleResponse

_STANDINGS = {"trust": Standing.TRUSTED, "block": Standing.BLOCKED, "forget": None}


@click.group()
def author() -> None:
    """Trust and block authors by their id or role at the blog."""


@author.command(name="set")
@url_argument
@click.argument("verb", type=click.Choice(list(_STANDINGS)))
@click.option("--id", "author_id", metavar="ID", help="The author's id, as the blog sends it.")
@click.option("--role", metavar="ROLE", help="All authors of this role, such as editor.")
@click.option("--days", type=click.IntRange(1, MAX_DAYS), help="For so many days; without it for good.")
@click.option("--by", "set_by", metavar="NAME", default="cli", help="The person who decides.")
@click.option("--why", "reason", metavar="TEXT", default="", help="The reason, which decisions then name.")
def set_(
    url: str, verb: str, author_id: str | None, role: str | None, days: int | None, set_by: str, reason: str
) -> None:
    """Trust or block an author of the blog at URL, or forget that.

    VERB is trust, block or forget. Nothing is learnt from it. A comment by a trusted author is published, unless a list
    of the operator weighs more.
    """
    if (author_id is None) == (role is None):
        raise click.UsageError("Name the author by --id or by --role.")
    fact, value = (AuthorFact.ID, author_id or "") if role is None else (AuthorFact.ROLE, role)
    with opened_services() as services:
        site = find_site(services, url)
        set_author_rule(services, site, fact, value, _STANDINGS[verb], set_by, "cli", days=days, reason=reason)
    click.echo(f"{verb}: {fact} {value}")


@author.command(name="list")
@url_argument
@as_json
def list_(url: str, as_json: bool) -> None:
    """List the trusted and blocked authors of the blog at URL, the newest first."""
    with opened_services() as services:
        rules = list_author_rules(services, find_site(services, url))
    if as_json:
        print_json([AuthorRuleResponse.model_validate(rule) for rule in rules])
    else:
        print_table(("standing", "fact", "value", "by", "when", "until", "why"), map(_row, rules))


def _row(rule: AuthorRule) -> tuple[str, ...]:
    until = f"{rule.expires_at:%Y-%m-%d}" if rule.expires_at else ""
    return (rule.standing, rule.fact, rule.value, rule.set_by, f"{rule.created_at:%Y-%m-%d}", until, rule.reason)
