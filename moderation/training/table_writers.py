"""Tables that commands write row by row: CSV, JSON Lines or Parquet, in the same columns and with the same cells."""

import csv
import io
import json
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, TextIO

from moderation.domain.csv_cells import neutralize
from moderation.training.parquet_rows import require_pyarrow

WriteRow = Callable[[Sequence[str]], None]
"""Writes the cells of a row, in the order of the columns."""


class TableFormat(StrEnum):
    """A format of tables, by its name on the command line."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"

    @classmethod
    def of(cls, path: Path | None) -> "TableFormat":
        """Return the format that the ending of a path names; without one it is CSV."""
        return _FORMATS.get(path.suffix.lower(), cls.CSV) if path else cls.CSV


_FORMATS = {".jsonl": TableFormat.JSONL, ".ndjson": TableFormat.JSONL, ".parquet": TableFormat.PARQUET}


@contextmanager
def table_writer(
    out: BinaryIO, form: TableFormat, columns: Sequence[str], numbers: Collection[str] = (), *, raw: bool = False
) -> Iterator[WriteRow]:
    """Write a table to a stream in the block.

    CSV has the cells as they are given, with formulae neutralized unless `raw` is set. The other formats have numbers
    in the columns `numbers`, and null for an empty cell there. Raises `InvalidInput` if pyarrow is needed and missing.
    """
    if form is TableFormat.PARQUET:
        require_pyarrow("Writing Parquet")
        from moderation.training.parquet_writer import parquet_writer

        with parquet_writer(out, columns, numbers) as write:
            yield write
        return
    with utf8_text(out) as text:
        yield _csv_writer(text, columns, raw) if form is TableFormat.CSV else _jsonl_writer(text, columns, numbers)


@contextmanager
def utf8_text(out: BinaryIO) -> Iterator[TextIO]:
    """Write text to a stream of bytes in the block, with line ends as they are. The stream stays open.

    A lone surrogate, which has no UTF-8 form, is written as an escape.
    """
    text = io.TextIOWrapper(out, encoding="utf-8", errors="backslashreplace", newline="")
    try:
        yield text
        text.flush()
    finally:
        text.detach()


def _csv_writer(out: TextIO, columns: Sequence[str], raw: bool) -> WriteRow:
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    return lambda cells: writer.writerow(cells if raw else map(neutralize, cells))


def _jsonl_writer(out: TextIO, columns: Sequence[str], numbers: Collection[str]) -> WriteRow:
    def write(cells: Sequence[str]) -> None:
        values = {name: _number(cell) if name in numbers else cell for name, cell in zip(columns, cells, strict=True)}
        out.write(json.dumps(values, ensure_ascii=False) + "\n")

    return write


def _number(cell: str) -> float | None:
    return float(cell) if cell else None
