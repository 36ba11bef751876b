"""Tables as commands write them: the same cells in three formats, whole or recognisably not."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from moderation.domain.errors import InvalidCorpus, InvalidInput
from moderation.training.parquet_writer import MAX_GROUP_CHARS, MAX_GROUP_ROWS
from moderation.training.table_files import TableFile
from moderation.training.table_writers import TableFormat, table_writer

COLUMNS = ("id", "weight", "text")
ROWS = [("1", "1", "hello\nyou"), ("2", "", "=1+1"), ("half \ud83d", "2.5", "")]


def written(form: TableFormat, *, raw: bool = False, rows: list[tuple[str, str, str]] = ROWS) -> bytes:
    out = io.BytesIO()
    with table_writer(out, form, COLUMNS, {"weight"}, raw=raw) as write:
        for row in rows:
            write(row)
    return out.getvalue()


def test_every_format_has_the_same_columns_and_cells() -> None:
    """Numbers are numbers where a format has them, and null where there is none; half an emoji is escaped."""
    expected = [("1", 1.0, "hello\nyou"), ("2", None, "=1+1"), ("half \\ud83d", 2.5, "")]
    table = parquet.read_table(io.BytesIO(written(TableFormat.PARQUET)))
    assert [str(field.type) for field in table.schema] == ["string", "double", "string"]
    assert [tuple(row.values()) for row in table.to_pylist()] == expected and table.column_names == list(COLUMNS)
    lines = [json.loads(line) for line in written(TableFormat.JSONL).splitlines()]
    assert [tuple(line.values()) for line in lines] == [*expected[:2], ("half \ud83d", 2.5, "")]
    rows = list(csv.reader(io.StringIO(written(TableFormat.CSV, raw=True).decode(), newline="")))
    assert rows == [list(COLUMNS), *([row[0].replace("\ud83d", "\\ud83d"), *row[1:]] for row in ROWS)]


def test_formulae_are_neutralized_where_a_spreadsheet_runs_them() -> None:
    """In CSV, not in formats of typed values."""
    assert b"'=1+1" in written(TableFormat.CSV)
    assert b'"=1+1"' in written(TableFormat.JSONL)
    assert parquet.read_table(io.BytesIO(written(TableFormat.PARQUET)))["text"][1].as_py() == "=1+1"


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.csv", "csv"),
        ("a.JSONL", "jsonl"),
        ("a.ndjson", "jsonl"),
        ("a.parquet", "parquet"),
        ("a", "csv"),
        ("-", "csv"),
    ],
)
def test_the_ending_of_a_file_names_its_format(name: str, form: str) -> None:
    """CSV is that of all others, and of stdout."""
    assert TableFormat.of(Path(name)) == form and TableFormat.of(None) == "csv"


def test_a_table_without_rows_has_its_columns() -> None:
    """A program that reads it finds them."""
    table = parquet.read_table(io.BytesIO(written(TableFormat.PARQUET, rows=[])))
    assert table.num_rows == 0 and table.column_names == list(COLUMNS)


def test_a_pipe_takes_parquet(tmp_path: Path) -> None:
    """It has no position to ask for."""
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "wb") as out, table_writer(out, TableFormat.PARQUET, COLUMNS) as write:
        write(("1", "2", "3"))
    with os.fdopen(read_end, "rb") as pipe:
        assert parquet.read_table(io.BytesIO(pipe.read())).to_pylist() == [{"id": "1", "weight": "2", "text": "3"}]


def test_an_unfinished_table_does_not_look_whole(tmp_path: Path) -> None:
    """Without its footer it is refused, though row groups have been written."""
    path = tmp_path / "a.parquet"
    with (
        path.open("wb") as out,
        pytest.raises(ZeroDivisionError),
        table_writer(out, TableFormat.PARQUET, COLUMNS) as write,
    ):
        for number in range(MAX_GROUP_ROWS + 1):
            write((str(number), "", "text"))
        raise ZeroDivisionError
    assert path.stat().st_size > 1000
    with pytest.raises(InvalidCorpus, match="no footer that can be read"), TableFile.open(path, ()) as table:
        list(table.rows())


def test_row_groups_are_bounded() -> None:
    """By their rows, and by their characters."""
    many = [(str(number), "", "a") for number in range(MAX_GROUP_ROWS + 1)]
    long = [("1", "", "a" * (MAX_GROUP_CHARS // 2))] * 3
    for rows, sizes in ((many, [MAX_GROUP_ROWS, 1]), (long, [2, 1])):
        metadata = parquet.ParquetFile(io.BytesIO(written(TableFormat.PARQUET, rows=rows))).metadata
        assert [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)] == sizes


# Writes 200,000 rows, 200 MB of text, and prints the memory that this took beside the libraries and one row group.
MEASURE = """
import sys
from moderation.training.table_writers import TableFormat, table_writer
def memory():
    (peak,) = (line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
    return int(peak) // 1024
with open(sys.argv[1], "wb") as out, table_writer(out, TableFormat(sys.argv[2]), ("id", "text")) as write:
    for number in range(200_000):
        write((str(number), f"{number:06}." * 143))
        if number == 40_000:
            before = memory()
print(memory() - before)
"""


@pytest.mark.e2e
@pytest.mark.parametrize("form", TableFormat)
def test_memory_does_not_grow_with_the_table(tmp_path: Path, form: TableFormat) -> None:
    """Five times the rows take at most 30 MB more."""
    command: list[Any] = [sys.executable, "-c", MEASURE, tmp_path / "a", form]
    grown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert int(grown) < 30
    with TableFile.open(tmp_path / "a", ("text",)) as table:
        assert sum(len(row.values["text"]) for row in table.rows()) == 200_000 * 7 * 143


def test_without_pyarrow_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other formats need nothing."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert written(TableFormat.CSV) and written(TableFormat.JSONL)
    with pytest.raises(InvalidInput, match=r"Writing Parquet needs pyarrow.*pip install 'moderation\[parquet\]'"):
        written(TableFormat.PARQUET)


def test_a_disk_without_room_is_an_error() -> None:
    """It is not lost behind the library."""

    class Full(io.BytesIO):
        def write(self, content: Any) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"), table_writer(Full(), TableFormat.PARQUET, COLUMNS) as write:
        write(("1", "2", "3"))
