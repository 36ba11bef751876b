"""`moderation jobs`."""

from datetime import UTC, datetime, timedelta

from moderation.actions.jobs import JobLog
from moderation.settings import Settings
from moderation.wiring import open_services
from tests.cli.conftest import Operator


def test_each_job_has_a_row(operator: Operator, settings: Settings) -> None:
    """For people and for scripts: with the class of an error, and without its message."""
    assert operator.get("jobs") == "No job has run yet.\n" and operator.get_json("jobs") == []
    services = open_services(settings)
    log, now = JobLog(services), datetime.now(UTC)
    log.add("purge", now - timedelta(minutes=1), 2.0, None)
    log.add("callbacks", now, 1.25, ValueError("a comment"))
    services.engine.dispose()
    shown = operator.run("jobs")
    header, *rows = shown.stdout.splitlines()
    assert header.split()[:2] == ["JOB", "RESULT"] and [row.split()[:2] for row in rows] == [
        ["callbacks", "failed"],
        ["purge", "done"],
    ]
    assert "The job callbacks failed once (ValueError)" in shown.stderr and "a comment" not in shown.output
    callbacks, purge = operator.get_json("jobs")
    assert callbacks == {
        "name": "callbacks",
        "started_at": now.isoformat(),
        "seconds": 1.25,
        "result": "failed",
        "succeeded_at": None,
        "failures": 1,
        "failed_at": (now + timedelta(seconds=1.25)).isoformat(),
        "last_error": "ValueError",
    }
    assert purge["succeeded_at"] == (now - timedelta(seconds=58)).isoformat()


def test_the_doctor_names_a_failing_job(operator: Operator, settings: Settings) -> None:
    """As a warning, since comments are judged all the same."""
    services = open_services(settings)
    JobLog(services).add("callbacks", datetime.now(UTC), 1.0, ValueError("a comment"))
    services.engine.dispose()
    warnings = [finding for finding in operator.get_json("doctor") if finding["check"] == "jobs"]
    assert [finding["level"] for finding in warnings] == ["warning"] and "callbacks" in warnings[0]["detail"]
