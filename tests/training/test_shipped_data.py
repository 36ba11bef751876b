"""The files in `data/`: the starter corpus and the corrected labels."""

import csv
import re
from collections import Counter
from datetime import datetime

from moderation.training.relabelling import Relabelling
from tests.models import STARTER

DATA = STARTER.parent
COLUMNS = ["id", "text", "label", "author", "url", "email", "date", "lang", "context"]


def starter_rows() -> list[dict[str, str]]:
    with STARTER.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_each_starter_comment_is_complete() -> None:
    """Its id is its number, its text occurs once, and its date, language and title are given."""
    rows = starter_rows()
    assert [list(row) for row in rows if list(row) != COLUMNS] == []
    assert [row["id"] for row in rows] == [f"starter-{number:04d}" for number in range(1, len(rows) + 1)]
    wrong = [
        row["id"]
        for row in rows
        if row["label"] not in {"spam", "ham"}
        or not row["text"].strip()
        or not row["context"]
        or not re.fullmatch("[a-z]{2}", row["lang"])
        or not datetime.fromisoformat(row["date"]).tzinfo
    ]
    assert wrong == []


def test_the_starter_corpus_speaks_to_many() -> None:
    """data/README.md has its counts; each language has spam and ham, and the rare ones have at least eight ham."""
    rows = starter_rows()
    labels = Counter(row["label"] for row in rows)
    languages = {row["lang"] for row in rows}
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    counts = f"{len(rows):,} comments ({labels['spam']:,} spam, {labels['ham']:,} ham) in {len(languages)} languages"
    assert counts in readme.replace("\n", " ")
    ham = Counter(row["lang"] for row in rows if row["label"] == "ham")
    spam = {row["lang"] for row in rows if row["label"] == "spam"}
    assert {language: ham[language] for language in languages if ham[language] < 8} == {}
    assert languages - spam == set()


def test_the_corrected_labels_are_sorted_and_hold_no_text() -> None:
    """Each line is a source, an id and a letter."""
    path = DATA / "relabelled.tsv"
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines == sorted(lines) and [line for line in lines if not re.fullmatch(r"\w+\t[\w.-]+\t[shnud]", line)] == []
    assert sum(map(len, Relabelling.from_file(path).labels.values())) == len(lines)
