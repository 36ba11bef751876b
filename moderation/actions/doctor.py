"""Examine an installation: whether its parts are there, fit together and have room. Nothing is changed.

Each check stands alone, so that one broken part does not hide the others.
"""

import fcntl
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from moderation.actions.backup import StatePaths
from moderation.actions.disk import FULL_DISK_BYTES, LOW_DISK_BYTES
from moderation.actions.doctor_database import check_database
from moderation.actions.doctor_findings import Check, Finding, Level, run_checks
from moderation.actions.run_lock import orphans, reject_interrupted_restore
from moderation.domain.errors import ModerationError
from moderation.registry.model_registry import ModelRegistry

LARGE_WAL_BYTES = 64_000_000
"""Sixteen times the size at which SQLite begins to write the -wal file back."""

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def diagnose(state: StatePaths, metrics_folder: Path, now: datetime, adviser_model: str = "") -> list[Finding]:
    """Return the findings of all checks, at least one for each. Raises no `ModerationError`.

    `adviser_model` is the operator's own model that is asked about held comments, empty for none.
    """
    checks: dict[str, Check] = {
        "models": lambda: _check_models(state.models),
        "disk": lambda: _check_disk(state),
        "permissions": lambda: _check_permissions(state),
        "wal": lambda: _check_wal(state),
        "processes": lambda: _check_processes(state, metrics_folder),
        "restore": lambda: _check_restore(state),
    }
    return [*check_database(state, now, adviser_model), *run_checks(checks)]


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
