"""`moderation promote`."""

from pathlib import Path

import click

from moderation.actions.retrain import promote
from moderation.assembly import open_shelf
from moderation.cli.options import input_file
from moderation.cli.printing import say
from moderation.settings import Settings


@click.command(name="promote")
@click.argument("model_id", metavar="ID")
@click.option(
    "--against",
    "files",
    metavar="CORPUS",
    multiple=True,
    type=input_file,
    help="Compare with the live model on this file, which neither has learnt from; may be given several times.",
)
@click.option("--force", is_flag=True, help="Promote it whatever the comparison says.")
def command(model_id: str, files: tuple[Path, ...], force: bool) -> None:
    """Make the model ID the live one. Running servers take it up with their next request.

    With --against, a model that does worse than the live one is refused, with every objection, and exit code 3.
    """
    shelf = open_shelf(Settings.from_environment())
    promote(shelf, model_id, files, force=force, report=say)
    click.echo(f"The model {model_id} is live. `moderation rollback` goes back.")
