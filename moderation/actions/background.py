"""Jobs that repeat in one background thread: deliveries, recalibration, a shadow, alarms, purging.

Each serving process runs them, or any number of processes of `moderation worker` do. Deliveries are claimed one by one.
The other jobs store the same in several processes as in one. On PostgreSQL one process at a time runs them.

The questions to the operator's own model have another thread, as a model answers slowly, and so has the retraining.

The jobs share the thread, so each one bounds how long it may delay the others. A round of deliveries begins no call
after `deliveries.MAX_ROUND_SECONDS`. It delays the others for 40 seconds and one DNS look-up at most. Recalibration
stops between two sites after `RECALIBRATION_SLICE_SECONDS`. It delays callbacks for 5 seconds and one site at most.
The purge of comments stops between two writes after as long.
"""

import logging
import os
import random
from collections.abc import Callable, Iterator
from threading import Event, Thread
from time import monotonic

from moderation.actions.alarms import Watch
from moderation.actions.callbacks import deliver_due, purge_settled
from moderation.actions.deliveries import CALL_TIMEOUT_SECONDS
from moderation.actions.digests import send_due_digests
from moderation.actions.history import rescore_history
from moderation.actions.jobs import Job, JobLog, in_one_process
from moderation.actions.opinions import Asking, Observer
from moderation.actions.repetition import purge_appearances
from moderation.actions.retention import PurgeCount, purge_steps
from moderation.actions.retraining_job import CHECK_SECONDS, NAME, Retraining, RetrainingPlan
from moderation.actions.retries import purge_keys
from moderation.actions.rollout import recalibrate
from moderation.actions.services import Services
from moderation.actions.sessions import purge_expired
from moderation.actions.shadow import score_shadow
from moderation.actions.sites import list_sites
from moderation.actions.webhooks import deliver_messages, purge_messages
from moderation.domain.site import Site
from moderation.outbound.chat import ChatServer

logger = logging.getLogger(__name__)

DELIVERY_PAUSE_SECONDS = 2.0
DIGEST_PAUSE_SECONDS = 15.0
SHADOW_PAUSE_SECONDS = 2.0
RECALIBRATION_PAUSE_SECONDS = 300.0
RECALIBRATION_SLICE_SECONDS = 5.0
WATCH_PAUSE_SECONDS = 10.0
PURGE_PAUSE_SECONDS = 3_600.0
MAX_RETRY_PAUSE_SECONDS = 60.0
"""Pauses after failures double up to this limit. A job with a longer pause keeps that."""


class PeriodicTask:
    """A job that runs again after a pause.

    A job that has more to do runs again as soon as other overdue tasks had their turn. Its exceptions are logged with
    its `name`, and the pause grows while it fails. `error` is that of the last run. `jitter` returns numbers from 0 to
    1, which vary the pause by half of it. Otherwise several processes would all run at the same moment.
    """

    def __init__(
        self,
        job: Job,
        *,
        name: str,
        pause_seconds: float,
        jitter: Callable[[], float] | None = None,
    ) -> None:
        self.name = name
        self._job = job
        self._pause_seconds = pause_seconds
        self._jitter = jitter
        self._retry_pause_seconds = pause_seconds
        self.next_run = 0.0
        self.error: Exception | None = None

    def schedule(self) -> None:
        """Set the next run to one pause from now."""
        self.next_run = monotonic() + self._pause()

    def run(self, stop_event: Event) -> bool:
        """Run the job once and set the next run. Returns whether the run is to be recorded."""
        try:
            unfinished, self.error = self._job(stop_event), None
        except Exception as error:  # an error of one run must not end the thread
            self.error = error
            logger.exception("job failed", extra={"job": self.name})
            doubled = min(2 * self._retry_pause_seconds, MAX_RETRY_PAUSE_SECONDS)
            self._retry_pause_seconds = max(self._retry_pause_seconds, doubled)
            self.next_run = monotonic() + self._retry_pause_seconds
            return True
        self._retry_pause_seconds = self._pause_seconds
        self.next_run = monotonic() + (0.0 if unfinished else self._pause())
        return unfinished is not None

    def _pause(self) -> float:
        return self._pause_seconds * (0.5 + self._jitter()) if self._jitter else self._pause_seconds


class BackgroundTasks:
    """A thread that runs tasks, the longest overdue first, and records each run. A forked process gets its own one."""

    def __init__(
        self, services: Services, *tasks: PeriodicTask, stop_timeout_seconds: float = CALL_TIMEOUT_SECONDS
    ) -> None:
        self._services = services
        self._tasks = tasks or default_tasks(services)
        self._log = JobLog(services)
        self._stop_timeout_seconds = stop_timeout_seconds
        self._stop_event = Event()
        self._thread: Thread | None = None
        self._restart_after_fork = False
        self._fork_hooks_registered = False

    def start(self) -> None:
        """Start the thread. Each task runs for the first time after its pause."""
        if not self._fork_hooks_registered:
            self._fork_hooks_registered = True
            os.register_at_fork(
                before=self._before_fork, after_in_parent=self._after_fork, after_in_child=self._after_fork
            )
        for task in self._tasks:
            task.schedule()
        self._stop_event = Event()
        self._thread = Thread(target=self._run, args=(self._stop_event,), name="background", daemon=True)
        self._thread.start()

    def stop_soon(self) -> None:
        """Let the thread stop after the running job, without a wait."""
        self._stop_event.set()

    def stop(self) -> None:
        """Stop the thread and wait for a running job, for `stop_timeout_seconds` at most."""
        self.stop_soon()
        if self._thread is not None:
            self._thread.join(self._stop_timeout_seconds)
            self._thread = None

    def _run(self, stop_event: Event) -> None:
        while True:
            task = min(self._tasks, key=lambda task: task.next_run)
            if stop_event.wait(max(0.0, task.next_run - monotonic())):
                return
            started_at, began = self._services.clock(), monotonic()
            if task.run(stop_event):
                self._log.add(task.name, started_at, monotonic() - began, task.error)

    def _before_fork(self) -> None:
        # A fork copies neither the thread nor its database connection in a usable state.
        self._restart_after_fork = self._thread is not None
        if self._restart_after_fork:
            self.stop()
            self._services.engine.dispose()

    def _after_fork(self) -> None:
        if self._restart_after_fork:
            self.start()


class SlicedRecalibration:
    """A job that recalibrates all sites, in slices of `slice_seconds` between which other tasks have their turn.

    The history of a site is scored first, if a new model has gone live.
    """

    def __init__(self, services: Services, *, slice_seconds: float = RECALIBRATION_SLICE_SECONDS) -> None:
        self._services = services
        self._slice_seconds = slice_seconds
        self._remaining_sites: list[Site] = []

    def __call__(self, stop_event: Event) -> bool:
        """Recalibrate the next sites. Returns whether any are left."""
        end = monotonic() + self._slice_seconds
        self._remaining_sites = self._remaining_sites or list_sites(self._services)
        while self._remaining_sites and not stop_event.is_set():
            # Taken off the list first: a site that fails must not keep the others from their turn.
            site = self._remaining_sites.pop()
            if rescore_history(self._services, site):
                # Thresholds wait until the new model has scored the whole history.
                self._remaining_sites.append(site)
            else:
                recalibrate(self._services, site)
            if monotonic() >= end:
                break
        return bool(self._remaining_sites)


class SlicedPurge:
    """A job that purges comments, in slices of `slice_seconds` between which other tasks have their turn."""

    def __init__(self, services: Services, *, slice_seconds: float = RECALIBRATION_SLICE_SECONDS) -> None:
        self._services = services
        self._slice_seconds = slice_seconds
        self._steps: Iterator[PurgeCount] | None = None

    def __call__(self, stop_event: Event) -> bool:
        """Purge the next comments. Returns whether any are left to look at."""
        end = monotonic() + self._slice_seconds
        # A run that fails begins anew.
        steps, self._steps = self._steps or purge_steps(self._services), None
        for _ in steps:
            if stop_event.is_set() or monotonic() >= end:
                self._steps = steps
                return True
        return False


def job_threads(
    services: Services, adviser_max_per_minute: int, observe: Observer, retraining: RetrainingPlan | None
) -> list[BackgroundTasks]:
    """Return the threads that run all jobs of an installation, not started yet."""
    threads = [BackgroundTasks(services)]
    if retraining is not None:
        # Another thread, as it waits for hours.
        task = PeriodicTask(Retraining(services, retraining), name=NAME, pause_seconds=CHECK_SECONDS)
        threads.append(BackgroundTasks(services, task))
    if services.adviser is not None:
        # Another thread: no callback must wait for a model.
        asking = asking_task(services, services.adviser, adviser_max_per_minute, observe)
        threads.append(BackgroundTasks(services, asking))
    return threads


def default_tasks(services: Services) -> tuple[PeriodicTask, ...]:
    """Return the tasks of the first thread."""

    def compare(stop_event: Event) -> bool:
        score_shadow(services, stop_event)
        return False

    def purge(_: Event) -> bool:
        purge_settled(services)
        purge_messages(services)
        purge_expired(services)
        purge_keys(services)
        purge_appearances(services)
        return False

    return (
        _deliveries(services, deliver_due, "callbacks", DELIVERY_PAUSE_SECONDS),
        _deliveries(services, deliver_messages, "webhooks", DELIVERY_PAUSE_SECONDS),
        _deliveries(services, send_due_digests, "digests", DIGEST_PAUSE_SECONDS),
        _alone(services, SlicedRecalibration(services), "recalibration", RECALIBRATION_PAUSE_SECONDS, random.random),
        _alone(services, compare, "shadow", SHADOW_PAUSE_SECONDS),
        _alone(services, Watch(services), "alarms", WATCH_PAUSE_SECONDS, random.random),
        _alone(services, SlicedPurge(services), "retention", PURGE_PAUSE_SECONDS, random.random),
        _alone(services, purge, "purge", PURGE_PAUSE_SECONDS, random.random),
    )


def asking_task(services: Services, adviser: ChatServer, max_per_minute: int, observe: Observer) -> PeriodicTask:
    """Return the task that asks the operator's own model, for a thread without other tasks."""
    job = Asking(services, adviser, observe)
    return PeriodicTask(job, name="adviser", pause_seconds=60 / max_per_minute)


def _alone(
    services: Services, job: Job, name: str, pause_seconds: float, jitter: Callable[[], float] | None = None
) -> PeriodicTask:
    """Return a task that one process at a time runs, where the database has a lock for it."""
    return PeriodicTask(in_one_process(services, name, job), name=name, pause_seconds=pause_seconds, jitter=jitter)


def _deliveries(services: Services, deliver: Callable[..., int], name: str, pause_seconds: float) -> PeriodicTask:
    """Return a task that runs rounds of deliveries, without a pause as long as any delivery is settled."""

    def run_round(stop_event: Event) -> bool:
        return deliver(services, stop_event=stop_event) > 0

    return PeriodicTask(run_round, name=name, pause_seconds=pause_seconds)
