"""`moderation evaluate`."""

from pathlib import Path

import click

from moderation.actions.retrain import evaluate
from moderation.assembly import open_shelf
from moderation.cli.options import as_json, the_corpora
from moderation.cli.printing import print_json, say
from moderation.domain.errors import ModelRefused
from moderation.settings import Settings


@click.command(name="evaluate")
@the_corpora
@click.option("--model", "model_ids", metavar="ID", multiple=True, help="Measure this model instead of the live one.")
@as_json
def command(files: tuple[Path, ...], model_ids: tuple[str, ...], as_json: bool) -> None:
    """Measure models on files of labelled comments, at the models' own lines; --model may be given several times.

    A model does well on what it learnt from: give it comments that it has not seen. Shares are in percent: spam
    caught (held or blocked) and blocked, ham lost (blocked) and held.
    """
    shelf = open_shelf(Settings.from_environment())
    live = shelf.current_id()
    wanted = model_ids or ((live,) if live else ())
    if not wanted:
        raise ModelRefused("No model is live; name one with --model.")
    found = evaluate(shelf, files, wanted, say)
    if as_json:
        print_json([{"model": one.model, "metrics": one.metrics, "sources": one.rows()} for one in found])
        return
    for one in found:
        click.echo(f"Model {one.model}")
        click.echo(one.table())
        click.echo("  ".join(f"{name} {value:.4f}" for name, value in one.metrics.items()) + "\n")
