"""`moderation worker`: check that the jobs can run, then become their process."""

import os
import sys

import click

from moderation.actions.run_lock import join_run
from moderation.cli._options import opened_services
from moderation.cli._output import echo_status
from moderation.settings import Settings


@click.command()
def worker() -> None:
    """Run the background jobs: deliveries, digests, recalibration, a shadow, alarms, purging, the adviser.

    Set MODERATION_JOBS=worker, so that the serving processes do not run them. Several workers may run at once, also on
    several machines. SIGTERM and Ctrl-C stop it.
    """
    settings = Settings.from_environment()
    with opened_services(settings):
        pass
    run_lock = join_run(settings.var)
    if run_lock is not None:
        # The worker inherits it, so that no restore begins while it runs.
        os.set_inheritable(run_lock, True)
    if settings.jobs == "inside":
        echo_status("The serving processes run the jobs too: set MODERATION_JOBS=worker for them.")
    sys.stdout.flush()
    # Another program, so that it does not keep the modules of the command line in memory.
    os.execv(sys.executable, [sys.executable, "-P", "-m", "moderation.job_worker"])
