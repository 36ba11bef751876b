"""CSV and JSON Lines files, plain or gzip'd, and Parquet files: on disk, from a pipe or from stdin."""

import csv
import gzip
import hashlib
import io
import os
import re
import shutil
import sys
import tempfile
import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Self, cast

from moderation.domain.errors import InvalidCorpus, InvalidInput
from moderation.domain.invisible import show_invisible
from moderation.training.parquet_rows import parquet_rows
from moderation.training.rows import Row, csv_rows, jsonl_rows

_MAX_COLUMNS_LISTED = 20
_SAMPLE_BYTES = 4096
_GZIP_MAGIC = b"\x1f\x8b"
_PARQUET_MAGICS = (b"PAR1", b"PARE")
_BYTE_ORDER_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_BINARY_FORMATS = (
    (b"PK\x03\x04", "a spreadsheet or a zip archive", "save the table as CSV"),
    (b"\xd0\xcf\x11\xe0", "a spreadsheet", "save the table as CSV"),
    (b"SQLite format 3", "an SQLite database", "write its table as CSV: sqlite3 -header -csv"),
    (b"PAR1", "a Parquet file", "write it as lines of text"),
    (b"BZh", "compressed with bzip2", "decompress it first; only gzip is read"),
    (b"\xfd7zXZ", "compressed with xz", "decompress it first; only gzip is read"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "decompress it first; only gzip is read"),
)
_TEXT_FORMATS = (
    (re.compile(r"\["), "a JSON array", "write one object per line: jq -c '.[]'"),
    (re.compile(r"\{$"), "JSON with objects over several lines", "write one object per line: jq -c '.'"),
    (re.compile(r"<"), "XML or HTML", "export the comments as CSV or JSON Lines"),
    (
        re.compile(
            r"--|/\*|(?:create|drop) (?:table|database|schema)|insert into |pragma |begin(?: transaction)?;|set \S+ ?=",
            re.IGNORECASE,
        ),
        "an SQL dump",
        "export the table as CSV with a header line",
    ),
)
# The names of columns are mostly ASCII, in any language of the comments.
_WIDE_ASCII = re.compile(rb"[\t -~]\0(\0\0)?(?:[\t -~]\0(?(1)\0\0)){3}")
_UNDECODED_BYTE = re.compile("[\udc80-\udcff]")


class TableFile:
    """An opened table file whose rows can be read several times, without holding them in memory."""

    def __init__(self, stream: BinaryIO, name: str, required: Sequence[str], label_words: Collection[str] = ()) -> None:
        self._stream = stream
        self._required = required
        self._label_words = label_words
        self._columns: dict[str, None] = {}
        self.name = name

    @classmethod
    @contextmanager
    def open(cls, path: Path, required: Sequence[str], label_words: Collection[str] = ()) -> Iterator[Self]:
        """Open a file that must have the `required` columns; `-` is stdin.

        `label_words`, in lower case, are the words of the column `label`; empty if the labels are not read.
        The path is opened once. A pipe is copied to a temporary file, because its bytes cannot be read twice.
        """
        name = "stdin" if str(path) in {"-", "/dev/stdin"} else path.name
        with ExitStack() as stack:
            with errors_named(name):
                stream = open_stdin() if str(path) == "-" else stack.enter_context(path.open("rb"))
                if not _can_restart(stream):
                    stream, pipe = stack.enter_context(tempfile.TemporaryFile()), stream
                    shutil.copyfileobj(pipe, stream)
                    stream.flush()
            yield cls(stream, name, required, label_words)

    @property
    def source(self) -> str:
        """The name of the file without its extensions."""
        return self.name.split(".")[0]

    def sha256(self) -> str:
        """Return the SHA-256 of the file's bytes, as stored."""
        with errors_named(self.name), self._restart() as binary:
            return hashlib.file_digest(binary, "sha256").hexdigest()  # type: ignore[arg-type]

    def rows(self, columns: Collection[str] | None = None, start: int = 0) -> Iterator[Row]:
        """Yield the rows to the last, from the line or row `start` on. Of a Parquet file, reads only the `columns`.

        Raises `InvalidCorpus` for another format or encoding, without any row, or without a required column.
        """
        self._columns.clear()
        with errors_named(self.name):
            count = 0
            for row in self._read_rows(columns, start):
                count += 1
                self._note_columns(row.values)
                yield row
        if not count:
            raise InvalidCorpus(f"{self.name} holds no row: {'only a header' if self._columns else 'it is empty'}.")
        if any(self._columns):
            self._check_columns()

    def ignored_columns(self, known: Collection[str]) -> list[str]:
        """Return the columns of the rows read so far that are not `known`, at most twenty."""
        return sorted(name for name in self._columns if name not in known)[:_MAX_COLUMNS_LISTED]

    def position(self) -> int:
        """Return how many bytes have been read since the last start, of the bytes as stored."""
        return os.lseek(self._stream.fileno(), 0, os.SEEK_CUR)

    def size(self) -> int:
        """Return the number of bytes as stored."""
        return os.fstat(self._stream.fileno()).st_size

    @contextmanager
    def decompressed(self) -> Iterator[BinaryIO]:
        """Open the bytes from the start, those of a gzip'd file decompressed."""
        with ExitStack() as stack:
            binary = stack.enter_context(self._restart())
            is_gzip = binary.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
            binary.seek(0)
            if is_gzip:
                binary = cast("BinaryIO", stack.enter_context(gzip.GzipFile(fileobj=binary)))
            yield binary

    def lines(self) -> Iterator[str]:
        """Yield decoded lines with their ends, which the csv reader needs for cells of several lines.

        Raises `InvalidCorpus` for a binary format or a byte that is not of the encoding.
        """
        with self.decompressed() as binary:
            encoding = self._encoding(binary.read(_SAMPLE_BYTES))
            binary.seek(0)
            errors = "surrogateescape" if encoding.startswith("utf-8") else "replace"
            with io.TextIOWrapper(binary, encoding, errors, newline="") as text:
                for number, line in enumerate(text, 1):
                    if not line.isascii() and errors == "surrogateescape" and _UNDECODED_BYTE.search(line):
                        raise InvalidCorpus(
                            f"{self.name} is not UTF-8: line {number} has a byte that UTF-8 does not allow. "
                            "If the file comes from Windows, convert it: iconv -f WINDOWS-1252 -t UTF-8."
                        )
                    yield line

    def _read_rows(self, columns: Collection[str] | None, start: int) -> Iterator[Row]:
        if self._is_parquet():
            with self._restart() as binary:
                yield from parquet_rows(binary, self.name, columns, self._check_header, start)
            return
        lines = self.lines()
        blank = 0
        for line in lines:
            if line.strip():
                break
            blank += 1
        else:
            return
        for pattern, kind, remedy in _TEXT_FORMATS:
            if pattern.match(line.strip()):
                raise self._wrong_format(kind, remedy)
        if line.lstrip().startswith("{"):
            yield from jsonl_rows(chain([line], lines), blank, start)
        else:
            yield from csv_rows(line, lines, blank, self._required, self._check_header, self._label_words, start)

    def _is_parquet(self) -> bool:
        """Return whether the file is Parquet. Raises `InvalidCorpus` if it is gzip'd besides."""
        with self._restart() as binary:
            is_gzip = binary.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
        with self.decompressed() as content:
            is_parquet = content.read(len(_PARQUET_MAGICS[0])) in _PARQUET_MAGICS
        if is_parquet and is_gzip:
            raise InvalidCorpus(f"{self.name} is a Parquet file inside gzip. Decompress it first: gunzip.")
        return is_parquet

    def _restart(self) -> BinaryIO:
        """Return the bytes from the start. A duplicate, because each reader closes its file, and the next needs one."""
        binary = os.fdopen(os.dup(self._stream.fileno()), "rb")
        binary.seek(0)
        return binary

    def _encoding(self, sample: bytes) -> str:
        for mark, encoding in _BYTE_ORDER_MARKS:
            if sample.startswith(mark):
                return encoding
        for magic, kind, remedy in _BINARY_FORMATS:
            if sample.startswith(magic):
                raise self._wrong_format(kind, remedy)
        wide = _WIDE_ASCII.search(sample, 0, _first_line_end(sample))
        if wide:
            encoding = f"UTF-{32 if wide[1] else 16}"
            order = "BE" if wide.start() % 2 else "LE"
            raise self._wrong_format(
                f"{encoding} without a byte order mark", f"convert it: iconv -f {encoding}{order} -t UTF-8"
            )
        return "utf-8"

    def _wrong_format(self, kind: str, remedy: str) -> InvalidCorpus:
        return InvalidCorpus(f"{self.name} is {kind}, which is not read here. To use it, {remedy}.")

    def _check_header(self, header: Sequence[str]) -> None:
        self._note_columns(header)
        self._check_columns()

    def _note_columns(self, names: Iterable[str]) -> None:
        for name in names:
            # Rows with ever new names must not fill the memory.
            if len(self._columns) < _MAX_COLUMNS_LISTED or name in self._required:
                self._columns[name] = None

    def _check_columns(self) -> None:
        missing = [name for name in self._required if name not in self._columns]
        if missing:
            columns = show_invisible(", ".join(self._columns))
            raise InvalidCorpus(f"{self.name} lacks the column {' and '.join(missing)}; it has {columns}.")


def open_stdin() -> BinaryIO:
    """Return the bytes of stdin. Raises `InvalidInput` if it is closed, as it may be in a service."""
    if sys.stdin is None:
        raise InvalidInput("stdin is closed.")
    return sys.stdin.buffer


def _first_line_end(sample: bytes) -> int:
    """Return the index behind the first line that is not blank, in any encoding."""
    text = sample.lstrip(b"\0\r\n ")
    return len(sample) - len(text) + len(text.partition(b"\n")[0])


def _can_restart(stream: BinaryIO) -> bool:
    """Return whether the bytes can be read from the start again, as those of a pipe cannot."""
    try:
        return stream.seekable() and stream.tell() == 0 and stream.fileno() >= 0
    except OSError:
        return False


@contextmanager
def errors_named(name: str) -> Iterator[None]:
    """Raise `InvalidCorpus` with the name of the file in place of an error of reading it."""
    try:
        yield
    except (OSError, EOFError, zlib.error, csv.Error) as error:
        raise InvalidCorpus(f"{name} cannot be read: {error}.") from None
