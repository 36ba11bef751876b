"""Parquet files of comments: as other programs write them, damaged, and made to exhaust the memory."""

import gzip
import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from moderation.domain.comment import Comment
from moderation.domain.errors import InvalidCorpus, InvalidInput
from moderation.training import parquet_rows
from moderation.training.corpus import SPAM_AND_HAM, LabelWords, parse_label_words, read_corpus
from moderation.training.rows import Row
from moderation.training.table_files import TableFile

COLUMNS = {"id", "text", "label", "author", "date"}
LIBRARIES_MB = 150
"""Memory of a process with pyarrow, with some room."""


def write(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    parquet.write_table(pa.table(columns), path, **options)
    return path


def read(path: Path, columns: set[str] | None = None) -> list[Row]:
    with TableFile.open(path, ("text",)) as table:
        return list(table.rows(columns))


def error_of(path: Path, columns: set[str] | None = None) -> str:
    with pytest.raises(InvalidCorpus) as refused:
        read(path, columns)
    return str(refused.value)


def corpus_of(path: Path, words: LabelWords = SPAM_AND_HAM) -> tuple[list[Comment], list[bool], list[str]]:
    sentences: list[str] = []
    corpus = read_corpus([path], sentences.append, words)
    return list(corpus.comments), corpus.spam.tolist(), sentences


def test_rows_have_the_values_of_json_lines(tmp_path: Path) -> None:
    """Text, numbers, booleans and nulls, in several row groups; a row is named by its number."""
    values: dict[str, list[Any]] = {
        "text": ["a", "b", "ü😀"],
        "id": [1, None, 2**62],
        "label": [True, False, None],
        "weight": [1.5, None, 2.0],
    }
    rows = read(write(tmp_path / "a.parquet", values, row_group_size=2))
    assert [dict(row.values) for row in rows] == [
        {name: column[number] for name, column in values.items()} for number in range(3)
    ]
    assert [row.place for row in rows] == ["row 1", "row 2", "row 3"]


@pytest.mark.parametrize(
    "data_type",
    [
        *(pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary()),
        *(pa.dictionary(pa.int8(), pa.string()), pa.dictionary(pa.int32(), pa.large_string())),
    ],
    ids=str,
)
def test_every_kind_of_text_is_read(tmp_path: Path, data_type: pa.DataType) -> None:
    """Categories of pandas, strings of other engines, and the bytes that older writers made of strings."""
    texts = pa.array(["grün", None, "grün", ""]).cast(data_type)
    rows = read(write(tmp_path / "a.parquet", {"text": texts}))
    assert [row.values["text"] for row in rows] == ["grün", None, "grün", ""]


def test_times_become_text(tmp_path: Path) -> None:
    """As ISO 8601 has them, with or without a zone; the same instant is in UTC."""
    moment = datetime(2026, 5, 1, 10, 30, tzinfo=UTC)
    for values, expected in (
        (pa.array([moment], pa.timestamp("ms", "Europe/Berlin")), "2026-05-01 10:30:00.000Z"),
        (pa.array([moment], pa.timestamp("us", "Nowhere/Atall")), "2026-05-01 10:30:00.000000Z"),
        (pa.array([moment.replace(tzinfo=None)], pa.timestamp("ns")), "2026-05-01 10:30:00.000000000"),
        (pa.array([date(2026, 5, 1)]), "2026-05-01"),
    ):
        (row,) = read(write(tmp_path / "a.parquet", {"text": ["a"], "date": values}))
        assert row.values["date"] == expected
        assert datetime.fromisoformat(expected).date() == date(2026, 5, 1)


def test_labels_may_be_numbers_or_booleans(tmp_path: Path) -> None:
    """`--labels` names them as it does in JSON Lines."""
    words = parse_label_words("1=spam,0=ham,true=spam,false=ham,2=skip")
    for labels, spam in (([1, 0, 2], [True, False]), ([True, False, True], [True, False, True])):
        path = write(tmp_path / "a.parquet", {"text": ["a", "b", "c"], "label": labels})
        assert corpus_of(path, words)[1] == spam


def test_a_decimal_number_is_an_id_or_a_weight(tmp_path: Path) -> None:
    """Databases export whole numbers so."""
    (row,) = read(write(tmp_path / "a.parquet", {"text": ["a"], "id": [Decimal("17.50")]}))
    assert row.values["id"] == "17.50"


def test_null_means_that_a_field_was_not_sent(tmp_path: Path) -> None:
    """An empty string means that the author left it empty."""
    path = write(tmp_path / "a.parquet", {"text": ["a", "b", "c"], "label": ["ham"] * 3, "author": ["Ann", "", None]})
    assert corpus_of(path)[0] == [Comment("a", "Ann"), Comment("b", ""), Comment("c")]


def test_bad_rows_are_named_and_skipped(tmp_path: Path) -> None:
    """Missing text, bytes that are no UTF-8, an endless cell, a wrong label word."""
    good = 200
    texts = [b"a"] * good + [None, b"gr\xfcn", b"a" * (2**24 + 1), b"b"]
    labels = ["ham"] * (good + 3) + ["perhaps"]
    path = write(tmp_path / "a.parquet", {"text": texts, "label": labels})
    comments, _, (sentence,) = corpus_of(path)
    assert len(comments) == good
    assert (
        "skipped 4 of 204 rows. row 201: text is missing; row 202: text is not UTF-8; row 203: has a cell" in sentence
    )
    assert "row 204: label is not one of ham, spam" in sentence


def test_numbers_in_a_text_column_are_refused(tmp_path: Path) -> None:
    """As in JSON Lines."""
    path = write(tmp_path / "a.parquet", {"text": [1, 2], "label": ["ham", "ham"]})
    with pytest.raises(InvalidCorpus, match=r"a.parquet: 2 of 2 rows are bad.* row 1: text is not text"):
        corpus_of(path)


@pytest.mark.e2e
def test_other_columns_are_named_and_not_decoded(tmp_path: Path) -> None:
    """They may be nested, or larger than the memory of the decoder."""
    huge = pa.DictionaryArray.from_arrays(pa.array([0] * 100_000, pa.int32()), pa.array(["a" * 2**20]))
    count = len(huge)
    columns = {"text": ["a"] * count, "label": ["ham"] * count, "page": huge, "tags": [["x"]] * count}
    comments, _, sentences = corpus_of(write(tmp_path / "a.parquet", columns, store_schema=False))
    assert len(comments) == count and sentences == ["a.parquet: ignored the columns page, tags."]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"body": ["a"]}, "lacks the column text; it has body"),
        ({"text": [["a", "b"]]}, "type list<element: string> in the column text. Write it as a string"),
        ({"text": [{"raw": "a"}]}, "type struct<raw: string> in the column text"),
        ({"text": ["a"], "date": pa.array([5], pa.duration("s"))}, r"type duration\[s\] in the column date"),
        ({"text": pa.array([], pa.string())}, "holds no row"),
    ],
)
def test_columns_that_cannot_be_read_are_refused(tmp_path: Path, columns: dict[str, Any], words: str) -> None:
    """The sentence names the file, the column and the remedy."""
    assert words.replace("\\", "") in error_of(write(tmp_path / "a.parquet", columns), COLUMNS)


def test_a_repeated_column_is_refused(tmp_path: Path) -> None:
    """It cannot be known which one is meant."""
    table = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["text", "text"])
    parquet.write_table(table, tmp_path / "a.parquet")
    assert "has the column text 2 times" in error_of(tmp_path / "a.parquet", COLUMNS)


def test_a_column_name_cannot_steer_the_terminal(tmp_path: Path) -> None:
    """Control characters are shown."""
    assert error_of(write(tmp_path / "a.parquet", {"\x1b[31mred": ["a"]})).endswith("it has [U+001B][31mred.")


def test_a_gzipped_file_is_refused_with_the_remedy(tmp_path: Path) -> None:
    """Its parts cannot be read in any order."""
    raw = write(tmp_path / "a.parquet", {"text": ["a"]}).read_bytes()
    (tmp_path / "a.parquet.gz").write_bytes(gzip.compress(raw))
    assert "a Parquet file inside gzip. Decompress it first" in error_of(tmp_path / "a.parquet.gz")


def long_file(folder: Path, **options: Any) -> Path:
    """Write a file of three row groups."""
    texts = [f"comment {number} {number * 7919}" for number in range(6000)]
    return write(folder / "a.parquet", {"text": texts, "label": ["ham"] * 6000}, row_group_size=2000, **options)


@pytest.mark.parametrize("kept", [4, 8, 2000, -1, -9, -200])
def test_a_truncated_file_is_refused(tmp_path: Path, kept: int) -> None:
    """In the mark at its beginning, in its rows, in its footer and in the mark at its end."""
    path = long_file(tmp_path)
    path.write_bytes(path.read_bytes()[:kept])
    error = error_of(path)
    assert error.startswith("a.parquet has no footer that can be read within 512 MB") and "write it again" in error


def test_a_damaged_row_group_is_named(tmp_path: Path) -> None:
    """The rows before it have been read; checksums of pages find the fault."""
    path = long_file(tmp_path, write_page_checksum=True, compression="none", use_dictionary=False)
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b"comment 4321 ", b"comment 4320 "))
    assert "cannot be read in row group 3 of 3, behind 0 of its rows: " in error_of(path)


def test_any_damage_is_a_refusal(tmp_path: Path) -> None:
    """A changed byte of the footer, or of the beginnings of pages, ends with a sentence or does no harm."""
    path = long_file(tmp_path)
    raw = path.read_bytes()
    for place in (*range(4, 24, 5), *range(len(raw) - 400, len(raw) - 8, 37)):
        path.write_bytes(raw[:place] + bytes([raw[place] ^ 0xFF]) + raw[place + 1 :])
        outcome = rows_or_refusal(path)
        assert outcome == 6000 or str(outcome).startswith("a.parquet ")


def rows_or_refusal(path: Path) -> int | str:
    try:
        return len(read(path, COLUMNS))
    except InvalidCorpus as error:
        return str(error)


def test_a_decoder_that_crashes_ends_with_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of a library ends its process, not the command."""
    path = write(tmp_path / "a.parquet", {"text": ["a"]})
    program = tmp_path / "program.py"
    monkeypatch.setattr(parquet_rows, "_DECODER", program)
    lines = 'print(\'{"columns": ["text"]}\\n{"text": "a"}\\n{"te\', end="", flush=True)\n'
    for end, cause in (("os.kill(os.getpid(), 11)", "signal 11"), ("raise KeyError('text')", "KeyError: 'text'")):
        program.write_text(f"import os\n{lines}{end}\n")
        assert f"a.parquet cannot be read: its decoder ended behind row 1 with {cause}" in error_of(path)
    program.write_text(f"import os, sys\n{lines}sys.exit('  what():  std::bad_alloc')\n")
    assert "a.parquet needs more than 512 MB of memory behind row 1" in error_of(path)


def test_reading_may_stop_early(tmp_path: Path) -> None:
    """The decoder ends with it."""
    with TableFile.open(long_file(tmp_path), ("text",)) as table:
        assert next(table.rows()).values["text"] == "comment 0 0"
        assert len(list(table.rows())) == 6000


def test_without_pyarrow_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra."""
    path = write(tmp_path / "a.parquet", {"text": ["a"]})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InvalidInput, match=r"a.parquet needs pyarrow.*: pip install 'moderation\[parquet\]'"):
        read(path)


# Reads the file, and prints the refusal and the memory of the reader and of its decoder, in MB.
MEASURE = """
import resource, sys
from pathlib import Path
from moderation.domain.errors import InvalidCorpus
from moderation.training import parquet_rows
from moderation.training.table_files import TableFile
parquet_rows.MAX_MEMORY_MB = int(sys.argv[2])
count, error = 0, ""
try:
    with TableFile.open(Path(sys.argv[1]), ("text",)) as table:
        for row in table.rows({"text", "label"}):
            count += 1
except InvalidCorpus as refused:
    error = str(refused)
(peak,) = (line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(int(peak) // 1024)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
print(count, error)
"""


def measure(path: Path, limit_mb: int) -> tuple[int, int, str]:
    """Return the memory of a process that reads the file, that of its decoder, and the rows with the refusal."""
    command: list[Any] = [sys.executable, "-c", MEASURE, path, str(limit_mb)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    reader, decoder, result = shown.splitlines()
    return int(reader), int(decoder), result


def texts_that_expand(count: int, length: int) -> pa.Array:
    """Return texts of which a file has one copy."""
    return pa.DictionaryArray.from_arrays(pa.array([0] * count, pa.int32()), pa.array(["a" * length]))


def expanding_dictionary(path: Path) -> None:
    """100,000 rows of 1 MB each."""
    columns = {"text": texts_that_expand(100_000, 2**20), "label": ["ham"] * 100_000}
    write(path, columns, compression="zstd", store_schema=False, dictionary_pagesize_limit=2**25)


def expanding_page(path: Path) -> None:
    """One page of 100 MB."""
    text = pa.array(["a" * 100_000_000])
    write(path, {"text": text, "label": ["ham"]}, compression="zstd", use_dictionary=False, write_statistics=False)


def expanding_prefixes(path: Path) -> None:
    """Texts of which each repeats the one before."""
    texts = texts_that_expand(2000, 100_000).dictionary_decode()
    options = {"use_dictionary": False, "column_encoding": {"text": "DELTA_BYTE_ARRAY"}, "data_page_size": 2**31 - 1}
    write(path, {"text": texts, "label": ["ham"] * 2000}, compression="zstd", write_statistics=False, **options)


@pytest.mark.parametrize(
    ("make", "limit_mb"),
    [(expanding_dictionary, parquet_rows.MAX_MEMORY_MB), (expanding_page, 64), (expanding_prefixes, 64)],
)
def test_a_small_file_that_expands_is_refused(tmp_path: Path, make: Any, limit_mb: int) -> None:
    """A few kilobytes must not fill the memory: neither of this process nor of the decoder."""
    path = tmp_path / "a.parquet"
    make(path)
    assert path.stat().st_size < 100_000
    reader, decoder, result = measure(path, limit_mb)
    assert result.startswith(f"0 a.parquet needs more than {limit_mb} MB of memory in row group 1 of 1")
    assert reader < LIBRARIES_MB and decoder < limit_mb + LIBRARIES_MB


def test_a_footer_that_expands_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each row group costs memory before a row is read."""
    path = tmp_path / "a.parquet"
    with parquet.ParquetWriter(path, pa.schema([("text", pa.string())])) as writer:
        for _ in range(5000):
            writer.write_table(pa.table({"text": ["a"]}))
    assert len(read(path)) == 5000
    monkeypatch.setattr(parquet_rows, "MAX_MEMORY_MB", 2)
    assert "no footer that can be read within 2 MB of memory" in error_of(path)


def test_endless_empty_rows_are_refused(tmp_path: Path) -> None:
    """A page of a few bytes may hold millions of nulls, which cost time and no memory."""
    count = 2_000_000
    sizes = {"row_group_size": count, "write_batch_size": count, "max_rows_per_page": count}
    path = write(tmp_path / "a.parquet", {"text": pa.nulls(count, pa.string())}, **sizes)
    assert f"has 2,000,000 rows in {path.stat().st_size:,} bytes" in error_of(path)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """A row group of 200 MB of text is read within 64 MB beside the libraries."""
    texts = [f"{number:03}" * 700 for number in range(100)] * 1000
    columns = {"text": texts, "label": ["ham"] * len(texts)}
    path = write(tmp_path / "a.parquet", columns, use_dictionary=False, row_group_size=len(texts))
    group = parquet.ParquetFile(path).metadata.row_group(0)
    assert group.num_rows == len(texts) and group.total_byte_size > 200_000_000
    reader, decoder, result = measure(path, 64)
    assert result.split() == ["100000"] and reader < LIBRARIES_MB and decoder < 64 + LIBRARIES_MB
