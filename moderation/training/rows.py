"""Rows of CSV and JSON Lines text. An unreadable row is yielded too, with the reason.

A quote that opens and never closes swallows the rows below it, up to the next quote. Three signs show this:

- The csv reader finds no end, or a quote that closes in the middle of a cell.
- The row has too many or too few cells and takes several lines. If it is bad, all its lines count as bad rows.
- The inner lines of a cell look like rows: at least nine in ten, blank lines aside, have as many cells as the header.
  Where label words are known, at least three lines must also have such a word in the column `label`. Elsewhere ten
  lines are enough.

A comment may thus hold paragraphs, lists and a short pasted table. A longer table is mistaken for rows if it has as
many columns as the file. Not recognised are fewer swallowed rows, swallowed rows with missing cells, and those of a
file with one column. `Row.lines` counts the inner lines that look like rows, so that a caller can report long ones.
"""

import csv
import json
import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, NamedTuple, Self

from moderation.domain.csv_cells import EXPORT_COLUMNS, restore

MAX_CELL_LINES = 10_000
MAX_CELL_CHARS = 2**24

_DELIMITERS = ",;\t"
_MIN_SWALLOWED_RATE = 0.9
_MIN_SWALLOWED_LINES = 10
_MIN_SWALLOWED_LABELS = 3
_LINE_BREAK = re.compile(r"\r\n|\r|\n")


class Row(NamedTuple):
    """One row of a file. `error` says why it cannot be read; then `values` is empty.

    `line` is where the row begins, or where its unclosed quote opens. `lines` is the number of rows that are bad if
    this one is: it counts the lines that an unclosed quote has swallowed or may have swallowed. A file without lines
    counts its rows: `unit` says so.
    """

    line: int
    values: Mapping[str, Any]
    error: str = ""
    lines: int = 1
    unit: str = "line"

    @property
    def place(self) -> str:
        """Where the row is, in words: `line 3`."""
        return f"{self.unit} {self.line}"


def jsonl_rows(lines: Iterable[str], skipped: int, start: int = 0) -> Iterator[Row]:
    """Yield a row for each line from `start` on that is not blank; `skipped` lines came before the first."""
    for number, line in enumerate(lines, skipped + 1):
        if number >= start and line.strip():
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
    label_words: Collection[str] = (),
    start: int = 0,
) -> Iterator[Row]:
    """Yield the rows below the header line, and one row with an error for the lines inside each unclosed quote.

    `skipped` lines came before the header. A row begins on the line `start`, and earlier ones are left out.
    `check_columns` raises an error if a `required` column is missing.
    `label_words`, in lower case, are the words of the column `label`; empty if the labels are not read.
    """
    csv.field_size_limit(MAX_CELL_CHARS)
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
            feed.skip_to(start)
        elif cells:
            yield _csv_row(feed, _InnerLines(delimiter, columns, label_words), cells)


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

    def skip_to(self, line: int) -> None:
        """Leave out the lines before this one."""
        self.number += sum(1 for _ in islice(self._lines, max(0, line - 1 - self.number)))

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


class _InnerLines:
    """The lines inside a cell, compared with the rows of their file."""

    def __init__(self, delimiter: str, columns: Sequence[str], label_words: Collection[str]) -> None:
        self._delimiter = delimiter
        self.columns = columns
        self._label_words = label_words
        self._label = columns.index("label") if label_words and "label" in columns else None

    def count_rows(self, lines: Iterable[str]) -> int:
        """Return the number of lines with as many cells as the header."""
        return sum(len(cells) == len(self.columns) for cells in self._split(lines))

    def are_rows(self, lines: Sequence[str]) -> bool:
        """Return whether the lines are rows that an unclosed quote has swallowed."""
        rows = self._split(lines)
        count = sum(self._is_row(cells) for cells in rows)
        least = _MIN_SWALLOWED_LINES if self._label is None else _MIN_SWALLOWED_LABELS
        return len(self.columns) > 1 and count >= max(least, _MIN_SWALLOWED_RATE * len(rows))

    def _split(self, lines: Iterable[str]) -> list[list[str]]:
        return [next(csv.reader([line], delimiter=self._delimiter)) for line in lines if line.strip()]

    def _is_row(self, cells: Sequence[str]) -> bool:
        if len(cells) != len(self.columns):
            return False
        return self._label is None or cells[self._label].strip().lower() in self._label_words


def _csv_row(feed: _RecordLines, inner_lines: _InnerLines, cells: Sequence[str]) -> Row:
    columns, lines = inner_lines.columns, 1
    if len(feed.record) > 1:
        for first, last in _cell_spans(cells):
            inner = feed.record[first + 1 : last]
            if inner_lines.are_rows(inner):
                return _unclosed_row(feed, feed.start + first)
            lines += inner_lines.count_rows(inner)
    if len(cells) != len(columns):
        lines = len(feed.record)
    if len(cells) > len(columns):
        return Row(feed.start, {}, "has more cells than the header", lines)
    if tuple(columns) == EXPORT_COLUMNS:
        cells = list(map(restore, cells))
    return Row(feed.start, dict(zip(columns, cells, strict=False)), lines=lines)


def _cell_spans(cells: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Yield the indexes of the first and the last line of each cell, within the lines of its record."""
    last = 0
    for cell in cells:
        first, last = last, last + len(_LINE_BREAK.findall(cell))
        yield first, last


def _unclosed_row(feed: _RecordLines, opened: int) -> Row:
    lost = f"; lines {opened} to {feed.number} are lost" if feed.number > opened else ""
    return Row(opened, {}, f"a quote opens and does not close{lost}", len(feed.record))


def _lenient_cells(feed: _RecordLines, delimiter: str) -> list[str]:
    """Return the cells of one line whose quoted cells contain quotes, as a spreadsheet would. Empty for more lines."""
    if feed.ended or len(feed.record) > 1:
        return []
    try:
        return next(csv.reader(feed.record, delimiter=delimiter))
    except csv.Error:
        return []


def _unreadable_row(feed: _RecordLines, delimiter: str, error: csv.Error) -> Row:
    record = feed.record
    if "field limit" in str(error):
        return Row(feed.start, {}, f"has a cell of more than {MAX_CELL_CHARS:,} characters", len(record))
    is_open_to_the_end = feed.ended or len(record) >= MAX_CELL_LINES
    return _unclosed_row(feed, feed.start + _opening_index(record if is_open_to_the_end else record[:-1], delimiter))


def _opening_index(record: Sequence[str], delimiter: str) -> int:
    """Return the index of the line on which the last cell of an unfinished record begins."""

    def cell_count(lines: int) -> int:
        return len(next(csv.reader(record[:lines], delimiter=delimiter)))

    return bisect_left(range(1, len(record)), cell_count(len(record)), key=cell_count)
