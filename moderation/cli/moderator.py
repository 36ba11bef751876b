"""`moderation moderator`: who may decide."""

from typing import Any, TextIO

import click

from moderation.actions import access
from moderation.cli.opened import the_desk
from moderation.cli.options import as_json, generate, password_file
from moderation.cli.passwords import choose
from moderation.cli.printing import print_json, print_table

_NAME = click.argument("name")


@click.group(name="moderator")
def command() -> None:
    """People who may decide what was held."""


@command.command()
@_NAME
@password_file
@generate
@as_json
def add(name: str, password_file: TextIO | None, generate: bool, as_json: bool) -> None:
    """Let NAME decide what was held. Asks for a password on a terminal; with --json and no file it makes one up."""
    with the_desk() as desk:
        password, is_new = choose(password_file, generate or as_json)
        access.add_moderator(desk, name, password)
    _print_password(name, password if is_new else None, as_json)


@command.command(name="list")
@as_json
def list_moderators(as_json: bool) -> None:
    """List the moderators."""
    with the_desk() as desk:
        people = access.list_moderators(desk)
    if as_json:
        print_json([{"name": person.name, "created_at": person.created_at.isoformat()} for person in people])
    else:
        print_table(("MODERATOR", "SINCE"), [(person.name, f"{person.created_at:%Y-%m-%d}") for person in people])


@command.command()
@_NAME
@password_file
@generate
@as_json
def reset(name: str, password_file: TextIO | None, generate: bool, as_json: bool) -> None:
    """Give NAME another password."""
    with the_desk() as desk:
        password, is_new = choose(password_file, generate or as_json)
        access.reset_password(desk, name, password)
    _print_password(name, password if is_new else None, as_json)


@command.command()
@_NAME
def remove(name: str) -> None:
    """Shut NAME out, from the next click on; the labels they gave stay."""
    with the_desk() as desk:
        access.remove_moderator(desk, name)
    click.echo(f"{name} is removed.")


def _print_password(name: str, new_password: str | None, as_json: bool) -> None:
    shown: dict[str, Any] = {"name": name} | ({"password": new_password} if new_password else {})
    if as_json:
        print_json(shown)
    else:
        click.echo(f"Moderator  {name}" + (f"\nPassword   {new_password}  (shown only now)" if new_password else ""))
