"""`moderation token`: tokens for parts of the API, beside the key of a site."""

from datetime import UTC, datetime

import click

from moderation.actions import tokens
from moderation.cli._options import as_json, opened_services, url_argument
from moderation.cli._output import print_json, print_table
from moderation.domain.tokens import ApiToken, Purpose

DEFAULT_DAYS = 90

_id_argument = click.argument("token_id", metavar="ID", type=click.IntRange(1, 2**31 - 1))


@click.group()
def token() -> None:
    """Manage tokens that open only a part of the API, and end by themselves."""


@token.command()
@url_argument
@click.argument("name")
@click.option(
    "--for",
    "purposes",
    type=click.Choice([purpose.value for purpose in Purpose]),
    multiple=True,
    required=True,
    help="A purpose of the token; may be repeated.",
)
@click.option(
    "--days", type=click.IntRange(1, 3650), default=DEFAULT_DAYS, show_default=True, help="Days until it ends."
)
@click.option("--no-end", is_flag=True, help="Let it work until it is revoked.")
@as_json
def add(url: str, name: str, purposes: tuple[str, ...], days: int, no_end: bool, as_json: bool) -> None:
    """Give the site at URL a token with a NAME for people. The token is shown only once."""
    with opened_services() as services:
        wanted = list(map(Purpose, purposes))
        new = tokens.add_token(services, url, name, wanted, None if no_end else days)
    if as_json:
        print_json(_plain(url, new.token) | {"token": new.text})
    else:
        click.echo(f"Token  {new.text}  (shown only once)\nId     {new.token.id}\nEnds   {_end(new.token)}")


@token.command(name="list")
@as_json
def list_tokens(as_json: bool) -> None:
    """List the tokens with their purposes, their end and their last use."""
    with opened_services() as services:
        found = tokens.list_tokens(services)
    if as_json:
        print_json([_plain(url, each) for url, each in found])
    else:
        header = ("ID", "SITE", "NAME", "FOR", "ENDS", "LAST USE")
        print_table(header, [_table_row(url, each) for url, each in found])


@token.command()
@_id_argument
def revoke(token_id: int) -> None:
    """Revoke token ID at once."""
    with opened_services() as services:
        tokens.revoke_token(services, token_id)
    click.echo(f"Token {token_id} is revoked.")


def _plain(url: str, found: ApiToken) -> dict[str, object]:
    return {
        "id": found.id,
        "site": url,
        "name": found.name,
        "for": sorted(found.purposes),
        "created_at": found.created_at.isoformat(),
        "expires_at": found.expires_at and found.expires_at.isoformat(),
        "last_used_at": found.last_used_at and found.last_used_at.isoformat(),
    }


def _table_row(url: str, found: ApiToken) -> tuple[str, ...]:
    used = f"{found.last_used_at:%Y-%m-%d %H:%M}" if found.last_used_at else "never"
    return str(found.id), url, found.name, " ".join(sorted(found.purposes)), _end(found), used


def _end(found: ApiToken) -> str:
    if found.expires_at is None:
        return "never"
    shown = f"{found.expires_at:%Y-%m-%d %H:%M}"
    return shown if found.is_valid(datetime.now(UTC)) else f"{shown} (expired)"
