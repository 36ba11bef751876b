"""The runs of the jobs are recorded: failures at once, successes seldom, and no error's message."""

from datetime import timedelta
from threading import Event

import pytest
from sqlalchemy import text

from moderation.actions import jobs
from moderation.actions.background import BackgroundTasks, PeriodicTask
from moderation.actions.jobs import JobLog, list_jobs
from moderation.actions.services import Services
from moderation.domain.jobs import JobRun, describe_problems
from moderation.storage.engine import write_transaction
from tests.actions.test_background import running, wait_until
from tests.conftest import Clock

HOSTILE = "<script>a comment</script>"


def only_job(services: Services) -> JobRun:
    (run,) = list_jobs(services)
    return run


def rename_table(services: Services, old: str, new: str) -> None:
    with write_transaction(services.engine) as connection:
        connection.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))


def test_failures_in_a_row_are_counted(services: Services, clock: Clock) -> None:
    """By every process, until a success of any. The last error stays, by its class alone."""
    logs = JobLog(services), JobLog(services)
    for log in logs:
        log.add("purge", clock(), 1.5, ValueError(HOSTILE))
    run = only_job(services)
    assert (run.result, run.failures, run.last_error, run.succeeded_at) == ("failed", 2, "ValueError", None)
    assert run.failed_at == clock() + timedelta(seconds=1.5) and HOSTILE not in str(run)
    clock.advance(60)
    logs[0].add("purge", clock(), 0.5, None)
    run = only_job(services)
    assert (run.result, run.failures, run.last_error, run.seconds) == ("done", 0, "ValueError", 0.5)
    assert run.succeeded_at == clock() + timedelta(seconds=0.5)


def test_successes_are_recorded_seldom(services: Services, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one at once, and later ones of all jobs together: a record costs a flush of the disk."""
    log, first = JobLog(services), clock()
    for seconds in (0, 2):
        clock.advance(seconds)
        log.add("callbacks", clock(), 0.1, None)
        log.add("webhooks", clock(), 0.1, None)
    assert {run.started_at for run in list_jobs(services)} == {first}
    monkeypatch.setattr(jobs, "RECORD_SECONDS", 0.0)
    log.add("webhooks", clock(), 0.1, None)
    assert {run.started_at for run in list_jobs(services)} == {clock()}


def test_a_late_record_hides_no_failure(services: Services, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """One process succeeded before another failed, and is recorded after it."""
    monkeypatch.setattr(jobs, "RECORD_SECONDS", 0.0)
    succeeded, failed = clock(), clock() + timedelta(seconds=30)
    JobLog(services).add("shadow", failed, 0.1, ValueError())
    JobLog(services).add("shadow", succeeded, 0.1, None)
    assert (only_job(services).failures, only_job(services).started_at) == (1, failed)


def test_a_clock_that_was_set_back_stops_no_record(services: Services, clock: Clock) -> None:
    """A run that began in the future is replaced."""
    JobLog(services).add("shadow", clock() + timedelta(days=1), 0.1, None)
    JobLog(services).add("shadow", clock(), 0.1, None)
    assert only_job(services).started_at == clock()


def test_what_the_database_missed_is_added_later(services: Services, clock: Clock) -> None:
    """Runs while it is away raise nothing. Their failures count with the next record."""
    log = JobLog(services)
    rename_table(services, "job_runs", "gone")
    for _ in range(3):
        log.add("digests", clock(), 0.1, ValueError())
    rename_table(services, "gone", "job_runs")
    log.add("digests", clock(), 0.1, ValueError())
    assert only_job(services).failures == 4


def test_a_failing_job_stops_no_other(services: Services) -> None:
    """Both are recorded, each with its own state."""

    def fail(_: Event) -> bool:
        raise ZeroDivisionError(HOSTILE)

    tasks = [PeriodicTask(fail, name="broken", pause_seconds=0.01)]
    tasks.append(PeriodicTask(lambda _: False, name="sound", pause_seconds=0.01))
    with running(services, *tasks):
        wait_until(
            lambda: {run.name: run.failures > 1 for run in list_jobs(services)} == {"broken": True, "sound": False}
        )
    broken, sound = list_jobs(services)
    assert (broken.last_error, sound.last_error, sound.result) == ("ZeroDivisionError", None, "done")


def test_every_job_has_its_own_name(services: Services) -> None:
    """A row of the table belongs to one job."""
    names = [task.name for task in BackgroundTasks(services)._tasks]
    assert len(set(names)) == len(names) == 8


def test_problems_are_sentences(services: Services, clock: Clock) -> None:
    """Failures with the class of the error, and a process that is missing; none at first."""
    assert describe_problems([], clock()) == []
    JobLog(services).add("purge", clock(), 0.1, ValueError(HOSTILE))
    (failing,) = describe_problems(list_jobs(services), clock())
    assert failing.startswith("The job purge failed once (ValueError)")
    clock.advance(3_600)
    assert describe_problems(list_jobs(services), clock())[1].startswith("No job has run since 2026-01-02 12:00 UTC")
