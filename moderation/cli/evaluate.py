"""`moderation evaluate`."""

from collections.abc import Sequence
from pathlib import Path

import click

from moderation.actions.retrain import Evaluation, evaluate, report_page
from moderation.assembly import open_shelf
from moderation.cli.files import output
from moderation.cli.options import as_json, output_file, the_corpora
from moderation.cli.printing import print_json, say
from moderation.domain.errors import InputRefused, ModelRefused
from moderation.settings import Settings


@click.command(name="evaluate")
@the_corpora
@click.option("--model", "model_ids", metavar="ID", multiple=True, help="Measure this model instead of the live one.")
@click.option("--report", "page", metavar="FILE", type=output_file, help="Write a page with curves and mistakes too.")
@as_json
def command(files: tuple[Path, ...], model_ids: tuple[str, ...], page: Path | None, as_json: bool) -> None:
    """Measure models on files of labelled comments, at the models' own lines; --model may be given several times.

    A model does well on what it learnt from: give it comments that it has not seen. Shares are in percent: spam
    caught (held or blocked) and blocked, ham lost (blocked) and held. The page of --report is HTML in one file; it
    quotes comments. With several models in it, the others are compared with the live one, or else with the first.
    """
    shelf = open_shelf(Settings.from_environment())
    live = shelf.current_id()
    wanted = model_ids or ((live,) if live else ())
    if not wanted:
        raise ModelRefused("No model is live; name one with --model.")
    if page is None:
        _print(evaluate(shelf, files, wanted, say), as_json)
        return
    if any(page.exists() and page.samefile(file) for file in files):
        raise InputRefused(f"--report would overwrite {page.name}, which is to be measured on.")
    with output(page) as stream:
        found = evaluate(shelf, files, wanted, say)
        stream.write(report_page(found, live))
    _print(found, as_json)
    say(f"The report is in {page}. It quotes comments, so keep it to yourself.")


def _print(found: Sequence[Evaluation], as_json: bool) -> None:
    if as_json:
        print_json([{"model": one.model, "metrics": one.metrics, "sources": one.rows()} for one in found])
        return
    for one in found:
        click.echo(f"Model {one.model}")
        click.echo(one.table())
        click.echo("  ".join(f"{name} {value:.4f}" for name, value in one.metrics.items()) + "\n")
