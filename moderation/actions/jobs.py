"""Record the runs of the background jobs, show the last one of each, and let one process at a time run a job."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from math import inf
from threading import Event
from time import monotonic

from moderation.actions.services import Services
from moderation.domain.errors import StorageUnavailable
from moderation.domain.jobs import FinishedRun, JobResult, JobRun
from moderation.storage import job_runs
from moderation.storage.engine import read_transaction

Job = Callable[[Event], bool | None]
"""Work that ends early once the event is set.

It returns true if there is more to do. It returns `None` if nothing is to be recorded: it was another process's turn,
or the job records its own runs.
"""

RECORD_SECONDS = 60.0
"""Time within which a success after a success is recorded, together with those of other jobs.

Some jobs run every two seconds, and each record costs a flush of the disk.
"""


class JobLog:
    """Records the runs of one thread: at once a failure and the first success after it, the others later."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._unrecorded: dict[str, FinishedRun] = {}
        self._succeeded: dict[str, bool] = {}
        self._recorded_at = -inf

    def add(self, name: str, started_at: datetime, seconds: float, error: Exception | None) -> None:
        """Add a run. While the database cannot be written, runs and the number of failures are kept."""
        before = self._unrecorded.get(name, FinishedRun(name, started_at, seconds, JobResult.DONE))
        run = before._replace(started_at=started_at, seconds=seconds, result=JobResult.DONE)
        self._unrecorded[name] = run.failed(error) if error else run._replace(failures=0)
        is_repeated = error is None and self._succeeded.get(name, False)
        self._succeeded[name] = error is None
        if not is_repeated or monotonic() - self._recorded_at >= RECORD_SECONDS:
            self._record()

    def _record(self) -> None:
        runs = list(self._unrecorded.values())
        self._recorded_at = monotonic()
        with suppress(StorageUnavailable):
            self._services.writer.run(lambda connection: job_runs.record(connection, runs))
            self._unrecorded.clear()


def in_one_process(services: Services, name: str, job: Job) -> Job:
    """Return a job that leaves its turn to another process as long as that one runs it, on PostgreSQL."""

    def run_alone(stop_event: Event) -> bool | None:
        with job_runs.only_process(services.engine, name) as is_only:
            return job(stop_event) if is_only else None

    return run_alone


def list_jobs(services: Services) -> list[JobRun]:
    """Return the last run of each job, by name; none for a job that has never run."""
    with read_transaction(services.engine) as connection:
        return job_runs.list_all(connection)
