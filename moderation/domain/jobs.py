"""The last runs of the background jobs, and sentences about the trouble that they show."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, Self

MAX_SILENCE = timedelta(minutes=15)
"""Time after which jobs that run every few seconds must have been recorded again."""


class JobResult(StrEnum):
    """How a run ended, if it has. A model that does not pass the gate is `refused`, which is no failure."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    RUNNING = "running"
    STOPPED = "stopped"

    @property
    def is_success(self) -> bool:
        """Whether the job has done its work."""
        return self in (JobResult.DONE, JobResult.REFUSED)


class JobRun(NamedTuple):
    """The last recorded run of a job, in any process.

    `seconds` are those of the last run that has ended. `failures` in a row came after `succeeded_at`. `failed_at` and
    `last_error`, the name of a class, are those of the last failure, also if a success came after it.
    """

    name: str
    started_at: datetime
    seconds: float
    result: str
    succeeded_at: datetime | None
    failures: int
    failed_at: datetime | None
    last_error: str | None


class FinishedRun(NamedTuple):
    """A run that has ended, with the number of `failures` that no database has recorded yet, and the last of these."""

    name: str
    started_at: datetime
    seconds: float
    result: JobResult
    failures: int = 0
    failed_at: datetime | None = None
    last_error: str | None = None

    @property
    def ended_at(self) -> datetime:
        """Time of the end."""
        return self.started_at + timedelta(seconds=self.seconds)

    def failed(self, error: Exception) -> Self:
        """Return the run with one more failure."""
        return self._replace(
            result=JobResult.FAILED,
            failures=self.failures + 1,
            failed_at=self.ended_at,
            # Not the message, which may quote a comment.
            last_error=type(error).__name__,
        )


def describe_problems(runs: Sequence[JobRun], now: datetime) -> list[str]:
    """Return a sentence for each job that fails, and one if no process runs the jobs. Without a run there is none."""
    problems = [_describe_failures(run) for run in runs if run.failures]
    newest = max((run.started_at for run in runs), default=now)
    if now - newest > MAX_SILENCE:
        problems.append(f"No job has run since {newest:%Y-%m-%d %H:%M} UTC: start the service, or `moderation worker`.")
    return problems


def _describe_failures(run: JobRun) -> str:
    times = "once" if run.failures == 1 else f"{run.failures:,} times in a row"
    return f"The job {run.name} failed {times} ({run.last_error}): see `job failed` in the log of the service."
