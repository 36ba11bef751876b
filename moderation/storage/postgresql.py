"""PostgreSQL: how the engine connects, and what each of its errors asks the operator to do."""

from math import ceil, inf
from time import monotonic

from sqlalchemy import URL, Connection, Engine, create_engine, event, func, select, text
from sqlalchemy.exc import DatabaseError, DataError, DBAPIError, IntegrityError, ProgrammingError

from moderation.domain.errors import StorageUnavailable

SLOW_FACTOR = 30
"""A slow transaction, such as statistics or maintenance, may take so many times the busy timeout."""
MAX_IDLE_IN_TRANSACTION_SECONDS = 60
"""Time after which the server ends the transaction of a process that stands still: its locks would stop the others."""
_MIN_CONNECT_TIMEOUT_SECONDS = 2  # libpq takes less for this
MIGRATION_LOCK_MILLISECONDS = 100
"""Time that a migration or a rewriting waits for a table, before it lets others pass and begins again."""
_LOCK_SHARE = 0.4
"""Part of the busy timeout after which a wait for a lock ends: the write is then run again within that timeout.

A deadlock ends by it too. The server looks for one only after its own `deadlock_timeout` of one second.
"""
_BUSY_OPTION = "moderation_busy_timeout_seconds"
_PATIENT_OPTION = "moderation_patient"
_DEADLINE_KEY = "moderation_deadline"
_MIGRATION_LOCK = 0x4D6F64657261
_LOCKED = "The database is locked by another program; try again in a moment."
_TOO_SLOW = "The database took longer than MODERATION_BUSY_TIMEOUT_SECONDS allows; try again in a moment."
_RESTARTING = "The database server is stopping or starting; try again in a moment."
_TOO_MANY = "The database server has no connection left: raise its max_connections, or run fewer workers."
_ROLE_REFUSED = "The database server refuses the role or its password: check MODERATION_DATABASE_URL and pg_hba.conf."
_NO_DATABASE = "The database server has no such database: create it, or correct MODERATION_DATABASE_URL."
_NO_TABLES = "The database has not the tables of this version: run `moderation init`."
_ONLY_READ = "The database may only be read: connect to the primary server."
ERRORS_BY_STATE = {
    "25006": _ONLY_READ,
    "25P03": "The database server ended a transaction that stood still; try again in a moment.",
    "28": _ROLE_REFUSED,
    "3D000": _NO_DATABASE,
    "40": "Another transaction was in the way each time; try again in a moment.",
    "42501": "The role may not do this: make it the owner of the database's tables, or grant it CREATE on the schema.",
    "42P01": _NO_TABLES,
    "42703": _NO_TABLES,
    "53100": "The disk of the database is full: free some space.",
    "53200": "The database server is out of memory.",
    "53300": _TOO_MANY,
    "55P03": _LOCKED,
    "57014": _TOO_SLOW,
    "57P": _RESTARTING,
    "58": "The database server cannot read or write its files: its disk is full or damaged.",
    "XX001": "The database is damaged; restore it from a backup.",
    "XX002": "An index of the database is damaged: run REINDEX DATABASE.",
}
# A refused connection comes without SQLSTATE, so its English text has to do.
_BY_TEXT = {
    "authentication failed": _ROLE_REFUSED,
    "no password supplied": _ROLE_REFUSED,
    "no pg_hba.conf entry": _ROLE_REFUSED,
    "too many clients": _TOO_MANY,
    "too many connections": _TOO_MANY,
    "connection slots": _TOO_MANY,
    "starting up": _RESTARTING,
    "shutting down": _RESTARTING,
    "in recovery": _RESTARTING,
    "terminating connection": _RESTARTING,
    "role ": _ROLE_REFUSED,
    "database ": _NO_DATABASE,
}
UNREACHABLE = "The database server does not answer: start it, or correct MODERATION_DATABASE_URL."


def open_postgresql(url: URL, busy_timeout_seconds: float, patient: bool) -> Engine:
    """Return an engine for a PostgreSQL URL. A statement and a connect have this timeout each.

    With `patient` a statement has none: its caller can interrupt it.
    """
    milliseconds = ceil(busy_timeout_seconds * 1_000)
    seconds = max(_MIN_CONNECT_TIMEOUT_SECONDS, ceil(busy_timeout_seconds))
    server_settings = {
        "statement_timeout": 0 if patient else milliseconds,
        "lock_timeout": ceil(_LOCK_SHARE * milliseconds),
        "idle_in_transaction_session_timeout": MAX_IDLE_IN_TRANSACTION_SECONDS * 1_000,
        # A server that is configured without it would lose acknowledged decisions in a crash.
        "synchronous_commit": "on",
        # Statements take milliseconds. To compile one, or to start processes for its parts, would take longer.
        "jit": "off",
        "max_parallel_workers_per_gather": 0,
    }
    options = " ".join(f"-c {name}={value}" for name, value in server_settings.items())
    engine = create_engine(
        url.set(drivername="postgresql+psycopg").difference_update_query(["options"]),
        pool_timeout=busy_timeout_seconds,
        # Asks before each use: a server that was restarted has closed the idle connections.
        pool_pre_ping=True,
        # A parameter may be a comment's text: errors and logs must not show it.
        hide_parameters=True,
        execution_options={_BUSY_OPTION: busy_timeout_seconds, _PATIENT_OPTION: patient},
        connect_args={
            "connect_timeout": seconds,
            # The operator's own options come last and win.
            "options": f"{options} {url.query.get('options', '')}",
            # A host that is gone sends no error: the driver would wait for its answer for two hours.
            "tcp_user_timeout": 1_000 * seconds,
            "keepalives_idle": seconds,
            "keepalives_interval": 1,
            "keepalives_count": 3,
        },
    )
    event.listen(engine, "before_cursor_execute", _reject_late)
    return engine


def begin_read(connection: Connection) -> Connection:
    """Make the coming transaction see one state of the database and store nothing."""
    return connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def limit_transaction(connection: Connection, slow: bool) -> None:
    """Let the transaction begin no statement after its time; with `slow` it has `SLOW_FACTOR` times as long."""
    options = connection.get_execution_options()
    seconds = SLOW_FACTOR * options[_BUSY_OPTION] if slow else options[_BUSY_OPTION]
    connection.info[_DEADLINE_KEY] = inf if options[_PATIENT_OPTION] else monotonic() + seconds
    if slow and not options[_PATIENT_OPTION]:
        connection.execute(text(f"SET LOCAL statement_timeout = {ceil(seconds * 1_000)}"))


def retry_seconds(engine: Engine, slow: bool) -> float:
    """Return how long a write that others are in the way of is run again."""
    options = engine.get_execution_options()
    seconds: float = options[_BUSY_OPTION]
    return SLOW_FACTOR * seconds if slow or options[_PATIENT_OPTION] else seconds


def _reject_late(connection: Connection, *_: object) -> None:
    # The server's timeout is that of one statement: without this, ten of them would take ten times as long.
    if monotonic() > connection.info.get(_DEADLINE_KEY, inf):
        raise StorageUnavailable(_TOO_SLOW)


def wait_for_migrations(connection: Connection) -> None:
    """Wait until no other process migrates the database, and keep others waiting until the transaction ends.

    A migration of many rows may take minutes, so this wait has no timeout. A table that another transaction has locked
    is waited for shortly: the requests of a running service wait behind the migration, and must not time out.
    """
    connection.execute(text("SET LOCAL lock_timeout = 0"))
    connection.execute(select(func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
    connection.execute(text(f"SET LOCAL lock_timeout = {MIGRATION_LOCK_MILLISECONDS}"))


def maintenance_session(pooled: Connection) -> Connection:
    """Return a connection outside of transactions and of the pool, whose statements may take any time."""
    connection = pooled.execution_options(isolation_level="AUTOCOMMIT")
    connection.detach()
    connection.info[_DEADLINE_KEY] = inf
    connection.execute(text("SET statement_timeout = 0"))
    connection.execute(text(f"SET lock_timeout = {MIGRATION_LOCK_MILLISECONDS}"))
    return connection


def write_problem(connection: Connection) -> str | None:
    """Return why the server takes no writes, or `None` if it does."""
    only_read = connection.execute(text("SELECT current_setting('transaction_read_only')::bool")).scalar()
    return _ONLY_READ if only_read else None


def sql_state(error: DBAPIError) -> str:
    """Return the SQLSTATE of an error, or the empty text if the server has sent none."""
    return getattr(error.orig, "sqlstate", None) or ""


def is_retried(error: BaseException | None) -> bool:
    """Return whether another transaction made this one fail, so that it may succeed when it is run again."""
    return isinstance(error, DBAPIError) and sql_state(error) in {"40001", "40P01", "55P03"}


def is_statement_error(error: DBAPIError) -> bool:
    """Return whether the program is to blame for an error, of either database, and not the state of the database."""
    state = sql_state(error)
    if not state:
        return isinstance(error, IntegrityError | ProgrammingError | DataError) or not isinstance(error, DatabaseError)
    return state[:2] in {"22", "23", "42"} and find_sentence(state) is None


def error_message(error: DBAPIError) -> str:
    """Return a sentence for the operator: the trouble and its remedy."""
    state = sql_state(error)
    sentence = find_sentence(state)
    if sentence is not None:
        return sentence
    if "during recovery" in str(error.orig):
        return _ONLY_READ
    if state:
        return f"The database cannot be used (SQLSTATE {state}): see the log of the database server."
    reported = str(error.orig).rpartition("FATAL:")[2]
    return next((sentence for part, sentence in _BY_TEXT.items() if part in reported), UNREACHABLE)


def find_sentence(state: str) -> str | None:
    """Return the sentence for a SQLSTATE or its class; `None` without one."""
    return next((sentence for prefix, sentence in ERRORS_BY_STATE.items() if state.startswith(prefix)), None)
