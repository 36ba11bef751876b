"""Examine an installation: whether its parts are there, fit together and have room. Nothing is changed.

Each check stands alone, so that one broken part does not hide the others.
"""

import fcntl
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine

from moderation.actions.backup import StatePaths
from moderation.actions.disk import FULL_DISK_BYTES, LOW_DISK_BYTES
from moderation.actions.run_lock import orphans, reject_interrupted_restore
from moderation.actions.secret import secret_file_problem
from moderation.domain.errors import ModerationError
from moderation.domain.jobs import describe_problems
from moderation.domain.people import ALL_SITES
from moderation.registry.model_registry import ModelRegistry
from moderation.storage import callbacks, comments, digests, job_runs, lessons, opinions, webhooks
from moderation.storage.engine import open_engine, read_transaction
from moderation.storage.migrate import SchemaState, schema_state

LARGE_WAL_BYTES = 64_000_000
"""Sixteen times the size at which SQLite begins to write the -wal file back."""
MAX_CLOCK_SKEW = timedelta(minutes=1)
EARLIEST_TIME = datetime(2026, 11, 1, tzinfo=UTC)
"""This version was written later, so a clock that shows less is wrong."""

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class Level(StrEnum):
    """How urgent a finding is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


class Finding(NamedTuple):
    """The result of one check. `detail` is a sentence; unless the level is ok, it says what to do."""

    check: str
    level: Level
    detail: str


def diagnose(state: StatePaths, metrics_folder: Path, now: datetime, adviser_model: str = "") -> list[Finding]:
    """Return the findings of all checks, at least one for each. Raises no `ModerationError`.

    `adviser_model` is the operator's own model that is asked about held comments, empty for none.
    """
    checks: dict[str, Callable[[], Iterable[Finding]]] = {
        "models": lambda: _check_models(state.models),
        "disk": lambda: _check_disk(state),
        "permissions": lambda: _check_permissions(state),
        "wal": lambda: _check_wal(state),
        "processes": lambda: _check_processes(state, metrics_folder),
        "restore": lambda: _check_restore(state),
    }
    in_database = _check_database(state, now, adviser_model)
    return [*in_database, *(finding for name, check in checks.items() for finding in _run(name, check))]


def _run(name: str, check: Callable[[], Iterable[Finding]]) -> list[Finding]:
    try:
        return list(check())
    except ModerationError as error:
        return [Finding(name, Level.PROBLEM, str(error))]
    except OSError as error:
        place = error.filename or "A file"
        return [Finding(name, Level.PROBLEM, f"{place} cannot be examined ({error.strerror}): check its owner.")]


def _check_database(state: StatePaths, now: datetime, adviser_model: str) -> list[Finding]:
    try:
        engine = open_engine(state.database_url, state.busy_timeout_seconds, patient=True)
    except ModerationError as error:
        return [Finding("schema", Level.PROBLEM, str(error))]
    try:
        found = schema_state(engine)
        if found.problem is not None:
            return [Finding("schema", Level.PROBLEM, found.problem)]
        schema = _describe_schema(engine, found)
        checks: dict[str, Callable[[], Iterable[Finding]]] = {
            "secret": lambda: _check_secret(engine, state.secret),
            "clock": lambda: _check_clock(engine, now),
            "callbacks": lambda: _check_callbacks(engine),
            "webhooks": lambda: _check_webhooks(engine),
            "digests": lambda: _check_digests(engine),
            "adviser": lambda: _check_adviser(engine, adviser_model),
            "learning": lambda: _check_learning(engine),
            "jobs": lambda: _check_jobs(engine, now),
        }
        return [schema, *(finding for name, check in checks.items() for finding in _run(name, check))]
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


def _check_models(folder: Path) -> Iterator[Finding]:
    registry = ModelRegistry(folder)
    live = registry.current_id()
    if live is None:
        yield Finding("models", Level.PROBLEM, "No model is live: run `moderation promote ID`.")
    else:
        model = registry.load(live)
        yield Finding("models", Level.OK, f"The live model {live} loads and has its checksum.")
        if model.reader_problem:
            yield Finding("reader", Level.WARNING, model.reader_problem)
        elif model.second_reader:
            yield Finding("reader", Level.OK, "Its second reader is asked about comments in doubt.")
    for other in registry.ids():
        if other != live:
            try:
                registry.load(other)
            except ModerationError as error:
                yield Finding("models", Level.WARNING, f"{error} It is not live: remove its folder, or restore it.")


def _check_disk(state: StatePaths) -> Iterator[Finding]:
    folders = {state.var, state.models, *([state.database.parent] if state.database else [])}
    # Folders on the same file system share one finding.
    disks = {path.stat().st_dev: path for path in sorted(folders, reverse=True) if path.exists()}
    for path in disks.values():
        free = shutil.disk_usage(path).free
        shown = f"{free / 1e6:,.0f} MB are free on the disk of {path}"
        if free < FULL_DISK_BYTES:
            yield Finding("disk", Level.PROBLEM, f"{shown}: free some space, or no decision can be stored.")
        elif free < LOW_DISK_BYTES:
            yield Finding("disk", Level.WARNING, f"{shown}: free some space soon.")
        else:
            yield Finding("disk", Level.OK, f"{shown}.")


def _check_permissions(state: StatePaths) -> Iterator[Finding]:
    folder = state.var.stat()
    found = []
    if folder.st_mode & _OTHERS:
        found.append(
            Finding("permissions", Level.WARNING, f"Others may enter {state.var}: run `chmod 700 {state.var}`.")
        )
    with suppress(FileNotFoundError):
        if state.secret.stat().st_mode & _OTHERS:
            text = f"Others may read {state.secret} and forge sessions: run `chmod 600 {state.secret}`."
            found.append(Finding("permissions", Level.PROBLEM, text))
    foreign = [str(path) for path in _state_files(state) if path.exists() and path.stat().st_uid != folder.st_uid]
    if foreign:
        text = f"{', '.join(foreign)} and {state.var} have different owners: give all to the user of the service."
        found.append(Finding("permissions", Level.PROBLEM, text))
    if not os.access(state.var, os.W_OK | os.X_OK):
        text = f"This user may not write to {state.var}: run the commands as the user of the service."
        found.append(Finding("permissions", Level.PROBLEM, text))
    yield from found or [Finding("permissions", Level.OK, f"Only its owner may use {state.var}.")]


def _state_files(state: StatePaths) -> list[Path]:
    database = state.database
    side_files = [database.with_name(database.name + end) for end in ("", "-wal", "-shm")] if database else []
    return [state.secret, *side_files]


def _check_wal(state: StatePaths) -> Iterator[Finding]:
    size = 0
    for path in _state_files(state):
        if path.name.endswith("-wal") and path.exists():
            size = path.stat().st_size
    shown = f"The -wal file has {size / 1e6:,.0f} MB"
    if size > LARGE_WAL_BYTES:
        text = f"{shown}: end programs that keep the database open for reading, then restart the service."
        yield Finding("wal", Level.WARNING, text)
    else:
        yield Finding("wal", Level.OK, f"{shown}.")


def _check_processes(state: StatePaths, metrics_folder: Path) -> Iterator[Finding]:
    left = orphans(state.var)
    stale = [path.name for path in metrics_folder.glob("moderation-run-*") if not _is_locked(path)]
    if left:
        shown = " ".join(map(str, left))
        yield Finding("processes", Level.PROBLEM, f"Workers serve although their server has ended: run `kill {shown}`.")
    if stale:
        yield Finding(
            "processes",
            Level.WARNING,
            f"{metrics_folder} has {len(stale)} folders of ended runs: the next start with several workers "
            "removes them.",
        )
    if not left and not stale:
        yield Finding("processes", Level.OK, "No worker and no folder is left of a run that has ended.")


def _is_locked(folder: Path) -> bool:
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _check_restore(state: StatePaths) -> Iterator[Finding]:
    reject_interrupted_restore(state.var)
    yield Finding("restore", Level.OK, "No restore was interrupted.")
