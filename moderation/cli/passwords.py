"""Where a moderator's password comes from."""

import secrets
import sys
from typing import TextIO

import click

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS = 4


def made_up() -> str:
    """A password of 79 random bits, in groups, without letters that look alike."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(_GROUPS)) for _ in range(_GROUPS))


def choose(file: TextIO | None, generate: bool) -> tuple[str, bool]:
    """The password, and whether it was made up here and must be shown: from the file, made up, or asked for.

    Raises a usage error when there is nobody to ask.
    """
    if file is not None:
        return file.readline().rstrip("\r\n"), False
    if generate:
        return made_up(), True
    if not _has_terminal():
        raise click.UsageError("There is no terminal to ask for a password: give --password-file or --generate.")
    return click.prompt("Password", hide_input=True, confirmation_prompt=True, type=str), False


def _has_terminal() -> bool:
    return sys.stdin.isatty()
