"""`moderation labels`: export and import labelled comments."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import click

from moderation.actions.labelling import export_labels, import_labels
from moderation.actions.services import Services
from moderation.actions.sites import find_site
from moderation.cli._options import input_file, labels_option, opened_services, output_file, raw
from moderation.cli._output import echo_status, open_output
from moderation.domain.csv_cells import EXPORT_COLUMNS, neutralize
from moderation.domain.decision import LabelValue
from moderation.domain.site import Site
from moderation.training.corpus import LabelWords, read_corpus


@click.group()
def labels() -> None:
    """Export and import labelled comments."""


@labels.command(name="export")
@click.option("--site", "url", metavar="URL", help="Only the comments of this site.")
@click.option("--output", "out", metavar="FILE", type=output_file, help="Write to this file instead of stdout.")
@raw
def export(url: str | None, out: Path | None, raw: bool) -> None:
    """Write the labelled comments as CSV for `moderation train`. The last label of each comment counts.

    A cell that a spreadsheet would run as a formula gets an apostrophe, which `labels import` and `train` remove.
    """
    with opened_services() as services:
        site = find_site(services, url) if url else None
        with open_output(out) as stream:
            count = _export_labels(services, site, stream, raw)
    echo_status(f"{count} labelled comments.")


@labels.command(name="import")
@click.argument("file", type=input_file)
@click.option("--site", "url", metavar="URL", required=True, help="The site that the comments belong to.")
@labels_option
def import_(file: Path, url: str, words: LabelWords) -> None:
    """Store the labelled comments of FILE under a site, all or none. Takes the files of `moderation train`.

    A comment that was labelled before is not stored again, and gets the label of FILE if it has another one.
    """
    with opened_services() as services:
        _import_labels(services, find_site(services, url), file, words, echo_status)


def _export_labels(services: Services, site: Site | None, out: TextIO, raw: bool) -> int:
    """Write the labelled comments of a site (`None`: of all) as CSV. Returns how many."""
    writer = csv.DictWriter(out, EXPORT_COLUMNS, lineterminator="\n")
    writer.writeheader()
    count = 0
    for row in export_labels(services, site):
        writer.writerow(row if raw else {name: neutralize(cell) for name, cell in row.items()})
        count += 1
    return count


def _import_labels(
    services: Services, site: Site, file: Path, words: LabelWords, report: Callable[[str], None]
) -> None:
    corpus = read_corpus([file], report, words)
    if set(corpus.site_urls) - {site.url}:
        report(f"{file.name}: ignored the column site; all comments are stored under {site.url}.")
    values = (LabelValue.SPAM if spam else LabelValue.HAM for spam in corpus.spam)
    result = import_labels(services, site, zip(corpus.comments, values, strict=True))
    click.echo(f"{result.stored} labelled comments stored, {result.changed} changed, {result.known} known already.")
