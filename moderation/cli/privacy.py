"""`moderation privacy`: all that is stored about a person, its erasure, and the receipts of erasures."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from moderation.actions.erasure import compact_database, count_comments, erase_person, export_person
from moderation.actions.receipts import as_text, verify_receipt
from moderation.actions.sites import find_site
from moderation.cli._options import input_file, opened_services, output_file, url_argument
from moderation.cli._output import echo_status, open_output
from moderation.domain.person import Identifier, Person
from moderation.domain.receipt import MAX_RECEIPT_BYTES, Receipt

Command = TypeVar("Command", bound=Callable[..., Any])

_FROM_STDIN = "-"


def person_options(command: Command) -> Command:
    """Add the options that name a person."""
    for by, words in (
        (Identifier.NAME, "The name that the comments have."),
        (Identifier.AUTHOR_ID, "The author's id at the blog."),
        (Identifier.EMAIL, "The e-mail address that the comments have."),
    ):
        name = by.value.upper().replace("-", " ").split()[-1]
        command = click.option(f"--{by.value}", by.column, metavar=name, help=f"{words} With - it is read from stdin.")(
            command
        )
    return command


@click.group()
def privacy() -> None:
    """Show and erase all that is stored about a person who wrote comments."""


@privacy.command()
@url_argument
@person_options
@click.option("--output", type=output_file, help="Write to this file instead of stdout.")
def export(url: str, output: Path | None, **identifiers: str | None) -> None:
    """Export the comments of a person at the site at URL, as JSON Lines.

    Each line has the fields of a comment with its decisions, labels and notes.
    """
    person = _person(identifiers)
    with opened_services() as services, open_output(output) as stream:
        stream.writelines(export_person(services, find_site(services, url), person))


@privacy.command()
@url_argument
@person_options
@click.option("--receipt", type=output_file, help="Write the receipt to this file instead of stdout.")
@click.option("--dry-run", is_flag=True, help="Count the comments only.")
def erase(url: str, receipt: Path | None, dry_run: bool, **identifiers: str | None) -> None:
    """Erase all that is stored about a person at the site at URL, and write a receipt.

    The service may run. Labels of the comments are taken back. Backups that may have the comments are named.
    """
    person = _person(identifiers)
    with opened_services() as services:
        site = find_site(services, url)
        if dry_run:
            click.echo(f"{count_comments(services, site, person):,} comments would be erased.")
            return
        done = erase_person(services, site, person, "cli")
        with open_output(receipt) as stream:
            stream.write(as_text(services, done))
    echo_status(f"{done.comments:,} comments and {done.labels:,} labels are erased.")
    for sentence in _left_to_do(done):
        echo_status(sentence)


@privacy.command()
@click.argument("receipt", type=input_file)
def verify(receipt: Path) -> None:
    """Check that this installation wrote the file RECEIPT as it is."""
    with click.open_file(str(receipt), "rb") as stream:
        text = stream.read(MAX_RECEIPT_BYTES + 1)
    with opened_services() as services:
        checked = verify_receipt(services, text)
    click.echo(f"The receipt is valid: {checked.comments:,} comments at {checked.site} were erased.")
    for sentence in _left_to_do(checked):
        click.echo(sentence)


@privacy.command()
def compact() -> None:
    """Rewrite the database, so that no byte of deleted comments is left in its files.

    Scores wait meanwhile: some seconds for each gigabyte.
    """
    with opened_services() as services:
        done = compact_database(services)
    if done.wal_emptied:
        click.echo("The database is rewritten.")
    elif done.kind == "postgresql":
        click.echo(
            "The tables are rewritten. The server's log still has deleted rows: docs/privacy.md says what to do."
        )
    else:
        click.echo("The database is rewritten, but a long read keeps its -wal file: run the command again.")


def _person(identifiers: dict[str, str | None]) -> Person:
    given = [(by, value) for by in Identifier if (value := identifiers[by.column]) is not None]
    if len(given) != 1:
        raise click.UsageError("Name the person by one of --email, --author-id and --name.")
    by, value = given[0]
    return Person(by, sys.stdin.readline().strip("\r\n") if value == _FROM_STDIN else value)


def _left_to_do(receipt: Receipt) -> list[str]:
    left = [
        f"Backup {path} may have the comments: delete it, or erase again once restored." for path in receipt.backups
    ]
    left += [f"Model {model} may have learnt from the labels: train it again." for model in receipt.models]
    left += [f"The list {name} of all sites has the mailbox." for name in receipt.other_lists]
    if receipt.database == "postgresql":
        left.append("Rows are left in PostgreSQL's files: run `moderation privacy compact`.")
    elif not (receipt.rewritten and receipt.wal_emptied):
        left.append("Bytes may be left in the database's files: run `moderation privacy compact`.")
    return left
