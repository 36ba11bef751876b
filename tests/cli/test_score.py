"""`moderation score`: a file in, a table out."""

import csv
import gzip
import io
import json
import tracemalloc
from pathlib import Path

import pytest

from moderation.actions.judge import appoint
from moderation.actions.score_file import score_file
from moderation.domain.budget import Budget
from moderation.registry.shelf import Shelf
from moderation.scoring.reasons import SENTENCES
from tests.cli.conftest import Operator
from tests.models import STARTER, ignore

BLOG = "https://blog.example"


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def ids(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return [row["id"] for row in csv.DictReader(file)]


def test_each_comment_gets_a_line_in_its_place(newcomer: Operator) -> None:
    """The columns are exactly the four that scripts rely on; no database is needed."""
    shown = newcomer.get("score", STARTER)
    assert shown.splitlines()[0] == "id,probability,verdict,reasons"
    rows = table(shown)
    assert [row["id"] for row in rows] == ids(STARTER)
    assert all(0 <= float(row["probability"]) <= 1 for row in rows)
    assert {row["verdict"] for row in rows} <= {"publish", "review", "spam", "discard"}
    assert {code for row in rows for code in row["reasons"].split(";")} <= SENTENCES.keys() | {""}


def test_a_file_gives_the_same_as_a_single_check(newcomer: Operator, tmp_path: Path) -> None:
    """Whatever door a comment comes through, it is judged alike."""
    text = "Cheap pills at http://pills.example, order now!"
    (tmp_path / "one.jsonl").write_text(json.dumps({"id": 7, "text": text, "author": "Best Pills"}) + "\n")
    row = table(newcomer.get("score", tmp_path / "one.jsonl"))[0]
    alone = newcomer.get_json("check", text, "--author", "Best Pills")
    assert row["id"] == "7" and row["verdict"] == alone["verdict"]
    assert float(row["probability"]) == pytest.approx(alone["probability"], abs=1e-6)


def test_every_form_of_a_file_gives_the_same_table(newcomer: Operator, tmp_path: Path) -> None:
    """CSV and JSON Lines, plain or zipped, to stdout or to a file."""
    comments = [{"id": f"c{n}", "text": f"hello, {n} times\nüber"} for n in range(3)]
    with (tmp_path / "a.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["id", "text"])
        writer.writeheader()
        writer.writerows(comments)
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(comment) + "\n" for comment in comments))
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress((tmp_path / "a.csv").read_bytes()))
    tables = {newcomer.get("score", tmp_path / name) for name in ("a.csv", "a.jsonl", "a.csv.gz")}
    assert newcomer.get("score", tmp_path / "a.csv", "--output", tmp_path / "out.csv") == ""
    assert tables == {(tmp_path / "out.csv").read_bytes().decode()}


def test_a_bad_row_keeps_its_place(newcomer: Operator, tmp_path: Path) -> None:
    """It has neither probability nor verdict, says why, and is counted at the end."""
    lines = ('{"id": "a", "text": "hello"}', "{broken", '{"id": "c", "text": 5}', '{"id": "d", "text": "bye"}')
    (tmp_path / "mixed.jsonl").write_text("\n".join(lines) + "\n")
    done = newcomer.run("score", tmp_path / "mixed.jsonl")
    rows = table(done.stdout)
    assert [row["id"] for row in rows] == ["a", "mixed-2", "c", "d"]
    assert [bool(row["verdict"]) for row in rows] == [True, False, False, True]
    assert rows[1]["probability"] == "" and "text is" in rows[2]["reasons"]
    assert done.exit_code == 0 and "2 of 4 rows" in done.stderr


def test_no_text_of_a_comment_reaches_the_table(newcomer: Operator, tmp_path: Path) -> None:
    """Reasons are codes, so a comment cannot smuggle a formula into somebody's spreadsheet."""
    (tmp_path / "evil.csv").write_text("id,text,author\n1,=HYPERLINK(1) casino,=cmd\n")
    assert "=" not in newcomer.get("score", tmp_path / "evil.csv")


def test_half_an_emoji_in_an_id_is_written(newcomer: Operator, tmp_path: Path) -> None:
    """What UTF-8 has no bytes for is escaped instead of ending the run."""
    (tmp_path / "odd.jsonl").write_text('{"id": "\\ud83d", "text": "hello"}\n')
    assert table(newcomer.get("score", tmp_path / "odd.jsonl"))[0]["id"] == "\\ud83d"


def test_a_site_draws_its_own_lines(operator: Operator, tmp_path: Path) -> None:
    """With --site the same probability may get another verdict."""
    (tmp_path / "one.csv").write_text("text\nThank you for this recipe\n")
    assert table(operator.get("score", tmp_path / "one.csv"))[0]["verdict"] == "publish"
    operator.get("site", "policy", BLOG, "--review", "1e-9", "--spam", "1", "--discard", "1")
    assert table(operator.get("score", tmp_path / "one.csv", "--site", BLOG))[0]["verdict"] == "review"


@pytest.mark.parametrize(
    ("options", "code"), [(("--site", "https://nobody.example"), 4), (("--model", "nothing"), 4), (("--site", "x"), 2)]
)
def test_what_is_unknown_has_its_code(operator: Operator, options: tuple[str, ...], code: int) -> None:
    """An unknown site or model is told before anything is written."""
    done = operator.run("score", STARTER, *options)
    assert done.exit_code == code and done.stdout == ""


def test_a_refused_file_leaves_the_older_table(newcomer: Operator, tmp_path: Path) -> None:
    """What stood in the output stays when the new table cannot be made whole."""
    (tmp_path / "no.csv").write_text("words\nhello\n")
    (tmp_path / "out.csv").write_text("precious")
    done = newcomer.run("score", tmp_path / "no.csv", "--output", tmp_path / "out.csv")
    assert done.exit_code == 2 and "text" in done.stderr
    assert (tmp_path / "out.csv").read_text() == "precious"
    assert sorted(path.name for path in tmp_path.glob("*out*")) == ["out.csv"]


def test_memory_does_not_grow_with_the_file(shelf: Shelf, tmp_path: Path) -> None:
    """Ten times the rows take no more memory than a tenth of them, give or take a tenth of a megabyte."""

    def peak(rows: int) -> int:
        corpus = tmp_path / f"{rows}.csv"
        corpus.write_text("text\n" + "".join(f"hello there number {n}, and thanks\n" for n in range(rows)))
        with (tmp_path / "out.csv").open("w") as out:
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            score_file(judge, corpus, out, report=ignore, advance=lambda: None)
            return tracemalloc.get_traced_memory()[1] - before

    judge = appoint(shelf, Budget())
    tracemalloc.start()
    try:
        peak(100)
        assert peak(2000) < peak(200) + 100_000
    finally:
        tracemalloc.stop()
