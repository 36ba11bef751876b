"""`moderation moderator`: the people who may decide on held comments."""

from typing import TextIO

import click

from moderation.actions import moderators, sessions
from moderation.cli._options import as_json, choose_password, generate, opened_services, password_file
from moderation.cli._output import print_json, print_table

_name_argument = click.argument("name")


@click.group()
def moderator() -> None:
    """Manage the people who may decide on held comments."""


@moderator.command()
@_name_argument
@password_file
@generate
@as_json
def add(name: str, password_file: TextIO | None, generate: bool, as_json: bool) -> None:
    """Add the moderator NAME. Asks for a password on a terminal; --json without a file generates one."""
    with opened_services() as services:
        password, is_new = choose_password(password_file, generate or as_json)
        moderators.add_moderator(services, name, password)
    _print_password(name, password if is_new else None, as_json)


@moderator.command(name="list")
@as_json
def list_moderators(as_json: bool) -> None:
    """List the moderators."""
    with opened_services() as services:
        people = moderators.list_moderators(services)
    if as_json:
        print_json([{"name": person.name, "created_at": person.created_at.isoformat()} for person in people])
    else:
        print_table(("MODERATOR", "SINCE"), [(person.name, f"{person.created_at:%Y-%m-%d}") for person in people])


@moderator.command()
@_name_argument
@password_file
@generate
@as_json
def reset(name: str, password_file: TextIO | None, generate: bool, as_json: bool) -> None:
    """Set a new password for NAME and end the sessions of the old one."""
    with opened_services() as services:
        password, is_new = choose_password(password_file, generate or as_json)
        moderators.reset_password(services, name, password)
    _print_password(name, password if is_new else None, as_json)


@moderator.command()
@_name_argument
def remove(name: str) -> None:
    """Remove NAME at once. The labels that they gave stay."""
    with opened_services() as services:
        moderators.remove_moderator(services, name)
    click.echo(f"{name} is removed.")


@moderator.command(name="sign-out")
@_name_argument
def sign_out(name: str) -> None:
    """End all sessions of NAME, on every device. The password stays."""
    with opened_services() as services:
        number = sessions.end_sessions(services, name)
    click.echo(f"{name} is signed out. Ended sessions: {number}.")


def _print_password(name: str, new_password: str | None, as_json: bool) -> None:
    if as_json:
        print_json({"name": name} | ({"password": new_password} if new_password else {}))
    else:
        click.echo(f"Moderator  {name}" + (f"\nPassword   {new_password}  (shown only once)" if new_password else ""))
