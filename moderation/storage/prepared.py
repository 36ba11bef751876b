"""Statements of the hot path, run by the database driver: SQLAlchemy's own way takes longer than SQLite's work."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Dialect, Select, Table, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.exc import DBAPIError


class _Compiled(NamedTuple):
    sql: str
    columns: tuple[str, ...]
    converters: tuple[tuple[str, Callable[[Any], Any]], ...]
    positional: bool


class PreparedInsert:
    """An insert of one row with values for all columns of a table except for those in `without`, compiled once.

    With `returning`, the insert returns that column of the new row.
    """

    def __init__(self, table: Table, *, without: frozenset[str] = frozenset(), returning: str | None = None) -> None:
        self._columns = [column for column in table.c if column.name not in without]
        statement = insert(table).values(dict.fromkeys(self._columns))
        self._statement = statement.returning(table.c[returning]) if returning else statement
        self._returns = returning is not None
        self._compiled = cache(self._compile)

    def run(self, connection: Connection, row: Mapping[str, Any]) -> Any:
        """Insert a row; every column must have a value. Values are converted as by SQLAlchemy.

        Returns the value of the `returning` column, if there is one. Raises the errors of SQLAlchemy.
        """
        compiled = self._compiled(connection.dialect)
        values = dict(row)
        for name, convert in compiled.converters:
            values[name] = convert(values[name])
        parameters = tuple([values[name] for name in compiled.columns]) if compiled.positional else values
        cursor = _execute(connection, compiled.sql, parameters)
        return _first_value(cursor) if self._returns else None

    def _compile(self, dialect: Dialect) -> _Compiled:
        compiled = self._statement.compile(dialect=dialect)
        processors = [
            (column.name, column.type.dialect_impl(dialect).bind_processor(dialect)) for column in self._columns
        ]
        positions = tuple(compiled.positiontup or ())
        converters = tuple((name, convert) for name, convert in processors if convert is not None)
        return _Compiled(str(compiled), positions or tuple(row[0] for row in processors), converters, bool(positions))


class PreparedQuery:
    """A query of one value with named parameters, compiled once. Its values may not need a conversion."""

    def __init__(self, statement: Select[Any]) -> None:
        self._statement = statement
        self._compiled = cache(self._compile)

    def run(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        """Return the first value that the query finds, `None` without a row. Raises the errors of SQLAlchemy."""
        return _first_value(self.execute(connection, values))

    def execute(self, connection: Connection, values: Mapping[str, Any]) -> DBAPICursor:
        """Run the query and return the driver's cursor. Raises the errors of SQLAlchemy."""
        sql, positions = self._compiled(connection.dialect)
        parameters = tuple([values[name] for name in positions]) if positions else values
        return _execute(connection, sql, parameters)

    def _compile(self, dialect: Dialect) -> tuple[str, tuple[str, ...]]:
        compiled = self._statement.compile(dialect=dialect)
        return str(compiled), tuple(compiled.positiontup or ())


class PreparedRows:
    """A query of rows with named parameters, compiled once. Neither its values nor its rows may need a conversion."""

    def __init__(self, statement: Select[Any]) -> None:
        self._query = PreparedQuery(statement)

    def run(self, connection: Connection, values: Mapping[str, Any]) -> Sequence[tuple[Any, ...]]:
        """Return the rows that the query finds. Raises the errors of SQLAlchemy."""
        rows: Sequence[tuple[Any, ...]] = self._query.execute(connection, values).fetchall()
        return rows


class PreparedUpsert:
    """An insert of rows with values for all columns, compiled once, that changes the rows whose primary key is stored.

    `change` returns the new values of a stored row by column, from the columns of the stored row and of the row to add.
    Values may not need a conversion.
    """

    def __init__(self, table: Table, change: Callable[[Any, Any], Mapping[str, Any]]) -> None:
        self._table = table
        self._change = change
        self._compiled = cache(self._compile)

    def run(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add or change the rows, in order. Raises the errors of SQLAlchemy."""
        if rows:
            sql, positions = self._compiled(connection.dialect)
            parameters = [tuple([row[name] for name in positions]) if positions else row for row in rows]
            _execute(connection, sql, parameters, many=True)

    def _compile(self, dialect: Dialect) -> tuple[str, tuple[str, ...]]:
        insert_or = sqlite.insert if dialect.name == "sqlite" else postgresql.insert
        added = insert_or(self._table).values(dict.fromkeys(self._table.c))
        changed = self._change(self._table.c, added.excluded)
        statement = added.on_conflict_do_update(index_elements=list(self._table.primary_key), set_=changed)
        compiled = statement.compile(dialect=dialect)
        return str(compiled), tuple(compiled.positiontup or ())


def read_value(connection: Connection, sql: str) -> Any:
    """Return the first value that a query without parameters finds, `None` without a row.

    Raises the errors of SQLAlchemy.
    """
    return _first_value(_execute(connection, sql, ()))


def _execute(connection: Connection, sql: str, parameters: Any, *, many: bool = False) -> DBAPICursor:
    """Run a statement with its parameters, or with `many` once for each of several parameters."""
    pooled, dialect = connection.connection, connection.dialect
    cursor = pooled.cursor()
    try:
        (cursor.executemany if many else cursor.execute)(sql, parameters)
    except dialect.loaded_dbapi.Error as error:
        if dialect.is_disconnect(error, pooled, cursor):
            connection.invalidate(error)
        driver_error = dialect.loaded_dbapi.Error
        # A parameter may be a comment's text, so the error has none.
        raise DBAPIError.instance(sql, None, error, driver_error, hide_parameters=True, dialect=dialect) from error
    return cursor


def _first_value(cursor: DBAPICursor) -> Any:
    row = cursor.fetchone()
    return None if row is None else row[0]
