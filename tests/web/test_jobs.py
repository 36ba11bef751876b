"""The background jobs on the page of the sites and in the metrics."""

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from moderation.actions.jobs import JobLog
from moderation.actions.services import Services
from moderation.domain.people import Grant, Role
from moderation.storage import job_runs
from moderation.storage.engine import write_transaction
from moderation.web import health
from tests.conftest import Clock
from tests.web.conftest import Blog, Browser
from tests.web.test_health import samples
from tests.web.test_permissions import person

HOSTILE = "<b>a comment</b>"


@pytest.fixture
def log(services: Services, clock: Clock) -> JobLog:
    """Return the log after a run of two jobs, one of which failed."""
    log = JobLog(services)
    log.add("purge", clock(), 2.0, None)
    log.add("callbacks", clock(), 1.25, ValueError(HOSTILE))
    return log


def test_the_first_page_of_sites_has_the_jobs(blog: Blog, mara: Browser, log: JobLog) -> None:
    """With their state, and the problem first; an error's message is not shown."""
    shown = mara.get("/queue/sites").text
    assert shown.index("The job callbacks failed once (ValueError)") < shown.index("Background jobs")
    noon = "02 Jan 2026, 12:00 UTC"
    assert f"<dt>purge</dt><dd>Done. Last start {noon}, 2 seconds. Last success {noon}.</dd>" in shown
    failed = f"Failed. Last start {noon}, 1.25 seconds. No success yet. Failures in a row: 1, the last ValueError."
    assert f"<dt>callbacks</dt><dd>{failed}</dd>" in shown
    assert "a comment" not in shown and "Background jobs" not in mara.get("/queue/sites?after=1").text


def test_a_run_that_lasts_has_no_duration(mara: Browser, services: Services, clock: Clock) -> None:
    """That of the run before would be taken for it."""
    with write_transaction(services.engine) as connection:
        job_runs.begin_leased(connection, "retraining", clock(), timedelta(days=1), clock() + timedelta(minutes=2))
    running = "Running. Last start 02 Jan 2026, 12:00 UTC. No success yet."
    assert f"<dt>retraining</dt><dd>{running}</dd>" in mara.get("/queue/sites").text


def test_an_operator_of_one_site_sees_no_jobs(app: Flask, blog: Blog, services: Services, log: JobLog) -> None:
    """They are those of the whole installation."""
    page = person(app, services, Grant(Role.OPERATOR, blog.site.id)).get("/queue/sites").text
    assert "<article" in page and "callbacks" not in page


def test_the_jobs_are_metrics(client: FlaskClient, log: JobLog, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of the last success, none without any; the last duration; failures in a row."""
    by_name = {name: value for (name, labels), value in samples(client).items() if labels == (("job", "purge"),)}
    assert by_name == {
        "moderation_job_last_success_timestamp_seconds": (clock() + timedelta(seconds=2)).timestamp(),
        "moderation_job_duration_seconds": 2.0,
        "moderation_job_failures": 0.0,
    }
    monkeypatch.setattr(health, "MAX_COUNT_AGE_SECONDS", 0.0)
    log.add("callbacks", clock(), 1.25, ValueError(HOSTILE))
    found = samples(client)
    assert found[("moderation_job_failures", (("job", "callbacks"),))] == 2
    assert ("moderation_job_last_success_timestamp_seconds", (("job", "callbacks"),)) not in found
