"""`moderation labels`: export and import of labelled comments."""

import csv
import io
from contextlib import nullcontext
from pathlib import Path

import pytest
from pyarrow import parquet

from moderation.actions.check import CheckRequest, check_comment
from moderation.actions.review import list_comments
from moderation.actions.sites import find_site
from moderation.domain.comment import Comment
from moderation.domain.csv_cells import EXPORT_COLUMNS
from moderation.domain.queue import ListName
from moderation.settings import Settings
from moderation.training.corpus import read_corpus
from moderation.wiring import open_services
from tests.cli.conftest import Operator
from tests.models import ignore

BLOG = "https://blog.example"


def test_an_export_can_be_imported(operator: Operator, tmp_path: Path) -> None:
    """An exported file can be imported under another site, with the same comments."""
    (tmp_path / "in.csv").write_text('text,label,author\n"hello, you",ham,Ann\nbuy pills,spam,\nthanks,ham,Bob\n')
    operator.get("labels", "import", tmp_path / "in.csv", "--site", BLOG)
    operator.get("labels", "export", "--site", BLOG, "--output", tmp_path / "out.csv")
    operator.get("site", "add", "https://other.example")
    operator.get("labels", "import", tmp_path / "out.csv", "--site", "https://other.example")
    rows = {}
    for url in (BLOG, "https://other.example"):
        shown = operator.get("labels", "export", "--site", url)
        rows[url] = [(row["text"], row["label"], row["author"]) for row in csv.DictReader(shown.splitlines())]
    assert rows[BLOG] == [("hello, you", "ham", "Ann"), ("buy pills", "spam", ""), ("thanks", "ham", "Bob")]
    assert rows["https://other.example"] == rows[BLOG]
    assert "6 labelled comments" in operator.run("labels", "export").stderr


def test_the_column_site_is_ignored_on_import(operator: Operator, tmp_path: Path) -> None:
    """All comments are stored under the named site; a notice says so if the file names another one."""
    (tmp_path / "in.csv").write_text("text,label,site\nhello,ham,https://other.example\n")
    result = operator.run("labels", "import", tmp_path / "in.csv", "--site", BLOG)
    assert result.exit_code == 0 and f"are stored under {BLOG}" in result.stderr
    (tmp_path / "own.csv").write_text(f"text,label,site\nbye,ham,{BLOG}/\n")
    assert "stored under" not in operator.run("labels", "import", tmp_path / "own.csv", "--site", BLOG).stderr


def test_a_bad_file_leaves_nothing_behind(operator: Operator, tmp_path: Path) -> None:
    """A refused file stores no label."""
    (tmp_path / "bad.csv").write_text("text,label\nhello,ham\nhello,perhaps\n")
    assert operator.run("labels", "import", tmp_path / "bad.csv", "--site", BLOG).exit_code == 2
    assert operator.get("labels", "export").splitlines() == [
        "id,site,label,weight,text,author,url,email,permalink,context,type,lang,date"
    ]


def test_an_unknown_site_is_refused(operator: Operator, tmp_path: Path) -> None:
    """An import and an export with an unknown site have exit code 4, before a file is written."""
    (tmp_path / "in.csv").write_text("text,label\nhello,ham\n")
    assert operator.run("labels", "import", tmp_path / "in.csv", "--site", "https://nobody.example").exit_code == 4
    out = tmp_path / "out.csv"
    assert operator.run("labels", "export", "--site", "https://nobody.example", "--output", out).exit_code == 4
    assert not out.exists()


def test_formulae_are_neutralized_and_read_back(operator: Operator, tmp_path: Path) -> None:
    """A spreadsheet runs none of them; an import has the texts as they were; --raw leaves them alone."""
    texts = ["=cmd|' /C calc'!A0", "@SUM(A1)", "-2+3", "+49 30 1234", "\t=1", "'=1", "''+x", "plain 'text'"]
    with (tmp_path / "in.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *((text, "spam") for text in texts)])
    operator.get("labels", "import", tmp_path / "in.csv", "--site", BLOG)
    operator.get("labels", "export", "--site", BLOG, "--output", tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert [cell for cell in cells if cell[:1] in set("=+-@\t\r")] == []
    operator.get("site", "add", "https://other.example")
    operator.get("labels", "import", tmp_path / "out.csv", "--site", "https://other.example")
    shown = operator.get("labels", "export", "--raw", "--site", "https://other.example")
    assert [row["text"] for row in csv.DictReader(io.StringIO(shown, newline=""))] == texts


def test_an_export_is_the_same_corpus_in_every_format(operator: Operator, tmp_path: Path) -> None:
    """Formulae, line breaks and quotes included; a weight is a number, and an imported file gives the same labels."""
    texts = ["=1+1", "two\nlines", 'a "quote", and more', "'=1", "grün 😀"]
    with (tmp_path / "in.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label", "author"), *((text, "spam", "+Ann") for text in texts)])
    operator.get("labels", "import", tmp_path / "in.csv", "--site", BLOG)
    corpora = []
    for form in ("csv", "jsonl", "parquet"):
        path = tmp_path / f"out.{form}"
        operator.get("labels", "export", "--output", path)
        corpus = read_corpus([path], ignore)
        corpora.append((corpus.comments, corpus.ids, corpus.spam.tolist(), corpus.site_urls, corpus.weights))
        assert "5 known already" in operator.get("labels", "import", path, "--site", BLOG)
    assert corpora[0] == corpora[1] == corpora[2] and [comment.text for comment in corpora[0][0]] == texts
    exported = parquet.read_table(tmp_path / "out.parquet")
    assert exported.column_names == list(EXPORT_COLUMNS) and exported["weight"].to_pylist() == [1.0] * 5
    result = operator.run("labels", "export", "--format", "parquet")
    assert result.stdout_bytes == (tmp_path / "out.parquet").read_bytes()


def test_comments_are_labelled_by_their_decisions(operator: Operator, settings: Settings) -> None:
    """Every verb follows every other, the log says who and why, and an unknown id is refused."""
    services = open_services(settings)
    site = find_site(services, BLOG)
    first, second = (check_comment(services, site, CheckRequest(Comment(text))).decision.id for text in ("one", "two"))
    for verb in ("spam", "ham", "forget", "remove", "spam"):
        operator.get("labels", "set", BLOG, verb, first, "--by", "ann", "--why", f"says {verb}")
    rows = operator.get_json("labels", "log", "--site", BLOG, "--decision", first)
    assert [row["label"]["value"] for row in rows] == ["spam", None, None, "ham", "spam"]
    assert [row["label"]["removes"] for row in rows] == [False, True, False, False, False]
    assert {row["label"]["labelled_by"] for row in rows} == {"ann"} and rows[0]["label"]["reason"] == "says spam"
    assert rows[0]["revoked_at"] is None and rows[1]["revoked_by"] == "ann"
    operator.get("labels", "set", BLOG, "ham", first, second)
    assert [row["label"]["origin"] for row in operator.get_json("labels", "log", "--limit", "2")] == ["bulk", "bulk"]
    assert operator.run("labels", "set", BLOG, "spam", second, "0" * 32).exit_code == 4
    assert "says remove" in operator.get("labels", "log")
    assert operator.get_json("labels", "log", "--limit", "1")[0]["label"]["value"] == "ham"
    assert operator.run("labels", "log", "--decision", first).exit_code == 2


def test_labels_are_audited(
    operator: Operator, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A contradiction is listed with both comments, here and in the queue; a terminal gets a table."""
    text = "We sell garden sheds of oak and larch for {} euros with delivery to any place"
    rows = f"text,label,author\n{text.format(90)},spam,Ann\n{text.format(80)},ham,Bob\nThanks a lot,ham,Cid\n"
    (tmp_path / "in.csv").write_text(rows)
    operator.get("labels", "import", tmp_path / "in.csv", "--site", BLOG)
    found = operator.get_json("labels", "audit", "--site", BLOG)
    assert {entry["label"]: len(entry["contradicts"]) for entry in found} == {"spam": 1, "ham": 1}
    assert found[0]["contradicts"] == [found[1]["comment_id"]] and found[0]["labelled_by"] == "import"
    result = operator.run("labels", "audit", "--site", BLOG)
    assert "We sell garden sheds" in result.stdout and "2 of 3 labels" in result.stderr
    listed = list_comments(open_services(settings), ListName.SECOND_LOOK).comments
    assert [comment.comment_id for comment in listed] == [entry["comment_id"] for entry in found]
    assert listed[0].finding and listed[0].finding.contradictions == 1
    operator.get("labels", "audit", "--site", BLOG, "--limit", "1")
    assert len(list_comments(open_services(settings), ListName.SECOND_LOOK).comments) == 2
    # The process of the tests is to keep its priority.
    monkeypatch.setattr("moderation.cli.retrain.low_priority", lambda _: nullcontext())
    result = operator.run("retrain")
    assert f"{BLOG}: 2 labels for a second look." in result.stderr and "too few labels" in result.stderr


def test_each_reporter_has_a_track_record(operator: Operator, settings: Settings) -> None:
    """Labels that another person contradicts and forgotten ones count; a person's own correction does not."""
    services = open_services(settings)
    site = find_site(services, BLOG)
    ids = [check_comment(services, site, CheckRequest(Comment(f"comment {number}"))).decision.id for number in range(3)]
    for verb, decision_id, by in (
        ("spam", ids[0], "ann"),
        ("ham", ids[0], "bob"),
        ("spam", ids[1], "ann"),
        ("ham", ids[1], "ann"),
        ("spam", ids[2], "ann"),
        ("forget", ids[2], "bob"),
    ):
        operator.get("labels", "set", BLOG, verb, decision_id, "--by", by)
    records = {record["labelled_by"]: record for record in operator.get_json("labels", "reporters", "--site", BLOG)}
    counts = {by: (record["given"], record["contradicted"], record["forgotten"]) for by, record in records.items()}
    assert counts == {"ann": (4, 1, 1), "bob": (1, 0, 0)}
    assert "contradicted" in operator.get("labels", "reporters")
