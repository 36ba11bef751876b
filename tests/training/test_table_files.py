"""Reading CSV and JSON Lines files as people really have them."""

import csv
import gzip
import io
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from moderation.domain.errors import InvalidCorpus
from moderation.training.rows import MAX_CELL_LINES, Row
from moderation.training.table_files import TableFile


def read(path: Path, *required: str) -> list[Row]:
    with TableFile.open(path, required or ("text",)) as table:
        return list(table.rows())


def read_text(folder: Path, text: str | bytes, *required: str) -> list[Row]:
    (folder / "a.csv").write_bytes(text.encode() if isinstance(text, str) else text)
    return read(folder / "a.csv", *required)


def values(rows: list[Row]) -> list[dict[str, Any]]:
    return [dict(row.values) for row in rows]


def error_of(folder: Path, text: str | bytes) -> str:
    with pytest.raises(InvalidCorpus) as refused:
        read_text(folder, text)
    return str(refused.value)


def test_rows_come_one_at_a_time_with_their_first_lines(tmp_path: Path) -> None:
    """A file of any length costs no more memory than a row."""
    (tmp_path / "a.csv").write_text('text,id\n"first\ncomment",1\nsecond,2\n')
    with TableFile.open(tmp_path / "a.csv", ("text",)) as table:
        rows = table.rows()
        assert next(rows) == Row(2, {"text": "first\ncomment", "id": "1"})
        assert next(rows) == Row(4, {"text": "second", "id": "2"})


def test_a_file_can_be_read_twice(tmp_path: Path) -> None:
    """The rows and the digest, in any order."""
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"text\nhello\n", mtime=0))
    with TableFile.open(path, ("text",)) as table:
        digest, first, second = table.sha256(), list(table.rows()), list(table.rows())
        assert first == second == [Row(2, {"text": "hello"})] and table.sha256() == digest


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_a_fifo_is_opened_once(tmp_path: Path, compress: Any) -> None:
    """A pipe is read twice like a file, plain or gzip'd, even if its bytes come one at a time."""
    fifo, raw = tmp_path / "pipe", compress(b"text\nhello\n")
    os.mkfifo(fifo)

    def write_slowly() -> None:
        with fifo.open("wb", buffering=0) as stream:
            for byte in raw:
                stream.write(bytes([byte]))

    writer = threading.Thread(target=write_slowly)
    writer.start()
    with TableFile.open(fifo, ("text",)) as table:
        assert list(table.rows()) == list(table.rows()) == [Row(2, {"text": "hello"})]
    writer.join()


def test_an_unclosed_quote_is_reported_where_it_opened(tmp_path: Path) -> None:
    """At the end of the file all lines since the quote are lost, and counted."""
    rows = read_text(tmp_path, 'text,label\na,ham\n"b,ham\nc,ham\nd,ham\n')
    assert rows[1:] == [Row(3, {}, "a quote opens and does not close; lines 3 to 5 are lost", 3)]
    (row,) = read_text(tmp_path, 'text\n"last line')
    assert row == Row(2, {}, "a quote opens and does not close", 1)


def test_an_unclosed_quote_ends_at_the_next_one(tmp_path: Path) -> None:
    """A quote that closes in the middle of a cell was an opening quote; the rows after it are read."""
    rows = read_text(tmp_path, 'text,label\n"a,ham\nb,ham\n"c, d",ham\ne,ham\n')
    assert rows == [
        Row(2, {}, "a quote opens and does not close; lines 2 to 4 are lost", 3),
        Row(5, {"text": "e", "label": "ham"}),
    ]


def test_an_unclosed_quote_behind_a_cell_of_several_lines(tmp_path: Path) -> None:
    """The line reported is that of the quote, not that of the row."""
    (row,) = read_text(tmp_path, 'text,label\n"fine\nso far\nok","b\nc,ham\n')
    assert row == Row(4, {}, "a quote opens and does not close; lines 4 to 5 are lost", 4)


def test_an_unclosed_quote_loses_a_limited_number_of_lines(tmp_path: Path) -> None:
    """Reading goes on below a cell of too many lines."""
    rows = read_text(tmp_path, 'text\n"a\n' + "b\n" * (MAX_CELL_LINES + 1))
    assert rows[0].lines == MAX_CELL_LINES and rows[0].line == 2
    assert values(rows[1:]) == [{"text": "b"}] * 2


LABEL_WORDS = ("spam", "ham")
SWALLOWED = "a quote opens and does not close; lines {} to {} are lost"


def read_labelled(folder: Path, text: str) -> list[Row]:
    (folder / "a.csv").write_text(text, "utf-8")
    with TableFile.open(folder / "a.csv", ("text", "label"), LABEL_WORDS) as table:
        return list(table.rows())


@pytest.mark.parametrize("closing", ['z,", x",ham', '",ham', '"', '5",ham', '",ham,more'])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_rows_inside_a_quote_are_recognised(tmp_path: Path, closing: str, end: str) -> None:
    """A later quote closes the cell, and the csv reader sees no error."""
    lines = ["text,label", "a,ham", '"b,ham', *['lost,""', "lost,spam"] * 20, closing, "c,ham", ""]
    error = Row(3, {}, SWALLOWED.format(3, 44), 42)
    good = Row(45, {"text": "c", "label": "ham"})
    assert read_text(tmp_path, end.join(lines))[1:] == [error, good]
    assert read_labelled(tmp_path, end.join(lines).replace('""', "HAM"))[1:] == [error, good]


def test_known_label_words_show_few_rows_inside_a_quote(tmp_path: Path) -> None:
    """Three rows; behind a cell of several lines, the line reported is that of the quote."""
    lost = "ham,lost\n" * 3
    rows = read_labelled(tmp_path, f'label,text\nham,"b\n{lost}ham,"\nham,c\n')
    assert rows == [Row(2, {}, SWALLOWED.format(2, 6), 5), Row(7, {"label": "ham", "text": "c"})]
    (row,) = read_labelled(
        tmp_path, f'id,label,text\n"1\nor\n2",ham,"b\n{"7," + lost.replace("ham", "7,ham")[2:]}7,ham,"\n'
    )
    assert row == Row(4, {}, SWALLOWED.format(4, 8), 7)


COMMENTS = {
    "paragraphs": "Thanks!\n\nI tried it with rye, and it works.\nMy oven, however, is old.\n\nBest,\nAnn\n",
    "a letter with a comma in each line": "Dear Ann,\nthank you,\nyours,\nBob,\n",
    "a recipe": "Ham and eggs\nHam, diced\nEggs, beaten\nSalt, a pinch\nMilk, a cup\nFry it, and serve.",
    "a short table": "My figures:\nyear,visitors\n2020,12\n2021,15\n2022,19\n2023,30\nWhat do you think?",
    "two label words": "I would say:\nham,if you ask me\nspam,if you ask Bob\nbut who knows",
    "quotations": 'He said:\n"no, never"\n"not, I think"\n"yes, perhaps"\nand left.',
    "many paragraphs": "Well, this is long.\nIt has many lines.\nSome, like this, have commas.\n" * 60,
    "a long table of other columns": "a,b,c\n" * 60,
}


@pytest.mark.parametrize("comment", COMMENTS.values(), ids=COMMENTS)
@pytest.mark.parametrize("columns", [("text", "label"), ("label", "text"), ("text",)])
def test_a_comment_of_several_lines_is_not_mistaken_for_rows(
    tmp_path: Path, comment: str, columns: tuple[str, ...]
) -> None:
    """Paragraphs, lists and short tables are text, with commas and quotes."""
    values_by_name = {"text": comment, "label": "ham"}
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([columns, [values_by_name[name] for name in columns]])
    expected = [{name: values_by_name[name] for name in columns}]
    assert values(read_text(tmp_path, out.getvalue())) == expected
    if "label" in columns:
        assert values(read_labelled(tmp_path, out.getvalue())) == expected


def test_a_long_table_is_text_if_its_lines_have_no_label(tmp_path: Path) -> None:
    """Known label words decide, whatever the length."""
    table = "Berlin,Germany\n" * 30
    assert values(read_labelled(tmp_path, f'text,label\n"{table}",ham\n')) == [{"text": table, "label": "ham"}]


def test_a_row_of_several_lines_with_other_cells_than_the_header_counts_each_line(tmp_path: Path) -> None:
    """Its lines may be swallowed rows, even if too few for the sign of the inner lines."""
    rows = read_text(tmp_path, 'text,label\n"a\nb,spam\n",ham,more\n"c\nd"\n')
    assert [(row.error, row.lines) for row in rows] == [("has more cells than the header", 3), ("", 2)]


def test_a_quote_inside_a_cell_is_text(tmp_path: Path) -> None:
    """Exports that do not double their quotes are read as a spreadsheet reads them."""
    rows = read_text(tmp_path, 'text,label\n5" disk,ham\n"a "b" c",ham\nd,spam\n')
    assert [row.values["text"] for row in rows] == ['5" disk', 'a b" c"', "d"]


def test_a_cell_of_too_many_characters_is_a_bad_row(tmp_path: Path) -> None:
    """The rows after it are read."""
    rows = read_text(tmp_path, "text\n" + "a" * (2**24 + 1) + "\nb\n")
    assert "16,777,216 characters" in rows[0].error and rows[1].values == {"text": "b"}


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_recognised_from_the_header(tmp_path: Path, delimiter: str) -> None:
    """Comma, semicolon and tab; other delimiters in the cells do not matter."""
    text = f'text{delimiter}label\n"a, b; c\td"{delimiter}ham\n'
    assert values(read_text(tmp_path, text, "text", "label")) == [{"text": "a, b; c\td", "label": "ham"}]


def test_a_header_of_one_column_may_hold_delimiters_below(tmp_path: Path) -> None:
    """The delimiter that finds the required columns wins over the one that finds most."""
    assert values(read_text(tmp_path, "id;a,b,c,text;text\n1;x;y\n")) == [{"id": "1", "a,b,c,text": "x", "text": "y"}]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("text", ["text,label\ngrün 😀,ham\n", '{"text": "grün 😀", "label": "ham"}\n'])
def test_a_byte_order_mark_gives_the_encoding(tmp_path: Path, encoding: str, text: str) -> None:
    """Excel saves Unicode text as UTF-16, and UTF-8 with a mark."""
    assert values(read_text(tmp_path, text.encode(encoding))) == [{"text": "grün 😀", "label": "ham"}]


def test_windows_1252_is_refused_with_the_line_and_the_remedy(tmp_path: Path) -> None:
    """A guess could be wrong, and would then be silent."""
    error = error_of(tmp_path, ("text\n" + "hello\n" * 9000 + "grün\n").encode("cp1252"))
    assert "line 9002 " in error and "iconv -f WINDOWS-1252 -t UTF-8" in error


@pytest.mark.parametrize("encoding", ["UTF-16LE", "UTF-16BE", "UTF-32LE", "UTF-32BE"])
@pytest.mark.parametrize("comment", ["hello", "Спасибо за рецепт", "谢谢你的食谱"])
@pytest.mark.parametrize("table", ["text,label\r\n{},ham\r\n", "\n имя,text\n0,{}\n", '{{"text": "{}"}}\n'])
def test_utf_16_without_a_mark_is_refused_with_the_remedy(
    tmp_path: Path, encoding: str, comment: str, table: str
) -> None:
    """The first line shows it, because the names of the columns are ASCII."""
    error = error_of(tmp_path, table.format(comment * 300).encode(encoding))
    assert f"{encoding[:-2]} without a byte order mark" in error and f"iconv -f {encoding} -t UTF-8" in error


def test_control_characters_of_a_header_are_shown(tmp_path: Path) -> None:
    """A terminal must not obey them."""
    error = error_of(tmp_path, b"a\0b,\x1b[31mred\nhello,1\n")
    assert error.endswith("it has a[U+0000]b, [U+001B][31mred.")


def test_a_zero_byte_in_a_comment_is_text(tmp_path: Path) -> None:
    """It does not make the file binary."""
    assert values(read_text(tmp_path, b"text\nhello\0 there\n")) == [{"text": "hello\0 there"}]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "holds no row: it is empty"),
        (b"\n\n", "holds no row: it is empty"),
        (b"text,label\n", "holds no row: only a header"),
        (b'[{"text": "a"},\n {"text": "b"}]', "a JSON array.* jq -c '.\\[\\]'"),
        (b'{\n  "text": "a"\n}\n', "over several lines.* jq -c '.'"),
        (b'<?xml version="1.0"?><rss>', "XML or HTML"),
        (b"-- MySQL dump 10.13\n", "an SQL dump"),
        (b"INSERT INTO `wp_comments` VALUES (1, 'a');\n", "an SQL dump"),
        (b"PK\x03\x04\x14\x00", "a spreadsheet or a zip archive"),
        (b"SQLite format 3\0", "an SQLite database"),
        (b"BZh91AY", "compressed with bzip2"),
        (b"id,body\n1,hello\n", "lacks the column text; it has id, body"),
        (b'{"body": "a"}\n{"body": "b"}\n', "lacks the column text; it has body"),
    ],
)
def test_a_file_without_rows_in_the_format_is_an_error(tmp_path: Path, text: bytes, words: str) -> None:
    """The sentence names the format and the remedy."""
    with pytest.raises(InvalidCorpus, match=words):
        read_text(tmp_path, text)


def test_columns_may_differ_from_one_json_line_to_the_next(tmp_path: Path) -> None:
    """The first line does not decide for the file; a broken line costs this line only."""
    lines = [{"id": 1}, {"text": "a", "author": "Ann"}, {"text": "b"}]
    rows = read_text(tmp_path, "\n" + "\n".join(map(json.dumps, lines)) + "\n{broken\n[1]\n")
    assert values(rows[:3]) == lines and [row.line for row in rows] == [2, 3, 4, 5, 6]
    assert [row.error for row in rows[3:]] == ["is not a JSON object"] * 2


def test_line_ends_of_every_system_are_read(tmp_path: Path) -> None:
    """Unix, Windows, and the old ones of the Mac, which Excel still offers."""
    for end in ("\n", "\r\n", "\r"):
        assert values(read_text(tmp_path, f'text,label{end}"a{end}b",ham{end}')) == [
            {"text": f"a{end}b", "label": "ham"}
        ]


@pytest.mark.parametrize(
    "raw", [b"\x1f\x8bbroken", gzip.compress(b"text,label\nhello,ham\n", mtime=0)[:-4], b"\x1f\x8b\x08" + b"\0" * 40]
)
def test_a_damaged_gzip_file_is_refused(tmp_path: Path, raw: bytes) -> None:
    """With the reason of the library."""
    assert "a.csv cannot be read: " in error_of(tmp_path, raw)
