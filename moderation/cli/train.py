"""`moderation train`."""

from datetime import UTC, datetime
from pathlib import Path

import click

from moderation.actions.retrain import read_recipe, train
from moderation.assembly import open_shelf
from moderation.cli.options import input_file, the_corpora
from moderation.cli.printing import print_table, say
from moderation.settings import Settings


@click.command(name="train")
@the_corpora
@click.option("--recipe", "recipe_file", type=input_file, help="TOML file that says how to train.")
@click.option("--id", "model_id", metavar="ID", help="Name of the model; date and time if not given.")
def command(files: tuple[Path, ...], recipe_file: Path | None, model_id: str | None) -> None:
    """Train a model on files of labelled comments and put it on the shelf. It does not go live.

    CORPUS is CSV or JSON Lines, plain or gzip'd, with at least the columns text and label (spam or ham).
    Each file counts as one source; the figures are measured on sources held out in turn.
    """
    shelf = open_shelf(Settings.from_environment())
    card = train(shelf, files, read_recipe(recipe_file), model_id=model_id, report=say, now=datetime.now(UTC))
    print_table(("FIGURE", "VALUE"), [(name, f"{value:.4f}") for name, value in card.metrics.items()])
    click.echo()
    click.echo(f"The model {card.id} is on the shelf. It is not live; `moderation promote {card.id}` makes it so.")
