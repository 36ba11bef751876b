"""Parts that several commands share: arguments, options, passwords and the opened services."""

import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from moderation.actions.services import Services
from moderation.settings import Settings
from moderation.wiring import open_services

if TYPE_CHECKING:
    from moderation.training.corpus import LabelWords

_PASSWORD_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_PASSWORD_GROUP_LENGTH = 4
_PASSWORD_GROUPS = 4


def _parse_label_words(_ctx: click.Context, _param: click.Parameter, value: str) -> "LabelWords":
    # Imported here, because the commands of the service use this module too and need no corpus.
    from moderation.training.corpus import parse_label_words

    try:
        return parse_label_words(value)
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from None


input_file = click.Path(exists=True, dir_okay=False, readable=True, allow_dash=True, path_type=Path)
output_file = click.Path(dir_okay=False, allow_dash=True, path_type=Path)

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
corpora_argument = click.argument("files", metavar="CORPUS...", nargs=-1, required=True, type=input_file)
labels_option = click.option(
    "--labels",
    "words",
    metavar="WORD=LABEL,...",
    callback=_parse_label_words,
    default="spam=spam,ham=ham",
    help="Meaning of other label words, such as trash=spam,approved=ham,unapproved=skip; skip leaves a row out.",
)
url_argument = click.argument("url")
password_file = click.option(
    "--password-file", type=click.File("r", encoding="utf-8"), help="Read the password from the first line; - is stdin."
)
raw = click.option("--raw", is_flag=True, help="Write cells that a spreadsheet would run as formulae as they are.")
generate = click.option("--generate", is_flag=True, help="Generate a password and print it.")


@contextmanager
def opened_services(settings: Settings | None = None) -> Iterator[Services]:
    """Open the services for the block. Raises `StorageUnavailable` before `moderation init` was run."""
    services = open_services(settings or Settings.from_environment(), patient=True)
    try:
        yield services
    finally:
        services.engine.dispose()


def choose_password(file: TextIO | None, generate: bool) -> tuple[str, bool]:
    """Return a password from the file, generated, or from the terminal, and whether it has to be shown.

    Raises `click.UsageError` if there is no terminal to ask on.
    """
    if file is not None:
        return file.readline().rstrip("\r\n"), False
    if generate:
        return generate_password(), True
    if not _has_terminal():
        raise click.UsageError("There is no terminal to ask for a password: use --password-file or --generate.")
    return click.prompt("Password", hide_input=True, confirmation_prompt=True, type=str), False


def generate_password() -> str:
    """Return a password of 79 random bits, in groups, without letters that look alike."""
    groups = (
        "".join(secrets.choice(_PASSWORD_ALPHABET) for _ in range(_PASSWORD_GROUP_LENGTH))
        for _ in range(_PASSWORD_GROUPS)
    )
    return "-".join(groups)


def _has_terminal() -> bool:
    return sys.stdin.isatty()
