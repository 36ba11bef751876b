"""`moderation log`: who did what at the queue, on the command line and at the blogs."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from moderation.actions.act_log import LogFormat, day_after, export_lines, read_all
from moderation.actions.sites import find_site
from moderation.cli._options import opened_services, output_file, raw
from moderation.cli._output import open_output
from moderation.domain.act_log import LogFilter
from moderation.domain.people import SiteScope

_day = click.DateTime(formats=["%Y-%m-%d"])


@click.group()
def log() -> None:
    """Read who did what: decisions, undos, notes, roles, and rules for authors."""


@log.command()
@click.option("--person", metavar="NAME", default="", help="Only what this person did.")
@click.option("--site", "url", metavar="URL", help="Only what happened on this site.")
@click.option("--since", type=_day, help="From this day on, in UTC.")
@click.option("--until", type=_day, help="Up to the end of this day, in UTC.")
@click.option(
    "--format",
    "form",
    type=click.Choice([form.value for form in LogFormat]),
    default=LogFormat.CSV.value,
    show_default=True,
    help="CSV, or one JSON object a line.",
)
@click.option("--output", "out", metavar="FILE", type=output_file, help="Write to this file instead of stdout.")
@raw
def export(
    person: str,
    url: str | None,
    since: datetime | None,
    until: datetime | None,
    form: str,
    out: Path | None,
    raw: bool,
) -> None:
    """Write the log, the newest event first. A cell that a spreadsheet would run as a formula gets an apostrophe."""
    first, last = (day and day.replace(tzinfo=UTC) for day in (since, until))
    wanted = LogFilter(person, first, day_after(last))
    with opened_services() as services:
        if url:
            services = replace(services, scope=SiteScope(frozenset({find_site(services, url).id})))
        with open_output(out) as stream:
            stream.writelines(export_lines(read_all(services, wanted), LogFormat(form), raw=raw))
