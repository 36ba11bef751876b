"""Parquet files written row by row, in row groups that bound the memory."""

import io
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO

import pyarrow as pa
from pyarrow.parquet import ParquetWriter

MAX_GROUP_ROWS = 2**15
MAX_GROUP_CHARS = 2**24
"""Limits of a row group, which is in memory until it is written."""


@contextmanager
def parquet_writer(
    out: BinaryIO, columns: Sequence[str], numbers: Collection[str]
) -> Iterator[Callable[[Sequence[str]], None]]:
    """Write a file to a stream in the block, with numbers in the columns `numbers` and text in the others.

    An empty cell of a number is null. If the block raises, the file has no footer.
    """
    schema = pa.schema([(name, pa.float64() if name in numbers else pa.string()) for name in columns])
    sink = _Sink(out)
    with ParquetWriter(sink, schema, compression="zstd", write_page_checksum=True) as writer:
        groups = _RowGroups(writer, schema)
        try:
            yield groups.write
            groups.flush()
        except BaseException:
            # With its footer, an unfinished table would look whole.
            sink.abandon()
            raise


class _RowGroups:
    """Rows for a writer of Parquet, kept until they fill a row group."""

    def __init__(self, writer: ParquetWriter, schema: pa.Schema) -> None:
        self._writer = writer
        self._schema = schema
        self._rows: list[Sequence[str]] = []
        self._chars = 0

    def write(self, cells: Sequence[str]) -> None:
        self._rows.append(tuple(cells))
        self._chars += sum(map(len, cells))
        if len(self._rows) >= MAX_GROUP_ROWS or self._chars >= MAX_GROUP_CHARS:
            self.flush()

    def flush(self) -> None:
        if self._rows:
            columns = zip(zip(*self._rows, strict=True), self._schema, strict=True)
            arrays = [_array(cells, field.type) for cells, field in columns]
            self._writer.write_batch(pa.record_batch(arrays, schema=self._schema))
        self._rows.clear()
        self._chars = 0


def _array(cells: Sequence[str], data_type: pa.DataType) -> pa.Array:
    if data_type == pa.float64():
        return pa.array([float(cell) if cell else None for cell in cells], data_type)
    try:
        return pa.array(cells, data_type)
    except UnicodeEncodeError:
        # A lone surrogate has no UTF-8 form.
        return pa.array([cell.encode("utf-8", "backslashreplace").decode() for cell in cells], data_type)


class _Sink(io.RawIOBase):
    """Counts the bytes that it passes on, because a pipe has no position. Passes none on after `abandon`."""

    def __init__(self, out: BinaryIO) -> None:
        self._out: BinaryIO | None = out
        self._position = 0

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        size = memoryview(content).nbytes
        if self._out is not None:
            self._out.write(content)
        self._position += size
        return size

    def tell(self) -> int:
        return self._position

    def abandon(self) -> None:
        self._out = None
