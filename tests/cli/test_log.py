"""`moderation log export` writes the log for the operator of the database."""

import csv
import json
from pathlib import Path

from tests.cli.conftest import Operator


def test_the_log_is_exported(operator: Operator, tmp_path: Path) -> None:
    """In both formats, by person and time, to stdout or a file."""
    operator.get("moderator", "add", "Ann", "--generate")
    rows = list(csv.DictReader(operator.get("log", "export").splitlines()))
    assert rows[0]["event"] == "grant" and rows[0]["detail"] == "Ann: moderator" and rows[0]["person"] == "cli"
    lines = operator.get("log", "export", "--format", "jsonl", "--person", "cli").splitlines()
    assert [json.loads(line)["detail"] for line in lines] == [row["detail"] for row in rows]
    assert operator.get("log", "export", "--format", "jsonl", "--until", "2000-01-01") == ""
    operator.get("log", "export", "--since", "2000-01-01", "--output", tmp_path / "log.csv", "--raw")
    assert (tmp_path / "log.csv").read_text().startswith("at,person,event,")
    assert operator.run("log", "export", "--site", "https://nowhere.example").exit_code != 0
