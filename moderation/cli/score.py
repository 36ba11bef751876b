"""`moderation score`."""

from pathlib import Path

import click

from moderation.actions.judge import appoint
from moderation.actions.score_file import score_file
from moderation.assembly import open_shelf
from moderation.cli.files import output
from moderation.cli.lines import site_at
from moderation.cli.options import input_file, output_file
from moderation.cli.printing import say
from moderation.cli.progress import counting
from moderation.settings import Settings


@click.command(name="score")
@click.argument("file", type=input_file)
@click.option("--output", "out", type=output_file, help="Write there instead of to stdout.")
@click.option("--site", "url", metavar="URL", help="Judge by the weights and the lines of this site.")
@click.option("--model", "model_id", metavar="ID", help="Judge by this model instead of the live one.")
def command(file: Path, out: Path | None, url: str | None, model_id: str | None) -> None:
    """Judge each comment of FILE: CSV or JSON Lines, plain or gzip'd, of any length.

    Only the column `text` has to be there. Writes CSV with the columns id, probability, verdict and reasons, in the
    order of the file; a row that cannot be read keeps its place, with the fault for a reason. Nothing is stored.
    """
    settings = Settings.from_environment()
    judge = appoint(open_shelf(settings), settings.budget, model_id, site_at(url, settings))
    with counting("comments judged") as advance, output(out) as stream:
        tally = score_file(judge, file, stream, report=say, advance=advance)
    if tally.bad:
        say(f"{tally.bad} of {tally.judged + tally.bad} rows could not be judged; their lines say why.")
