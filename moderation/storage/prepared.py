"""Inserts of the hot path, compiled once for each database: SQLAlchemy's own way takes longer than SQLite's insert."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, CursorResult, Dialect, Table, insert


class _Compiled(NamedTuple):
    sql: str
    columns: tuple[str, ...]
    converters: tuple[tuple[str, Callable[[Any], Any]], ...]
    positional: bool


class PreparedInsert:
    """An insert of one row with values for all columns of a table except for those in `without`.

    With `returning`, the insert returns that column of the new row.
    """

    def __init__(self, table: Table, *, without: frozenset[str] = frozenset(), returning: str | None = None) -> None:
        self._columns = [column for column in table.c if column.name not in without]
        statement = insert(table).values(dict.fromkeys(self._columns))
        self._statement = statement.returning(table.c[returning]) if returning else statement
        self._compiled = cache(self._compile)

    def run(self, connection: Connection, row: Mapping[str, Any]) -> CursorResult[Any]:
        """Insert a row; every column must have a value. Values are converted as by SQLAlchemy."""
        compiled = self._compiled(connection.dialect)
        values = dict(row)
        for name, convert in compiled.converters:
            values[name] = convert(values[name])
        parameters = tuple([values[name] for name in compiled.columns]) if compiled.positional else values
        return connection.exec_driver_sql(compiled.sql, parameters)

    def _compile(self, dialect: Dialect) -> _Compiled:
        compiled = self._statement.compile(dialect=dialect)
        processors = [
            (column.name, column.type.dialect_impl(dialect).bind_processor(dialect)) for column in self._columns
        ]
        positions = tuple(compiled.positiontup or ())
        converters = tuple((name, convert) for name, convert in processors if convert is not None)
        return _Compiled(str(compiled), positions or tuple(row[0] for row in processors), converters, bool(positions))
