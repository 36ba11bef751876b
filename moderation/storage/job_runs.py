"""Store the last run of each background job, and let one process at a time run a job."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import Connection, Engine, and_, case, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from moderation.domain.jobs import FinishedRun, JobResult, JobRun
from moderation.storage.claims import claim_unchanged, is_due
from moderation.storage.engine import storage_errors
from moderation.storage.operator_tables import job_runs
from moderation.storage.postgresql import limit_transaction

MAX_DELAY = timedelta(minutes=5)
"""Limit of the time between the start of a success and its record. A later start was recorded by another clock."""

MAX_LEASE = timedelta(minutes=5)
"""Limit of the time for which a lease is taken or prolonged."""

_JOB_LOCK = 22
"""The first half of the keys of `only_process`; the second stands for a job."""


def record(connection: Connection, runs: Sequence[FinishedRun]) -> None:
    """Record runs in the place of earlier ones. A success leaves a later run of another process as it is."""
    # In the order of their names, as other processes record theirs: no two transactions wait for each other.
    for run in sorted(runs):
        _record(connection, run)


def list_all(connection: Connection) -> list[JobRun]:
    """Return the last run of each job, by name."""
    columns = (job_runs.c[name] for name in JobRun._fields)
    return [JobRun(*row) for row in connection.execute(select(*columns).order_by(job_runs.c.name))]


def begin_leased(connection: Connection, name: str, now: datetime, every: timedelta, until: datetime) -> bool:
    """Begin a run with a lease `until` a time, if it is due. Returns false if it is not, or another process was faster.

    A run is due if none began within `every`, or if the lease of one has expired: its process died.
    """
    values = {"started_at": now, "result": JobResult.RUNNING.value, "leased_until": until}
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    first = insert(job_runs).values(name=name, seconds=0.0, failures=0, **values).on_conflict_do_nothing()
    if connection.execute(first.returning(job_runs.c.name)).first():
        return True
    # A last start that lies in the future was recorded before the clock was set back.
    is_next = or_(job_runs.c.started_at <= now - every, job_runs.c.started_at > now + MAX_LEASE)
    has_died = is_due(job_runs.c.leased_until, now, MAX_LEASE)
    condition = and_(job_runs.c.name == name, case((job_runs.c.leased_until.is_(None), is_next), else_=has_died))
    row = connection.execute(select(job_runs).where(condition)).first()
    return row is not None and claim_unchanged(
        connection, job_runs, row, ("name", "started_at", "leased_until"), **values
    )


def prolong_lease(connection: Connection, name: str, started_at: datetime, until: datetime) -> bool:
    """Prolong the lease of a run. Returns false if another process has begun one."""
    own = (job_runs.c.name == name, job_runs.c.started_at == started_at, job_runs.c.leased_until.is_not(None))
    return connection.execute(update(job_runs).where(*own).values(leased_until=until)).rowcount == 1


def end_leased(connection: Connection, run: FinishedRun) -> bool:
    """Record the end of a run and end its lease. Returns false if another process has begun one.

    A run that was stopped is due at once.
    """
    values: dict[str, object] = {"seconds": run.seconds, "result": run.result.value, "leased_until": None}
    if run.result is JobResult.STOPPED:
        values["leased_until"] = run.started_at
    elif run.result.is_success:
        values |= {"succeeded_at": run.ended_at, "failures": 0}
    else:
        values |= {"failed_at": run.failed_at, "last_error": run.last_error}
        values["failures"] = job_runs.c.failures + run.failures
    own = (job_runs.c.name == run.name, job_runs.c.started_at == run.started_at)
    return connection.execute(update(job_runs).where(*own).values(values)).rowcount == 1


@contextmanager
def only_process(engine: Engine, job: str) -> Iterator[bool]:
    """Yield whether no other process runs a job. None begins to before the block ends.

    On PostgreSQL the lock belongs to a session, as the job has many transactions. The server frees it as soon as the
    process dies. SQLite has no such lock and yields true: there the job reads again in the transaction of its writes.
    """
    if engine.dialect.name == "sqlite":
        yield True
        return
    key = int.from_bytes(sha256(job.encode()).digest()[:4], "big", signed=True)
    with storage_errors():
        connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    with connection:
        with storage_errors():
            limit_transaction(connection, slow=False)
            locked = connection.execute(select(func.pg_try_advisory_lock(_JOB_LOCK, key))).scalar_one()
        try:
            yield locked
        finally:
            if locked:
                _unlock(connection, key)


def _unlock(connection: Connection, key: int) -> None:
    try:
        limit_transaction(connection, slow=False)
        connection.execute(select(func.pg_advisory_unlock(_JOB_LOCK, key)))
    except DBAPIError:
        # Closed, not given back to the pool: the server frees the lock with the session.
        connection.invalidate()


def _record(connection: Connection, run: FinishedRun) -> None:
    failed = not run.result.is_success
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    added = insert(job_runs).values(
        name=run.name,
        started_at=run.started_at,
        seconds=run.seconds,
        result=run.result.value,
        succeeded_at=None if failed else run.ended_at,
        failures=run.failures if failed else 0,
        failed_at=run.failed_at,
        last_error=run.last_error,
    )
    new = added.excluded
    replaced = {
        "started_at": new.started_at,
        "seconds": new.seconds,
        "result": new.result,
        "succeeded_at": func.coalesce(new.succeeded_at, job_runs.c.succeeded_at),
        "failures": job_runs.c.failures + new.failures if failed else 0,
        "failed_at": func.coalesce(new.failed_at, job_runs.c.failed_at),
        "last_error": func.coalesce(new.last_error, job_runs.c.last_error),
    }
    is_newer = None if failed else is_due(job_runs.c.started_at, run.started_at, MAX_DELAY)
    connection.execute(added.on_conflict_do_update(index_elements=["name"], set_=replaced, where=is_newer))
