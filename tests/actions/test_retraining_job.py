"""The scheduled retraining: a program with limits, run by one process at a time, and recorded with its outcome."""

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Event, Timer

import pytest

from moderation.actions import retraining_job
from moderation.actions.jobs import list_jobs
from moderation.actions.retraining_job import LEASE_SECONDS, Retraining, RetrainingPlan
from moderation.actions.services import Services
from moderation.domain.jobs import JobRun
from moderation.storage import job_runs
from moderation.storage.engine import write_transaction
from tests.actions.test_background import wait_until
from tests.conftest import Clock

HOSTILE = "<script>a comment</script>"
WEEK = timedelta(days=7)
ENDLESS = "import sys, time; open(sys.argv[1], 'w').write(str(__import__('os').getpid())); time.sleep(60)"

Retrain = Callable[..., JobRun | None]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retraining_job, "POLL_SECONDS", 0.01)


def plan(folder: Path, code: str, *arguments: str, max_seconds: float = 30) -> RetrainingPlan:
    return RetrainingPlan([sys.executable, "-S", "-c", code, *arguments], WEEK, max_seconds, folder / "retraining.log")


@pytest.fixture
def retrain(services: Services, tmp_path: Path) -> Retrain:
    """Return a function that lets the job look once, with a program, and returns the recorded run."""

    def retrain(code: str, *, stop_event: Event | None = None, max_seconds: float = 30) -> JobRun | None:
        Retraining(services, plan(tmp_path, code, max_seconds=max_seconds))(stop_event or Event())
        return next(iter(list_jobs(services)), None)

    return retrain


def test_it_runs_once_in_its_period(retrain: Retrain, clock: Clock, tmp_path: Path) -> None:
    """At first at once. The file of its output is for its owner alone, and has that of the last run."""
    first = retrain("print('one')")
    assert first and (first.result, first.started_at, first.failures) == ("done", clock(), 0)
    clock.advance(WEEK.total_seconds() - 1)
    assert retrain("print('two')") == first
    log = tmp_path / "retraining.log"
    assert (log.read_text(), log.stat().st_mode & 0o777) == ("one\n", 0o600)
    clock.advance(1)
    second = retrain("print('three')")
    assert second and second.started_at == clock() and log.read_text() == "three\n"


def test_a_refused_model_is_no_failure(retrain: Retrain) -> None:
    """The gate has done its work."""
    run = retrain("raise SystemExit(3)")
    assert run and (run.result, run.failures, run.last_error) == ("refused", 0, None) and run.succeeded_at


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (f"print({HOSTILE!r}); raise SystemExit(2)", "InvalidInput"),
        ("raise SystemExit(6)", "StorageUnavailable"),
        ("raise SystemExit(77)", "RetrainingFailed"),
        ("import os; os.kill(os.getpid(), 9)", "RetrainingFailed"),
    ],
)
def test_a_failure_has_the_class_of_its_error(retrain: Retrain, clock: Clock, code: str, error: str) -> None:
    """The next run comes a period later."""
    run = retrain(code)
    assert run and (run.result, run.failures, run.last_error, run.succeeded_at) == ("failed", 1, error, None)
    assert HOSTILE not in str(run) and retrain("") == run
    clock.advance(WEEK.total_seconds())
    assert (again := retrain(code)) and again.failures == 2


def test_it_ends_after_its_time(retrain: Retrain) -> None:
    """The program with it."""
    run = retrain("import time; time.sleep(60)", max_seconds=0.1)
    assert run and (run.result, run.last_error) == ("failed", "RetrainingTimedOut") and run.seconds < 10


@pytest.mark.parametrize("code", ["raise SystemExit(130)", "import os; os.kill(os.getpid(), 15)"])
def test_one_that_was_asked_to_end_is_due_at_once(retrain: Retrain, code: str) -> None:
    """By systemd, which asks all processes of a unit at the same moment, this one perhaps after the program."""
    run = retrain(code)
    assert run and (run.result, run.failures) == ("stopped", 0)
    assert (again := retrain("")) and again.result == "done"


def test_a_stopped_one_is_due_at_once(retrain: Retrain) -> None:
    """The process that stops interrupts the program, and another process begins again."""
    stop_event = Event()
    Timer(0.2, stop_event.set).start()
    run = retrain("import time; time.sleep(60)", stop_event=stop_event)
    assert run and (run.result, run.failures) == ("stopped", 0)
    assert (again := retrain("")) and again.result == "done"


def test_one_process_retrains_at_a_time(services: Services, clock: Clock, tmp_path: Path) -> None:
    """The others do not, as long as its lease lasts. They do after it, as after the death of the process."""
    running, stop_event, started = tmp_path / "pid", Event(), tmp_path / "other"
    other = Retraining(services, plan(tmp_path, f"open({str(started)!r}, 'w')"))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(Retraining(services, plan(tmp_path, ENDLESS, str(running))), stop_event)
        wait_until(lambda: running.exists() and bool(running.read_text()))
        other(Event())
        assert not started.exists() and list_jobs(services)[0].result == "running"
        clock.advance(LEASE_SECONDS)
        other(Event())
        assert started.exists()
        stop_event.set()
        first.result()
    # The first one records nothing in the place of the second.
    assert list_jobs(services)[0].result == "done"
    with pytest.raises(ProcessLookupError):
        os.kill(int(running.read_text()), 0)


def test_a_lease_is_prolonged(services: Services, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """While the program runs; a process that has lost its lease ends the program."""
    monkeypatch.setattr(retraining_job, "LEASE_SECONDS", 0.1)
    until: list[object] = []
    prolong = job_runs.prolong_lease
    running = tmp_path / "pid"

    def lose_later(*arguments: object) -> bool:
        until.append(arguments[-1])
        return prolong(*arguments) and len(until) < 3  # type: ignore[arg-type]

    monkeypatch.setattr(job_runs, "prolong_lease", lose_later)
    Retraining(services, plan(tmp_path, ENDLESS, str(running)))(Event())
    assert len(until) == 3 and list_jobs(services)[0].last_error == "LeaseLost"


def test_a_clock_that_was_set_back_does_not_stop_it(services: Services, clock: Clock, retrain: Retrain) -> None:
    """A start or a lease in the future is no reason to wait."""
    with write_transaction(services.engine) as connection:
        assert job_runs.begin_leased(connection, "retraining", clock() + WEEK, WEEK, clock() + 2 * WEEK)
    assert (run := retrain("")) and (run.result, run.started_at) == ("done", clock())
