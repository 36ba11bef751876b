"""`moderation labels`: labelled comments, in and out."""

from pathlib import Path

import click

from moderation.actions.access import find_site
from moderation.actions.label_files import read_labels, write_labels
from moderation.cli.files import output
from moderation.cli.opened import the_desk
from moderation.cli.options import input_file, output_file
from moderation.cli.printing import say


@click.group(name="labels")
def command() -> None:
    """Labelled comments, in and out."""


@command.command(name="export")
@click.option("--site", "url", metavar="URL", help="Only the comments of this site.")
@click.option("--output", "out", type=output_file, help="Write there instead of to stdout.")
def export(url: str | None, out: Path | None) -> None:
    """Write the labelled comments as CSV that `moderation train` reads; the last label of each comment counts."""
    with the_desk() as desk:
        site = find_site(desk, url) if url else None
        with output(out) as stream:
            count = write_labels(desk, site, stream)
    say(f"{count} labelled comments.")


@command.command(name="import")
@click.argument("file", type=input_file)
@click.option("--site", "url", metavar="URL", required=True, help="The site that the comments belong to.")
def import_(file: Path, url: str) -> None:
    """Store the labelled comments of FILE under a site, all or none. Takes what `moderation train` takes."""
    with the_desk() as desk:
        count = read_labels(desk, find_site(desk, url), file, say)
    click.echo(f"{count} labelled comments.")
