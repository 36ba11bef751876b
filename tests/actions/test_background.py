"""Background tasks repeat after errors, share one thread fairly, and follow a process through a fork."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from time import monotonic, sleep

import pytest
from sqlalchemy import text

from moderation.actions import background
from moderation.actions.background import BackgroundTasks, PeriodicTask, SlicedRecalibration, default_tasks
from moderation.actions.services import Services
from moderation.actions.sites import add_site, find_site, list_sites
from moderation.domain.site import Site
from moderation.storage.engine import write_transaction
from tests.labelled_decisions import insert_labelled_decisions

TIMEOUT_SECONDS = 20
NEVER_SET = Event()


def wait_until(condition: Callable[[], bool], seconds: float = TIMEOUT_SECONDS) -> None:
    give_up = monotonic() + seconds
    while not condition():
        assert monotonic() < give_up
        sleep(0.01)


@contextmanager
def running(services: Services, *tasks: PeriodicTask) -> Iterator[BackgroundTasks]:
    background_tasks = BackgroundTasks(services, *tasks)
    background_tasks.start()
    try:
        yield background_tasks
    finally:
        background_tasks.stop()


def rename_table(services: Services, old: str, new: str) -> None:
    with write_transaction(services.engine) as connection:
        connection.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))


def failures(caplog: pytest.LogCaptureFixture, job: str) -> list[logging.LogRecord]:
    logged = [record for record in caplog.records if record.message == "job failed"]
    return [record for record in logged if vars(record)["job"] == job]


def fail(_: Event) -> bool:
    raise ZeroDivisionError


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the tasks of a serving process run without noticeable pauses."""
    for name in ("DELIVERY_PAUSE_SECONDS", "RECALIBRATION_PAUSE_SECONDS"):
        monkeypatch.setattr(background, name, 0.01)


@pytest.mark.usefixtures("impatient")
def test_due_thresholds_are_chosen_without_a_command(services: Services, site: Site) -> None:
    """A serving process recalibrates its sites."""
    insert_labelled_decisions(services, site, [0.1] * 59)
    with running(services):
        wait_until(lambda: find_site(services, site.url).stored_calibration is not None)


@pytest.mark.usefixtures("impatient")
def test_an_error_does_not_end_the_thread(services: Services, site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged with its traceback, and a later run succeeds."""
    insert_labelled_decisions(services, site, [0.1] * 59)
    rename_table(services, "labels", "gone")
    with running(services):
        wait_until(lambda: failures(caplog, "recalibration") != [])
        rename_table(services, "gone", "labels")
        wait_until(lambda: find_site(services, site.url).stored_calibration is not None)
    record, *_ = failures(caplog, "recalibration")
    assert record.levelno == logging.ERROR and record.exc_info


def test_pauses_grow_while_a_task_fails() -> None:
    """They double up to a minute, and a success brings the usual pause back."""
    failures_left = 7

    def fail_at_first(_: Event) -> bool:
        nonlocal failures_left
        failures_left -= 1
        if failures_left >= 0:
            raise ZeroDivisionError
        return False

    task = PeriodicTask(fail_at_first, name="failing", pause_seconds=2.0)
    pauses = []
    for _ in range(8):
        task.run(NEVER_SET)
        pauses.append(round(task.next_run - monotonic()))
    assert pauses == [4, 8, 16, 32, 60, 60, 60, 2]


def test_a_long_pause_does_not_shrink_after_an_error() -> None:
    """The limit of a minute is for tasks that run more often."""
    task = PeriodicTask(fail, name="failing", pause_seconds=300.0)
    task.run(NEVER_SET)
    assert round(task.next_run - monotonic()) == 300


def test_processes_do_not_run_at_the_same_moment() -> None:
    """Pauses vary by half of their length either way."""
    jitters = iter((0.0, 0.5, 1.0))
    task = PeriodicTask(fail, name="failing", pause_seconds=100.0, jitter=lambda: next(jitters))
    pauses = []
    for _ in range(3):
        task.schedule()
        pauses.append(round(task.next_run - monotonic()))
    assert pauses == [50, 100, 150]


def test_an_unfinished_task_gives_others_their_turn(services: Services) -> None:
    """A task that always has more to do cannot keep another one waiting."""
    runs: list[str] = []

    def unfinished(_: Event) -> bool:
        runs.append("unfinished")
        return True

    def finished(_: Event) -> bool:
        runs.append("finished")
        return False

    tasks = [PeriodicTask(job, name="failing", pause_seconds=0.02) for job in (unfinished, finished)]
    with running(services, *tasks):
        wait_until(lambda: runs.count("finished") >= 3)
    assert "unfinished" in runs


def test_recalibration_stops_between_two_sites(services: Services, site: Site, other_site: Site) -> None:
    """After its slice of time it returns, and continues with the next site in the next run."""
    for each_site in (site, other_site):
        insert_labelled_decisions(services, each_site, [0.1] * 59)
    recalibration = SlicedRecalibration(services, slice_seconds=0.0)
    calibrated = [sum(each.stored_calibration is not None for each in list_sites(services))]
    unfinished = []
    for _ in range(2):
        unfinished.append(recalibration(NEVER_SET))
        calibrated.append(sum(each.stored_calibration is not None for each in list_sites(services)))
    assert (unfinished, calibrated) == ([True, False], [0, 1, 2])


def test_a_site_that_fails_does_not_keep_others_waiting(
    services: Services, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run after the error continues with the other sites."""
    urls = [add_site(services, f"https://{name}.example")[0].url for name in "abc"] + [site.url]
    tried: list[str] = []

    def recalibrate(_: Services, failing: Site) -> bool:
        tried.append(failing.url)
        raise ZeroDivisionError

    monkeypatch.setattr(background, "recalibrate", recalibrate)
    recalibration = SlicedRecalibration(services)
    for _ in urls:
        with pytest.raises(ZeroDivisionError):
            recalibration(NEVER_SET)
    assert sorted(tried) == sorted(urls)


def test_stopping_takes_no_time(services: Services) -> None:
    """The thread stops during any pause, and stopping twice is no error."""
    with running(services, PeriodicTask(fail, name="failing", pause_seconds=3_600.0)) as background_tasks:
        began = monotonic()
        background_tasks.stop()
    assert monotonic() - began < 1


def test_a_serving_process_has_all_tasks(services: Services) -> None:
    """Deliver and compare every two seconds, recalibrate about every five minutes, watch, purge about every hour."""
    tasks = default_tasks(services)
    for task in tasks:
        task.schedule()
    deliver, deliver_webhooks, send_digests, recalibrate, compare, watch, purge_comments, purge = (
        task.next_run - monotonic() for task in tasks
    )
    assert 1 < deliver <= 2 and 1 < deliver_webhooks <= 2 and 1 < compare <= 2 and 149 < recalibrate <= 450
    assert 14 < send_digests <= 15
    assert 4 < watch <= 15 and 1_799 < min(purge, purge_comments) <= max(purge, purge_comments) <= 5_400
