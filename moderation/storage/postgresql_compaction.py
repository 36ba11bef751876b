"""Rewrite the tables of a PostgreSQL database and overwrite the server's log, so that no deleted row is left."""

from time import monotonic, sleep

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from moderation.domain.errors import StorageUnavailable
from moderation.storage.postgresql import is_retried, maintenance_session, sql_state

MAX_WAIT_SECONDS = 30.0
"""Time to wait for a table, and for the end of transactions that began before."""
_POLL_SECONDS = 0.1
_NO_RIGHT = "42501"
_PROBE = "alembic_version"
"""A table of one row that no request reads. Its rewriting shows whether older transactions are open."""
_STATISTICS = "pg_catalog.pg_statistic"
"""The catalog in which ANALYZE keeps frequent values of columns: names and addresses among them."""
_OWN_TABLES = text("""
    SELECT oid::regclass::text FROM pg_class
    WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND pg_has_role(relowner, 'USAGE')
""")
_IS_OLDER = text("""
    SELECT age(relfrozenxid) > age(CAST(:started AS xid)) FROM pg_class WHERE oid = CAST(:relation AS regclass)
""")
"""Whether a rewritten table may have rows that were deleted before: the server kept them for an older transaction."""
_LAST_SEGMENT = "(SELECT max(name) FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$')"
_OVERWRITE = f"""DO $$
DECLARE last text := {_LAST_SEGMENT};
BEGIN
    LOOP
        PERFORM pg_logical_emit_message(false, 'moderation', ''), pg_switch_wal();
        EXIT WHEN pg_walfile_name(pg_current_wal_insert_lsn()) > last;
    END LOOP;
END $$"""
"""Fill each segment up to the last one. The switch to the next segment overwrites the rest with zeros."""
_KEPT = text("SELECT count(*) FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$' AND name < :first")


def compact(engine: Engine) -> bool:
    """Rewrite all tables of the service. Returns whether the server's log was overwritten, too: it takes more rights.

    Each table is locked while it is rewritten. Raises `StorageUnavailable` if deleted rows would be left.
    """
    with engine.connect() as pooled:
        connection = maintenance_session(pooled)
        started = connection.exec_driver_sql("SELECT pg_current_xact_id()::text").scalar_one()
        _await_older_transactions(connection, started)
        for table in [*connection.execute(_OWN_TABLES).scalars(), _STATISTICS]:
            _vacuum(connection, table)
            if _is_older(connection, started, table):
                raise StorageUnavailable(f"The role may not rewrite {table}: make it the owner of the database.")
        return _overwrite_log(connection)


def _await_older_transactions(connection: Connection, started: str) -> None:
    """Wait until no transaction of before is open: for the sake of it, the server would keep deleted rows."""
    deadline = monotonic() + MAX_WAIT_SECONDS
    _vacuum(connection, _PROBE)
    while _is_older(connection, started, _PROBE):
        if monotonic() > deadline:
            raise StorageUnavailable("A long transaction keeps deleted rows in the files: end it, and try again.")
        sleep(_POLL_SECONDS)
        _vacuum(connection, _PROBE)


def _is_older(connection: Connection, started: str, table: str) -> bool:
    return bool(connection.execute(_IS_OLDER, {"started": started, "relation": table}).scalar_one())


def _vacuum(connection: Connection, table: str) -> None:
    """Rewrite a table with its indexes. While another transaction has locked it, others pass."""
    deadline = monotonic() + MAX_WAIT_SECONDS
    while True:
        try:
            connection.exec_driver_sql(f"VACUUM (FULL, ANALYZE) {table}")
        except DBAPIError as error:
            if not is_retried(error) or monotonic() > deadline:
                raise
            sleep(_POLL_SECONDS)
        else:
            return


def _overwrite_log(connection: Connection) -> bool:
    """Remove or overwrite all segments of the log. Returns whether none of before is left.

    A checkpoint renames old segments for later use, with all that is in them. Segments of before stay for a replica,
    for an archive, or without the rights.
    """
    try:
        connection.exec_driver_sql("SELECT pg_switch_wal()")
        first = connection.exec_driver_sql("SELECT pg_walfile_name(pg_current_wal_insert_lsn())").scalar_one()
        for statement in ("CHECKPOINT", _OVERWRITE, "CHECKPOINT"):
            connection.exec_driver_sql(statement)
        return not connection.execute(_KEPT, {"first": first}).scalar_one()
    except DBAPIError as error:
        if sql_state(error) != _NO_RIGHT:
            raise
        return False
