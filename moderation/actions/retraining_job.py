"""Retrain on a schedule: one process at a time runs `moderation retrain` as another program, within limits.

The program may import what training needs, which this process does not. Its gate decides whether the model goes live.
"""

import logging
import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from time import monotonic

from moderation.actions.services import Services
from moderation.domain.errors import ERROR_MAPPINGS, InvalidInput, ModelUnavailable, StorageUnavailable
from moderation.domain.jobs import FinishedRun, JobResult
from moderation.storage import job_runs

logger = logging.getLogger(__name__)

NAME = "retraining"
CHECK_SECONDS = 60.0
"""Pause between two looks whether a retraining is due."""
LEASE_SECONDS = 120.0
"""Time after which another process may retrain in the place of one that has died."""
POLL_SECONDS = 0.5
STOP_SECONDS = 5.0
"""Time in which the program must remove its files after it was asked to end, before it is killed."""

_REFUSED = 3
_STOPPED = {130, -signal.SIGINT, -signal.SIGTERM}
"""Exit codes of a program that was asked to end, by systemd at the same moment as this process."""
_ERRORS = {ERROR_MAPPINGS[error].exit_code: error for error in (InvalidInput, ModelUnavailable, StorageUnavailable)}


class RetrainingFailed(Exception):
    """The program ended with an error that has no class here, or was killed."""


class RetrainingTimedOut(Exception):
    """The program took longer than it may."""


class LeaseLost(Exception):
    """Another process has begun to retrain, as this one could not prolong its lease in time."""


@dataclass(frozen=True, slots=True)
class RetrainingPlan:
    """How often to run which command, for how long at most, and the file that its output goes to."""

    command: Sequence[str]
    every: timedelta
    max_seconds: float
    output: Path


class Retraining:
    """A job that runs the command of a plan if it is due, which it also is if it has never run.

    The process holds a lease in the row of the job meanwhile. If it dies, so does the program, and the next process
    retrains when the lease has expired.
    """

    def __init__(self, services: Services, plan: RetrainingPlan) -> None:
        self._services = services
        self._plan = plan

    def __call__(self, stop_event: Event) -> None:
        """Retrain, and record the run. Does nothing if it is not due, or another process does it."""
        started_at, began = self._services.clock(), monotonic()
        if not self._claim(started_at):
            return
        logger.info("retraining started")
        try:
            result = self._run(started_at, stop_event)
            run = FinishedRun(NAME, started_at, monotonic() - began, result)
        except Exception as error:  # each of them is the outcome of the job
            logger.exception("job failed", extra={"job": NAME})
            run = FinishedRun(NAME, started_at, monotonic() - began, JobResult.DONE).failed(error)
        else:
            logger.info("retraining ended", extra={"result": result.value})
        self._services.writer.run(lambda connection: job_runs.end_leased(connection, run))

    def _claim(self, now: datetime) -> bool:
        # The other jobs report a database that is away.
        with suppress(StorageUnavailable):
            until = now + timedelta(seconds=LEASE_SECONDS)
            return self._services.writer.run(
                lambda connection: job_runs.begin_leased(connection, NAME, now, self._plan.every, until)
            )
        return False

    def _run(self, started_at: datetime, stop_event: Event) -> JobResult:
        with self._plan.output.open("wb") as output:
            self._plan.output.chmod(0o600)
            process = subprocess.Popen(
                [*self._plan.command, "--parent", str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            return self._wait(process, started_at, stop_event)
        finally:
            _end(process)

    def _wait(self, process: "subprocess.Popen[bytes]", started_at: datetime, stop_event: Event) -> JobResult:
        """Wait for the program, and return its result. Raises the error that it stands for."""
        end, prolonged_at = monotonic() + self._plan.max_seconds, monotonic()
        while (code := process.poll()) is None:
            if stop_event.wait(POLL_SECONDS):
                return JobResult.STOPPED
            if monotonic() > end:
                raise RetrainingTimedOut
            if monotonic() - prolonged_at > LEASE_SECONDS / 4:
                prolonged_at = monotonic()
                self._prolong(started_at)
        return _result(code)

    def _prolong(self, started_at: datetime) -> None:
        until = self._services.clock() + timedelta(seconds=LEASE_SECONDS)
        # Tried again before the lease ends.
        with suppress(StorageUnavailable):
            if not self._services.writer.run(
                lambda connection: job_runs.prolong_lease(connection, NAME, started_at, until)
            ):
                raise LeaseLost


def _result(code: int) -> JobResult:
    if code == 0:
        return JobResult.DONE
    if code == _REFUSED:
        return JobResult.REFUSED
    if code in _STOPPED:
        return JobResult.STOPPED
    raise _ERRORS.get(code, RetrainingFailed)(f"The program ended with exit code {code}: its output says why.")


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
    if process.poll() is None:
        process.kill()
        process.wait()
