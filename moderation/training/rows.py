"""Rows of CSV and JSON Lines text. An unreadable row is yielded too, with the reason."""

import csv
import json
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple, Self

MAX_CELL_LINES = 1000

_MAX_CELL_CHARS = 2**24
_DELIMITERS = ",;\t"


class Row(NamedTuple):
    """One row of a file. `error` says why it cannot be read; then `values` is empty.

    `line` is where the row begins. `lines` counts the lines that an unclosed quote has swallowed, and is 1 otherwise.
    """

    line: int
    values: Mapping[str, Any]
    error: str = ""
    lines: int = 1


def jsonl_rows(lines: Iterable[str], skipped: int) -> Iterator[Row]:
    """Yield a row for each line that is not blank; `skipped` lines came before the first."""
    for number, line in enumerate(lines, skipped + 1):
        if line.strip():
            try:
                values = json.loads(line)
            except (ValueError, RecursionError):
                values = None
            yield Row(number, values) if isinstance(values, dict) else Row(number, {}, "is not a JSON object")


def csv_rows(
    header: str,
    lines: Iterator[str],
    skipped: int,
    required: Collection[str],
    check_columns: Callable[[Sequence[str]], None],
) -> Iterator[Row]:
    """Yield the rows below the header line, and one row with an error for the lines inside each unclosed quote.

    `skipped` lines came before the header. `check_columns` raises an error if a `required` column is missing.
    """
    csv.field_size_limit(_MAX_CELL_CHARS)
    delimiter = _recognise_delimiter(header, required)
    feed = _RecordLines(chain([header], lines), skipped)
    # Strict, because a quote that closes within a cell shows that an earlier one was never closed.
    reader = csv.reader(feed, delimiter=delimiter, strict=True)
    columns: list[str] = []
    while True:
        feed.record.clear()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            cells = _lenient_cells(feed, delimiter)
            if not cells:
                yield _unreadable_row(feed, delimiter, error)
                continue
        if not columns:
            columns = [name.strip() for name in cells]
            check_columns(columns)
        elif cells:
            yield _csv_row(feed, columns, cells)


def _recognise_delimiter(header: str, required: Collection[str]) -> str:
    """Return the delimiter that finds the `required` columns, else the delimiter that finds most columns."""

    def rank(delimiter: str) -> tuple[bool, int]:
        names = next(csv.reader([header], delimiter=delimiter))
        return {name.strip() for name in names}.issuperset(required), len(names)

    return max(_DELIMITERS, key=rank)


class _RecordLines:
    """Lines for the csv reader. Keeps the lines of the current record, and stops a record that has too many."""

    def __init__(self, lines: Iterator[str], skipped: int) -> None:
        self._lines = lines
        self.number = skipped
        self.record: list[str] = []
        self.ended = False

    @property
    def start(self) -> int:
        """The number of the record's first line."""
        return self.number - len(self.record) + 1

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        if len(self.record) >= MAX_CELL_LINES:
            raise csv.Error
        line = next(self._lines, None)
        if line is None:
            self.ended = True
            raise StopIteration
        self.record.append(line)
        self.number += 1
        return line


def _csv_row(feed: _RecordLines, columns: Sequence[str], cells: Sequence[str]) -> Row:
    if len(cells) > len(columns):
        return Row(feed.start, {}, "has more cells than the header")
    return Row(feed.start, dict(zip(columns, cells, strict=False)))


def _lenient_cells(feed: _RecordLines, delimiter: str) -> list[str]:
    """Return the cells of one line whose quoted cells contain quotes, as a spreadsheet would. Empty for more lines."""
    if feed.ended or len(feed.record) > 1:
        return []
    try:
        return next(csv.reader(feed.record, delimiter=delimiter))
    except csv.Error:
        return []


def _unreadable_row(feed: _RecordLines, delimiter: str, error: csv.Error) -> Row:
    record, end = feed.record, feed.number
    if "field limit" in str(error):
        return Row(feed.start, {}, f"has a cell of more than {_MAX_CELL_CHARS:,} characters", len(record))
    is_open_to_the_end = feed.ended or len(record) >= MAX_CELL_LINES
    opened = feed.start + _opening_index(record if is_open_to_the_end else record[:-1], delimiter)
    lost = f"; lines {opened} to {end} are lost" if end > opened else ""
    return Row(opened, {}, f"a quote opens and does not close{lost}", len(record))


def _opening_index(record: Sequence[str], delimiter: str) -> int:
    """Return the index of the line on which the last cell of an unfinished record begins."""

    def cell_count(lines: int) -> int:
        return len(next(csv.reader(record[:lines], delimiter=delimiter)))

    return bisect_left(range(1, len(record)), cell_count(len(record)), key=cell_count)
