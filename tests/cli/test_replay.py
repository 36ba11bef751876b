"""`moderation replay`, as an operator uses it."""

import csv
from pathlib import Path

import pytest
from pyarrow import parquet

from moderation.actions.check import check_comments
from moderation.actions.labelling import label_decision
from moderation.actions.services import Services
from moderation.actions.sites import find_site
from moderation.domain.comment import Comment
from moderation.domain.decision import LabelValue
from tests.cli.conftest import Operator

BLOG = "https://blog.example"


@pytest.fixture
def past(operator: Operator, services: Services) -> list[str]:
    """Three decisions of today, the first labelled ham. Their ids."""
    site = find_site(services, BLOG)
    texts = ("=The soup of zanzibar", "Good soup", "Cheap pills at http://pills.example")
    decided = check_comments(services, site, [Comment(text) for text in texts])
    label_decision(services, site, decided[0].id, LabelValue.HAM, "mara", "queue")
    return [decision.id for decision in decided]


def test_changed_verdicts_are_counted_listed_and_written(operator: Operator, past: list[str], tmp_path: Path) -> None:
    """By label, change and site; the file has every comment, as a spreadsheet may open it."""
    arguments = ("replay", "--thresholds", "0.000001,0.000002,1", "--since", "2026-01-01")
    shown = operator.get(*arguments, "--output", tmp_path / "changed.csv", "--limit", "1")
    assert "-> spam" in shown and BLOG in shown and "0.00% -> 100.00%" in shown
    with (tmp_path / "changed.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["decision"] for row in rows} == set(past)
    (first,) = (row for row in rows if row["decision"] == past[0])
    assert (first["label"], first["after"], first["text"]) == ("ham", "spam", "'=The soup of zanzibar")
    assert first["url"] == f"/v1/decisions/{past[0]}"
    operator.get(*arguments, "--output", tmp_path / "changed.parquet")
    typed = parquet.read_table(tmp_path / "changed.parquet").to_pylist()
    assert [row["decision"] for row in typed] == [row["decision"] for row in rows]
    assert [str(row["probability_after"]) for row in typed] == [row["probability_after"] for row in rows]
    body = operator.get_json(*arguments, "--site", BLOG)
    assert body["sites"][0]["after"]["ham"]["spam"] == 1 and len(body["changed"]) == 3


def test_a_list_and_a_model_are_tried(operator: Operator, past: list[str], tmp_path: Path) -> None:
    """The live model changes nothing by itself."""
    keys = tmp_path / "keys.txt"
    keys.write_text("zanzibar\n203.0.113.7\n")
    since = ("--since", "2026-01-01")
    assert operator.get_json("replay", "--model", "small", *since)["changed"] == []
    for options in ((), ("--model", "small")):
        body = operator.get_json("replay", "--list", keys, "--weight", "20", *since, *options)
        assert [each["decision"] for each in body["changed"]] == [past[0]]
    assert operator.get_json("replay", "--list", keys, "--weight", "20", "--allow", *since)["changed"] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name --model, --thresholds or --list"),
        (("--thresholds", "0.5"), "is not REVIEW,SPAM,DISCARD"),
        (("--thresholds", "0.9,0.5,1"), "Thresholds must satisfy"),
        (("--thresholds", "nan,nan,nan"), "Thresholds must satisfy"),
        (("--model", "none"), "There is no model none"),
        (("--model", "small", "--since", "yesterday"), "is neither a date"),
        (("--model", "small", "--since", "99999d"), "0 of 0"),
        (("--model", "small", "--site", "https://nowhere.example"), "no site"),
    ],
)
def test_what_cannot_be_tried_is_refused(operator: Operator, arguments: tuple[str, ...], message: str) -> None:
    """With a sentence that says what to change."""
    result = operator.run("replay", *arguments)
    if "99999d" in arguments:
        assert result.exit_code == 0
    else:
        assert result.exit_code and message in result.output
