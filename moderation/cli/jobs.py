"""`moderation jobs`: the last run of each background job."""

from datetime import UTC, datetime

import click

from moderation.actions.jobs import list_jobs
from moderation.cli._options import as_json, opened_services
from moderation.cli._output import echo_status, print_json, print_table
from moderation.domain.jobs import JobResult, JobRun, describe_problems


@click.command()
@as_json
def jobs(as_json: bool) -> None:
    """List the background jobs with their last run, their last success and their failures in a row.

    A success after a success is recorded within a minute.
    """
    with opened_services() as services:
        found = list_jobs(services)
    if as_json:
        print_json(list(map(_plain, found)))
        return
    if not found:
        click.echo("No job has run yet.")
        return
    header = ("JOB", "RESULT", "LAST START", "SECONDS", "LAST SUCCESS", "FAILURES", "LAST FAILURE", "LAST ERROR")
    print_table(header, map(_table_row, found))
    for sentence in describe_problems(found, datetime.now(UTC)):
        echo_status(sentence)


def _plain(run: JobRun) -> dict[str, object]:
    fields = run._asdict()
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in fields.items()}


def _table_row(run: JobRun) -> tuple[str, ...]:
    return (
        run.name,
        run.result,
        _shown(run.started_at),
        "-" if run.result == JobResult.RUNNING else f"{run.seconds:.3g}",
        _shown(run.succeeded_at),
        f"{run.failures:,}",
        _shown(run.failed_at),
        run.last_error or "-",
    )


def _shown(time: datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S}" if time else "never"
