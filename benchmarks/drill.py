"""The fault drill: clients send comments and labels to a real service while its parts are broken, over and over.

Afterwards every acknowledged decision and label must be stored, and none twice. A request that reached the service is
answered in time, by a verdict or by 503 with `Retry-After`, and the service is back soon.
"""

import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from random import Random
from time import monotonic, sleep
from typing import NamedTuple

from sqlalchemy import create_engine, func, select

from benchmarks.drill_client import Clients, Record
from benchmarks.installation import Installation
from benchmarks.rows import Row, at_most, figure, unmeasured
from moderation.settings import Settings
from moderation.storage.tables import comments, decisions, labels
from tests.postgresql import PostgresServer, find_binaries, running_server
from tests.shipped import SHIPPED_MODEL_ID

DEFAULT_ROUNDS = 50
MAX_ANSWER_SECONDS = 2.0
MAX_RECOVERY_SECONDS = 5.0
LOCK_SECONDS = 10.0
RESTART_SECONDS = 1.0
"""Time after which systemd restarts the server: `RestartSec` in deploy/moderation.service."""
# A request may wait for the database as long as the setting says; another half second is the machine's.
STATED_DEADLINE_SECONDS = float(Settings.model_fields["busy_timeout_seconds"].default) + 0.5

_DISK_SIZE = "256m"
_SHORT_SECONDS = 1.0
_SWAPS_PER_ROUND = 10
_OTHER_MODEL = "default-other"
_NOT_RECOVERED_SECONDS = 30.0


class Fault(NamedTuple):
    """A kind of fault. `inject` brings it about and ends it; the service has to recover from its return on.

    `inject` may return an earlier moment instead. `deadline` is the longest time that an answer may take.
    """

    name: str
    inject: Callable[[Installation, Random], float | None]
    deadline: float = MAX_ANSWER_SECONDS


class Outcome(NamedTuple):
    """The record of the clients, the slowest recovery, and what the database lacks or has twice."""

    record: Record
    slowest_recovery_seconds: float
    lost: int
    twice: int


def measure(rounds: int = DEFAULT_ROUNDS) -> list[Row]:
    """Break the service in each way, `rounds` times, and return the figures of each kind.

    A kind without its means, such as root's right to mount, is skipped with the reason.
    """
    rows: list[Row] = []
    for fault in FAULTS:
        with tempfile.TemporaryDirectory() as folder:
            rows += _drill(fault, Path(folder), rounds)
    with tempfile.TemporaryDirectory() as folder:
        rows += _drill_full_disk(Path(folder), rounds)
    with tempfile.TemporaryDirectory() as folder:
        rows += _drill_postgres(Path(folder), rounds)
    return rows


def counts_a_failure(rows: list[Row]) -> bool:
    """Return whether anything was lost, stored twice or wrongly answered. A time proves nothing on a busy machine."""
    return any(row.holds is False and row.unit != "seconds" for row in rows)


def _drill(fault: Fault, folder: Path, rounds: int, database_url: str = "") -> list[Row]:
    installation = Installation(folder, database_url)
    installation.prepare()
    _add_other_model(installation)
    random, slowest = Random(fault.name), 0.0
    installation.start()
    try:
        installation.wait_until_ready()
        clients = Clients(installation.address, installation.key)
        clients.start()
        sleep(_SHORT_SECONDS)
        for _ in range(rounds):
            mended = fault.inject(installation, random) or monotonic()
            slowest = max(slowest, clients.seconds_to_recover(mended, _NOT_RECOVERED_SECONDS))
            slowest = max(slowest, _seconds_until_whole(installation, mended))
            if not installation.is_whole():
                # The figure shows it already; the next round needs a service.
                installation.restart()
        clients.stop()
    finally:
        installation.stop()
    return _rows(fault, rounds, examine(installation, clients.record, slowest))


def _seconds_until_whole(installation: Installation, since: float) -> float:
    """Return the seconds until the server runs with all its workers: one that is left may serve alone until then."""
    while not installation.is_whole() and monotonic() < since + _NOT_RECOVERED_SECONDS:
        sleep(0.01)
    return monotonic() - since


def examine(installation: Installation, record: Record, slowest: float) -> Outcome:
    """Compare the database with the answers that the clients had."""
    engine = create_engine(installation.database_url or f"sqlite:///{installation.database}")
    with engine.connect() as connection:
        stored = {row[0]: row[1] for row in connection.execute(select(decisions.c.id, comments.c.text).join(comments))}
        labelled = select(comments.c.text, func.count()).join(labels, labels.c.comment_id == comments.c.id)
        label_counts = {row[0]: row[1] for row in connection.execute(labelled.group_by(comments.c.text))}
        if not installation.database_url:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    engine.dispose()
    lost = sum(stored.get(decision) != text for text, decision in record.decisions.items())
    lost += sum(text not in label_counts for text in record.labels)
    twice = sum(count - 1 for count in (*Counter(stored.values()).values(), *label_counts.values()))
    return Outcome(record, slowest, lost, twice)


def _rows(fault: Fault, rounds: int, outcome: Outcome) -> list[Row]:
    record, name = outcome.record, f"{fault.name}, {rounds} rounds"
    for sentence, count in Counter(record.unusual).most_common(5):
        print(f"{name}: {count} times {sentence}")
    answers = Counter(record.statuses)
    cut, refused = answers.pop(0, 0), answers.pop(-1, 0)
    shown = ", ".join(f"{count} of {status}" for status, count in sorted(answers.items()))
    print(f"{name}: {shown}; {cut} connections cut, {refused} refused")
    return [
        figure(f"{name}: acknowledged", len(record.decisions), "decisions"),
        figure(f"{name}: acknowledged", len(record.labels), "labels"),
        at_most(f"{name}: lost", outcome.lost, 0, "acknowledged decisions and labels"),
        at_most(f"{name}: stored twice", outcome.twice, 0, "decisions and labels"),
        at_most(f"{name}: errors", len(record.unusual), 0, "answers that the fault does not excuse"),
        at_most(f"{name}: slowest answer", record.slowest_seconds, fault.deadline, "seconds"),
        at_most(f"{name}: back after", outcome.slowest_recovery_seconds, MAX_RECOVERY_SECONDS, "seconds"),
    ]


def _kill_worker(installation: Installation, random: Random) -> float:
    os.kill(random.choice(installation.workers()), signal.SIGKILL)
    return monotonic()


def _kill_master(installation: Installation, _: Random) -> float:
    installation.kill_master()
    killed = monotonic()
    sleep(RESTART_SECONDS)
    installation.start()
    return killed


def _lock_database(installation: Installation, _: Random) -> None:
    with closing(sqlite3.connect(installation.database, timeout=60, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        sleep(LOCK_SECONDS)
        other.execute("ROLLBACK")


def _replace_database(installation: Installation, random: Random) -> None:
    """Move the database away, or put another one in its place, and undo it."""
    away, other = installation.var / "away.db", installation.folder / "other.db"
    if random.random() < 0.5:
        installation.database.rename(away)
    else:
        with closing(sqlite3.connect(other)) as connection, connection:
            connection.execute("CREATE TABLE IF NOT EXISTS other (id INTEGER)")
        os.link(installation.database, away)
        other.replace(installation.database)
    sleep(_SHORT_SECONDS)
    away.replace(installation.database)


def _truncate_model(installation: Installation, _: Random) -> None:
    """Put a model live whose file is cut off halfway, as by a copy in progress; then complete the copy."""
    registry = installation.registry
    whole = registry.folder / SHIPPED_MODEL_ID / "model.joblib"
    file = registry.folder / _OTHER_MODEL / "model.joblib"
    registry.promote(SHIPPED_MODEL_ID)
    os.truncate(file, whole.stat().st_size // 2)
    draft = registry.folder / ".current"
    draft.write_text(f"{_OTHER_MODEL}\n{SHIPPED_MODEL_ID}\n")
    draft.replace(registry.current_file)
    sleep(_SHORT_SECONDS)
    shutil.copyfile(whole, file)
    registry.promote(_OTHER_MODEL)


def _swap_models(installation: Installation, _: Random) -> None:
    for _ in range(_SWAPS_PER_ROUND):
        installation.registry.promote(_OTHER_MODEL)
        installation.registry.rollback()


def _add_other_model(installation: Installation) -> None:
    """Add a model of the same weights under another name."""
    models = installation.registry.folder
    folder = shutil.copytree(models / SHIPPED_MODEL_ID, models / _OTHER_MODEL)
    card = folder / "card.json"
    card.write_text(card.read_text("utf-8").replace(f'"id": "{SHIPPED_MODEL_ID}"', f'"id": "{_OTHER_MODEL}"'), "utf-8")


FAULTS = (
    Fault("worker killed", _kill_worker),
    Fault("master killed", _kill_master),
    Fault(f"database locked for {LOCK_SECONDS:g} s", _lock_database, STATED_DEADLINE_SECONDS),
    Fault("database file replaced", _replace_database),
    Fault("model truncated during a swap", _truncate_model),
    Fault(f"{_SWAPS_PER_ROUND} promotions and rollbacks", _swap_models),
)


def _drill_full_disk(folder: Path, rounds: int) -> list[Row]:
    with ExitStack() as stack:
        try:
            stack.enter_context(_small_disk(folder))
        except (OSError, subprocess.CalledProcessError):
            return [unmeasured("disk full", "mounting a small file system needs root")]
        return _drill(Fault("disk full", _fill_disk), folder, rounds)


def _fill_disk(installation: Installation, _: Random) -> None:
    ballast = installation.folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (2**20, 4096):
            try:
                while file.write(bytes(size)):
                    pass
            except OSError:
                continue
    sleep(_SHORT_SECONDS)
    ballast.unlink()


@contextmanager
def _small_disk(folder: Path) -> Iterator[None]:
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_SIZE}", "tmpfs", str(folder)]
    subprocess.run(mount, capture_output=True, check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _drill_postgres(folder: Path, rounds: int) -> list[Row]:
    if find_binaries() is None:
        return [unmeasured("PostgreSQL restarted", "PostgreSQL is not installed")]
    with running_server() as server:
        fault = Fault("PostgreSQL restarted", partial(_restart_postgres, server), STATED_DEADLINE_SECONDS)
        return _drill(fault, folder, rounds, server.url("postgres"))


def _restart_postgres(server: PostgresServer, _: Installation, random: Random) -> None:
    server.restart(random.choice(("fast", "immediate")))
