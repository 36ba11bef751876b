"""The program that decodes a Parquet file: stdin is the file, stdout are lines of JSON.

    parquet_decoder.py COLUMNS MAX_CELL_CHARS MAX_MEMORY_MB

`COLUMNS` is a JSON array of the columns to read, or `null` for all with plain values. The first line of the output is
an object with all `columns`. Each row follows as an object, or as a sentence on its fault. An array of one sentence is
the last line for a file that cannot be read.

It runs as a process with a limit on its memory. A hostile file, whose few bytes expand to many or crash a library, ends
this process alone. It imports nothing of the package.
"""

import json
import os
import resource
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pyarrow as pa
from pyarrow import types
from pyarrow.parquet import ParquetFile

_BATCH_ROWS = 1024
_BUFFER_BYTES = 2**20
_MAX_ROWS_PER_BYTE = 1000
_MAX_REASON_LENGTH = 200
_MEMORY, _DATA_FIELD = Path("/proc/self/statm"), 5
_ERRORS = (pa.ArrowException, OSError, ValueError, MemoryError)
_TEXT_TYPES = (
    *(types.is_string, types.is_large_string, types.is_string_view),
    # Older writers made bytes of strings.
    *(types.is_binary, types.is_large_binary, types.is_binary_view),
)
_OTHER_PLAIN_TYPES = (
    *(types.is_integer, types.is_floating, types.is_decimal, types.is_boolean, types.is_null),
    *(types.is_timestamp, types.is_date),
)


class Options(NamedTuple):
    """The columns to read, `None` for all that hold plain values, and the limits of a run."""

    columns: Collection[str] | None
    max_cell_chars: int
    max_memory_mb: int


class RefusedFile(Exception):
    """The file cannot be read; the text is a sentence without the file's name."""


def main(arguments: Sequence[str]) -> None:
    """Decode stdin with the options of the command line."""
    columns, max_cell_chars, max_memory_mb = arguments
    options = Options(json.loads(columns), int(max_cell_chars), int(max_memory_mb))
    # Memory that the system's allocator has given back counts as free at once.
    pa.set_memory_pool(pa.system_memory_pool())
    _limit_memory(options.max_memory_mb)
    try:
        _decode(options)
    except RefusedFile as error:
        _write([[str(error)]])
    sys.stdout.buffer.flush()


def _limit_memory(megabytes: int) -> None:
    """Limit the memory that this process may write to beside its present one, as Linux counts it for `RLIMIT_DATA`.

    The libraries have taken more memory on a machine with more processors.
    """
    _, highest = resource.getrlimit(resource.RLIMIT_DATA)
    limit = megabytes * 2**20
    with suppress(OSError):
        limit += int(_MEMORY.read_text("ascii").split()[_DATA_FIELD]) * resource.getpagesize()
    limit = limit if highest == resource.RLIM_INFINITY else min(limit, highest)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _decode(options: Options) -> None:
    file = _open(options)
    _write([{"columns": file.schema_arrow.names}])
    # The caller refuses a file without its columns before a row is decoded.
    sys.stdout.buffer.flush()
    columns = _readable_columns(file.schema_arrow, options.columns)
    _check_rows(file)
    for group in range(file.num_row_groups):
        _write_group(file, group, columns, options)


def _open(options: Options) -> ParquetFile:
    try:
        return ParquetFile(
            os.fdopen(0, "rb", closefd=False),
            # A page at a time, not a row group.
            buffer_size=_BUFFER_BYTES,
            pre_buffer=False,
            page_checksum_verification=True,
        )
    except _ERRORS as error:
        # Without memory, the library gives its errors any text.
        raise RefusedFile(
            f"has no footer that can be read within {options.max_memory_mb} MB of memory: {_first_line(error)}. "
            "If it is cut off, copy it again; else write it again with fewer and larger row groups."
        ) from None


def _readable_columns(schema: pa.Schema, wanted: Collection[str] | None) -> list[str]:
    """Return the names of the columns to read. Raises `RefusedFile` for a nested or repeated one."""
    names = [name for name in schema.names if wanted is None or name in wanted]
    readable = []
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            raise RefusedFile(f"has the column {name} {names.count(name)} times. Rename the others.")
        data_type = schema.field(name).type
        if _is_plain(data_type):
            readable.append(name)
        elif wanted is not None:
            raise RefusedFile(f"has the type {data_type} in the column {name}. Write it as a string.")
    if not readable:
        raise RefusedFile("has no column that is read here.")
    return readable


def _is_plain(data_type: pa.DataType) -> bool:
    if types.is_dictionary(data_type):
        return _is_plain(data_type.value_type)
    return any(is_type(data_type) for is_type in (*_TEXT_TYPES, *_OTHER_PLAIN_TYPES))


def _check_rows(file: ParquetFile) -> None:
    """Raise `RefusedFile` if the rows are so many for the bytes that they could only keep a processor busy."""
    rows = sum(file.metadata.row_group(group).num_rows for group in range(file.num_row_groups))
    size = os.fstat(0).st_size
    if rows > size * _MAX_ROWS_PER_BYTE:
        raise RefusedFile(f"has {rows:,} rows in {size:,} bytes, too many for comments. Write it again without them.")


def _write_group(file: ParquetFile, group: int, columns: Sequence[str], options: Options) -> None:
    """Write the rows of a row group. Raises `RefusedFile` with its number."""
    expected, count = file.metadata.row_group(group).num_rows, 0
    place = f"row group {group + 1} of {file.num_row_groups}"
    try:
        for batch in file.iter_batches(_BATCH_ROWS, [group], list(columns), use_threads=False):
            batch.validate()
            if count + batch.num_rows > expected:
                raise ValueError("it has more rows than the footer says")
            _write(_batch_rows(batch, columns, options.max_cell_chars))
            count += batch.num_rows
        if count < expected:
            raise ValueError("it has fewer rows than the footer says")
    except _ERRORS as error:
        if _is_memory_error(error):
            raise RefusedFile(
                f"needs more than {options.max_memory_mb} MB of memory in {place}, for a page or {_BATCH_ROWS:,} rows "
                f"behind {count:,} others. Write it again with smaller pages, and without huge texts."
            ) from None
        raise RefusedFile(
            f"cannot be read in {place}, behind {count:,} of its rows: {_first_line(error)}. Copy or write it again."
        ) from None


def _batch_rows(batch: pa.RecordBatch, columns: Sequence[str], max_chars: int) -> Iterator[Any]:
    faults: dict[int, str] = {}
    cells = [_values(batch.column(name), name, max_chars, faults) for name in columns]
    for number, values in enumerate(zip(*cells, strict=True)):
        yield faults.get(number) or dict(zip(columns, values, strict=True))


def _values(column: pa.Array, name: str, max_chars: int, faults: dict[int, str]) -> list[Any]:
    """Return the values of a column as JSON has them, times as text. Adds a sentence for each row with a fault."""
    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if any(is_text(column.type) for is_text in _TEXT_TYPES):
        return _texts(column, name, max_chars, faults)
    if types.is_timestamp(column.type) and column.type.tz:
        column = column.cast(pa.timestamp(column.type.unit, "UTC"))
    if types.is_temporal(column.type):
        column = column.cast(pa.string())
    values: list[Any] = column.to_pylist()
    return values


def _texts(column: pa.Array, name: str, max_chars: int, faults: dict[int, str]) -> list[str | None]:
    texts: list[str | None] = []
    for number, value in enumerate(column.cast(pa.large_binary()).to_pylist()):
        text = None
        try:
            text = None if value is None else value.decode()
        except UnicodeDecodeError:
            faults.setdefault(number, f"{name} is not UTF-8")
        if text is not None and len(text) > max_chars:
            faults.setdefault(number, f"has a cell of more than {max_chars:,} characters")
        texts.append(text)
    return texts


def _write(values: Iterable[Any]) -> None:
    # Decimal numbers become text.
    sys.stdout.buffer.writelines(orjson.dumps(value, default=str) + b"\n" for value in values)


def _is_memory_error(error: Exception) -> bool:
    # C++ reports some as other errors.
    return isinstance(error, MemoryError) or "bad_alloc" in str(error)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:_MAX_REASON_LENGTH].rstrip(".")


if __name__ == "__main__":
    main(sys.argv[1:])
