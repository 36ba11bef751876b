"""Tables that commands write: the option of their format, and an output that is replaced whole or not at all."""

import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from moderation.cli._output import open_binary_output
from moderation.training.parquet_rows import require_pyarrow
from moderation.training.table_writers import TableFormat, WriteRow, table_writer

format_option = click.option(
    "--format",
    "form",
    type=click.Choice([form.value for form in TableFormat]),
    help="Format of the output (default: by the ending of its file, such as .jsonl or .parquet, else csv).",
)


def choose_format(form: str | None, out: Path | None) -> TableFormat:
    """Return the format of an output, before the work for it begins.

    Raises `InvalidInput` if Parquet needs pyarrow, and `click.UsageError` if it would be printed on a terminal.
    """
    chosen = TableFormat(form) if form else TableFormat.of(out)
    if chosen is TableFormat.PARQUET:
        require_pyarrow("Writing Parquet")
        if (out is None or str(out) == "-") and _is_terminal():
            raise click.UsageError("Parquet is not for a terminal: name a file with --output.")
    return chosen


@contextmanager
def open_table(
    out: Path | None, form: TableFormat, columns: Sequence[str], numbers: Collection[str] = (), *, raw: bool = False
) -> Iterator[WriteRow]:
    """Open a table that appears, or is replaced, when the block ends; `None` and `-` are stdout."""
    with open_binary_output(out) as stream, table_writer(stream, form, columns, numbers, raw=raw) as write:
        yield write


def _is_terminal() -> bool:
    return sys.stdout.isatty()
