"""`moderation score`: a file of comments is judged row by row."""

import csv
import gzip
import io
import json
import sys
import tracemalloc
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from moderation.actions.judging import judge
from moderation.cli.judging import SCORE_COLUMNS, score_table
from moderation.domain.budget import Budget
from moderation.registry.live_model import LiveModel
from moderation.registry.model_registry import ModelRegistry
from moderation.scoring.reasons import SENTENCES
from moderation.training.corpus import survey_comments
from moderation.training.table_files import TableFile
from moderation.training.table_writers import TableFormat, table_writer
from tests.cli.conftest import Operator
from tests.models import STARTER, ignore

BLOG = "https://blog.example"


def table(text: str) -> list[dict[str, str]]:
    """Return the rows of the output."""
    return list(csv.DictReader(io.StringIO(text)))


def ids(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return [row["id"] for row in csv.DictReader(file)]


def test_each_comment_has_a_line_in_the_order_of_the_file(newcomer: Operator) -> None:
    """The columns are the four that scripts rely on; no database is needed."""
    shown = newcomer.get("score", STARTER)
    assert shown.splitlines()[0] == "id,probability,verdict,reasons"
    rows = table(shown)
    assert [row["id"] for row in rows] == ids(STARTER)
    assert all(0 <= float(row["probability"]) <= 1 for row in rows)
    assert {row["verdict"] for row in rows} <= {"publish", "review", "spam", "discard"}
    names = {name for row in rows for name in row["reasons"].split(";") if name}
    parts = [name.partition(":") for name in names]
    assert all((occurrence or None) in {None, *SENTENCES[code]} for code, _, occurrence in parts)
    assert any(occurrence == "absent" for _, _, occurrence in parts), "a code alone would claim what is not there"


def test_score_and_check_agree(newcomer: Operator, tmp_path: Path) -> None:
    """A comment has the same probability and verdict in a file and alone."""
    text = "Cheap pills at http://pills.example, order now!"
    (tmp_path / "one.jsonl").write_text(json.dumps({"id": 7, "text": text, "author": "Best Pills"}) + "\n")
    row = table(newcomer.get("score", tmp_path / "one.jsonl"))[0]
    judgement = newcomer.get_json("check", text, "--author", "Best Pills")
    assert row["id"] == "7" and row["verdict"] == judgement["verdict"]
    assert float(row["probability"]) == pytest.approx(judgement["probability"], abs=1e-6)


def test_every_format_gives_the_same_table(newcomer: Operator, tmp_path: Path) -> None:
    """CSV and JSON Lines, plain or gzip'd, and Parquet, to stdout or to a file."""
    comments = [{"id": f"c{n}", "text": f"hello, {n} times\nüber"} for n in range(3)]
    with (tmp_path / "a.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["id", "text"])
        writer.writeheader()
        writer.writerows(comments)
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(comment) + "\n" for comment in comments))
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress((tmp_path / "a.csv").read_bytes()))
    parquet.write_table(pa.Table.from_pylist(comments), tmp_path / "a.parquet")
    tables = {newcomer.get("score", tmp_path / name) for name in ("a.csv", "a.jsonl", "a.csv.gz", "a.parquet")}
    assert newcomer.get("score", tmp_path / "a.csv", "--output", tmp_path / "out.csv") == ""
    assert tables == {(tmp_path / "out.csv").read_bytes().decode()}


def test_the_output_has_the_format_of_its_ending_or_option(newcomer: Operator, tmp_path: Path) -> None:
    """The same columns and values; a probability is a number, and null for an unreadable row."""
    (tmp_path / "a.jsonl").write_text('{"id": "a", "text": "hello"}\n{"id": "b", "text": 5}\n')
    for form in ("csv", "jsonl", "parquet"):
        newcomer.get("score", tmp_path / "a.jsonl", "--output", tmp_path / f"out.{form}")
    expected = [
        row | {"probability": float(row["probability"]) if row["probability"] else None}
        for row in table((tmp_path / "out.csv").read_text())
    ]
    assert [row["probability"] is None for row in expected] == [False, True]
    assert [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()] == expected
    assert parquet.read_table(tmp_path / "out.parquet").to_pylist() == expected
    result = newcomer.run("score", tmp_path / "a.jsonl", "--format", "parquet", "--output", "-")
    assert result.stdout_bytes == (tmp_path / "out.parquet").read_bytes()


def test_a_bad_row_of_parquet_keeps_its_place(newcomer: Operator, tmp_path: Path) -> None:
    """Its id is the name of the file and the number of the row."""
    parquet.write_table(pa.table({"text": ["hello", None, "bye"]}), tmp_path / "a.parquet")
    rows = table(newcomer.get("score", tmp_path / "a.parquet"))
    assert [row["id"] for row in rows] == ["a-1", "a-2", "a-3"]
    assert [row["reasons"] for row in rows][1] == "text is missing" and rows[1]["verdict"] == ""


def test_a_bad_row_keeps_its_place(newcomer: Operator, tmp_path: Path) -> None:
    """It has neither probability nor verdict, but the error; a sentence at the end counts such rows."""
    lines = ('{"id": "a", "text": "hello"}', "{broken", '{"id": "c", "text": 5}', '{"id": "d", "text": "bye"}')
    (tmp_path / "mixed.jsonl").write_text("\n".join(lines) + "\n")
    result = newcomer.run("score", tmp_path / "mixed.jsonl")
    rows = table(result.stdout)
    assert [row["id"] for row in rows] == ["a", "mixed-2", "c", "d"]
    assert [bool(row["verdict"]) for row in rows] == [True, False, False, True]
    assert rows[1]["probability"] == "" and "text is" in rows[2]["reasons"]
    assert result.exit_code == 0 and "2 of 4 rows" in result.stderr


def test_no_text_of_a_comment_reaches_the_table(newcomer: Operator, tmp_path: Path) -> None:
    """Reasons are codes, so a comment cannot put a formula into a spreadsheet."""
    (tmp_path / "evil.csv").write_text("id,text,author\n1,=HYPERLINK(1) casino,=cmd\n")
    assert "=" not in newcomer.get("score", tmp_path / "evil.csv")


def test_half_an_emoji_in_an_id_is_escaped(newcomer: Operator, tmp_path: Path) -> None:
    """A lone surrogate has no UTF-8 form."""
    (tmp_path / "odd.jsonl").write_text('{"id": "\\ud83d", "text": "hello"}\n')
    assert table(newcomer.get("score", tmp_path / "odd.jsonl"))[0]["id"] == "\\ud83d"


def test_a_site_has_its_own_thresholds(operator: Operator, tmp_path: Path) -> None:
    """With --site the same probability may get another verdict."""
    (tmp_path / "one.csv").write_text("text\nThank you for this recipe\n")
    assert table(operator.get("score", tmp_path / "one.csv"))[0]["verdict"] == "publish"
    operator.get("site", "thresholds", BLOG, "--review", "1e-9", "--spam", "1", "--discard", "1")
    assert table(operator.get("score", tmp_path / "one.csv", "--site", BLOG))[0]["verdict"] == "review"


@pytest.mark.parametrize(
    ("options", "code"), [(("--site", "https://nobody.example"), 4), (("--model", "nothing"), 4), (("--site", "x"), 2)]
)
def test_an_unknown_site_or_model_has_its_exit_code(operator: Operator, options: tuple[str, ...], code: int) -> None:
    """Nothing is written."""
    result = operator.run("score", STARTER, *options)
    assert result.exit_code == code and result.stdout == ""


def test_a_refused_file_does_not_change_the_output(newcomer: Operator, tmp_path: Path) -> None:
    """An output file is replaced as a whole or not at all."""
    (tmp_path / "no.csv").write_text("words\nhello\n")
    (tmp_path / "out.csv").write_text("precious")
    result = newcomer.run("score", tmp_path / "no.csv", "--output", tmp_path / "out.csv")
    assert result.exit_code == 2 and "text" in result.stderr
    assert (tmp_path / "out.csv").read_text() == "precious"
    assert sorted(path.name for path in tmp_path.glob("*out*")) == ["out.csv"]


def test_a_file_damaged_at_its_end_does_not_change_the_output(newcomer: Operator, tmp_path: Path) -> None:
    """Although its first rows can be read."""
    texts = [f"comment {number}" for number in range(2000)]
    options = {"row_group_size": 1000, "write_page_checksum": True, "compression": "none", "use_dictionary": False}
    parquet.write_table(pa.table({"text": texts}), tmp_path / "a.parquet", **options)
    raw = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(raw.replace(b"comment 1999", b"comment 1998"))
    (tmp_path / "out.parquet").write_text("precious")
    result = newcomer.run("score", tmp_path / "a.parquet", "--output", tmp_path / "out.parquet")
    assert result.exit_code == 2 and "a.parquet cannot be read in row group 2 of 2" in result.stderr
    assert (tmp_path / "out.parquet").read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["a.parquet", "out.parquet"]


def test_parquet_is_not_printed_on_a_terminal(newcomer: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the work begins."""
    monkeypatch.setattr("moderation.cli._tables._is_terminal", lambda: True)
    result = newcomer.run("score", STARTER, "--format", "parquet")
    assert result.exit_code == 2 and "name a file with --output" in result.stderr and result.stdout == ""


def test_without_pyarrow_an_output_is_refused_at_once(
    newcomer: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command that installs it; a file to read, too."""
    parquet.write_table(pa.table({"text": ["hello"]}), tmp_path / "a.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for arguments in ((STARTER, "--output", tmp_path / "out.parquet"), (tmp_path / "a.parquet",)):
        result = newcomer.run("score", *arguments)
        assert result.exit_code == 2 and "pip install 'moderation[parquet]'" in result.stderr
    assert not (tmp_path / "out.parquet").exists()


def test_memory_does_not_grow_with_the_file(registry: ModelRegistry, tmp_path: Path) -> None:
    """Ten times the rows take at most 0.1 MB more."""

    def peak(rows: int) -> int:
        corpus = tmp_path / f"{rows}.csv"
        # Few different words, because the cache of hashed words may grow.
        corpus.write_text("text\n" + "".join(f"hello there number {n % 50} and thanks\n" for n in range(rows)))
        with (
            (tmp_path / "out.csv").open("wb") as out,
            TableFile.open(corpus, ("text",)) as file,
            table_writer(out, TableFormat.CSV, SCORE_COLUMNS) as write,
        ):
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            score_table(judge_parsed, file, survey_comments(file, ignore), write, advance=lambda: None)
            return tracemalloc.get_traced_memory()[1] - before

    judge_parsed = partial(judge, LiveModel(registry).current(), None, default_budget=Budget())
    tracemalloc.start()
    try:
        peak(100)
        assert peak(2000) < peak(200) + 100_000
    finally:
        tracemalloc.stop()
