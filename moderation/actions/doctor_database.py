"""The checks of `moderation doctor` on the database and its content."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine

from moderation.actions.backup import StatePaths
from moderation.actions.doctor_findings import Check, Finding, Level, run_checks
from moderation.actions.secret import secret_file_problem
from moderation.domain.errors import ModerationError
from moderation.domain.jobs import describe_problems
from moderation.domain.people import ALL_SITES
from moderation.storage import callbacks, comments, digests, job_runs, lessons, opinions, webhooks
from moderation.storage.engine import open_engine, read_transaction
from moderation.storage.migrate import SchemaState, schema_state

MAX_CLOCK_SKEW = timedelta(minutes=1)
EARLIEST_TIME = datetime(2026, 11, 1, tzinfo=UTC)
"""This version was written later, so a clock that shows less is wrong."""


def check_database(state: StatePaths, now: datetime, adviser_model: str) -> list[Finding]:
    """Return the findings about the database and its content. Raises no `ModerationError`."""
    try:
        engine = open_engine(state.database_url, state.busy_timeout_seconds, patient=True)
    except ModerationError as error:
        return [Finding("schema", Level.PROBLEM, str(error))]
    try:
        found = schema_state(engine)
        if found.problem is not None:
            return [Finding("schema", Level.PROBLEM, found.problem)]
        schema = _describe_schema(engine, found)
        checks: dict[str, Check] = {
            "secret": lambda: _check_secret(engine, state.secret),
            "clock": lambda: _check_clock(engine, now),
            "callbacks": lambda: _check_callbacks(engine),
            "webhooks": lambda: _check_webhooks(engine),
            "digests": lambda: _check_digests(engine),
            "adviser": lambda: _check_adviser(engine, adviser_model),
            "learning": lambda: _check_learning(engine),
            "jobs": lambda: _check_jobs(engine, now),
        }
        return [schema, *run_checks(checks)]
    finally:
        engine.dispose()


def _describe_schema(engine: Engine, found: SchemaState) -> Finding:
    if found.notice is not None:
        return Finding("schema", Level.WARNING, found.notice)
    return Finding("schema", Level.OK, f"The database ({engine.dialect.name}) has the schema {found.revision}.")


def _check_secret(engine: Engine, path: Path) -> Iterator[Finding]:
    problem = secret_file_problem(engine, path)
    if problem is None:
        yield Finding("secret", Level.OK, "The secret belongs to the database.")
    else:
        yield Finding("secret", Level.PROBLEM, problem)


def _check_clock(engine: Engine, now: datetime) -> Iterator[Finding]:
    with read_transaction(engine) as connection:
        newest = comments.newest_received_at(connection)
    shown = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    if now < EARLIEST_TIME:
        yield Finding("clock", Level.PROBLEM, f"The clock shows {shown}, which is in the past: set it.")
    elif newest is not None and newest > now + MAX_CLOCK_SKEW:
        yield Finding(
            "clock",
            Level.PROBLEM,
            f"The newest comment was received at {newest:%Y-%m-%d %H:%M:%S} UTC, but the clock shows {shown}: set it.",
        )
    else:
        yield Finding("clock", Level.OK, f"The clock shows {shown}, not before the newest comment.")


def _check_learning(engine: Engine) -> Iterator[Finding]:
    with read_transaction(engine) as connection:
        teaching, missing = lessons.count(connection, None)
    if missing:
        text = f"Labels that teach nothing, as features of their comments are missing: {missing:,}"
        yield Finding("learning", Level.WARNING, f"{text}. Run `moderation init`.")
    else:
        yield Finding("learning", Level.OK, f"All {teaching:,} labels in force teach the scores of their sites.")


def _check_callbacks(engine: Engine) -> Iterator[Finding]:
    with read_transaction(engine) as connection:
        failed = callbacks.list_failed(connection, ALL_SITES)
        abandoned = {
            blog.site_url: blog.number for blog in callbacks.list_failed(connection, ALL_SITES, abandoned_only=True)
        }
    if not failed:
        yield Finding("callbacks", Level.OK, "No blog has failed to confirm an outcome.")
    for blog in failed:
        given_up = abandoned.get(blog.site_url, 0)
        if given_up:
            yield Finding(
                "callbacks",
                Level.PROBLEM,
                f"{blog.site_url} never confirmed {given_up} outcomes ({blog.last_error}): mend it, then run "
                f"`moderation site akismet {blog.site_url} --retry-callbacks`.",
            )
        if blog.number > given_up:
            yield Finding(
                "callbacks",
                Level.WARNING,
                f"{blog.site_url} did not confirm {blog.number - given_up} outcomes yet ({blog.last_error}): check "
                "that the blog can be reached from here. The service retries for three days.",
            )


def _check_webhooks(engine: Engine) -> Iterator[Finding]:
    with read_transaction(engine) as connection:
        found = webhooks.list_all(connection)
    failing = [webhook for webhook in found if webhook.last_error]
    if not failing:
        yield Finding("webhooks", Level.OK, "No message has failed to reach a webhook.")
    for webhook in failing:
        name = f"Webhook {webhook.id} ({webhook.url})"
        if webhook.abandoned:
            text = f"{name} never took {webhook.abandoned} messages ({webhook.last_error}): mend it, then run "
            yield Finding("webhooks", Level.PROBLEM, f"{text}`moderation webhook retry {webhook.id}`.")
        else:
            text = f"{name} did not take a message yet ({webhook.last_error}): check that it can be reached from here."
            yield Finding("webhooks", Level.WARNING, f"{text} The service retries for three days.")


def _check_digests(engine: Engine) -> Iterator[Finding]:
    with read_transaction(engine) as connection:
        failing = [digest for digest in digests.list_all(connection) if digest.last_error]
    if not failing:
        yield Finding("digests", Level.OK, "No digest has failed.")
    for digest in failing:
        text = f"The digest of {digest.moderator} was not sent ({digest.last_error}): mend it, then run "
        yield Finding("digests", Level.WARNING, f"{text}`moderation moderator digest {digest.moderator} --now`.")


def _check_adviser(engine: Engine, model: str) -> Iterator[Finding]:
    if not model:
        yield Finding("adviser", Level.OK, "No other model is asked about held comments.")
        return
    with read_transaction(engine) as connection:
        found = opinions.summarize(connection)
    if found.last_error:
        text = f"{model} gave no answer the last time ({found.last_error}): see that its server runs."
        yield Finding("adviser", Level.WARNING, f"{text} The service asks again within ten minutes.")
    else:
        text = f"Comments with an opinion of another model: {found.opinions:,}; without one: {found.without:,}."
        yield Finding("adviser", Level.OK, text)


def _check_jobs(engine: Engine, now: datetime) -> Iterator[Finding]:
    with read_transaction(engine) as connection:
        runs = job_runs.list_all(connection)
    found = [Finding("jobs", Level.WARNING, sentence) for sentence in describe_problems(runs, now)]
    yield from found or [Finding("jobs", Level.OK, f"Of {len(runs)} background jobs none fails.")]
