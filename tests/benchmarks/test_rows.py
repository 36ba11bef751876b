"""The rows that benchmarks write."""

import json
from pathlib import Path

import pytest

from benchmarks import rows
from benchmarks.rows import at_least, at_least_ratio, at_most, at_most_ratio, figure, unmeasured, write_rows


def test_a_bar_holds_up_to_its_value() -> None:
    """The limit itself is allowed."""
    assert at_most("time", 2.0, 2.0, "s").holds is at_least("recall", 0.9, 0.9, "proportion").holds is True
    assert at_most("time", 2.1, 2.0, "s").holds is at_least("recall", 0.8, 0.9, "proportion").holds is False
    assert figure("time", 2.0, "s").holds is unmeasured("time", "no clock").holds is None


@pytest.mark.parametrize(("max_ratio", "holds"), [(0.25, True), (0.24, False)])
def test_a_comparison_has_the_baseline_and_the_ratio(max_ratio: float, holds: bool) -> None:
    """A reader of the JSON sees both figures."""
    row = at_most_ratio("time", 2.0, "s", baseline="theirs", baseline_value=8.0, max_ratio=max_ratio)
    assert (row.value, row.against, row.ratio, row.holds) == (2.0, "theirs: 8 s", 0.25, holds)


@pytest.mark.parametrize(("min_ratio", "holds"), [(4.0, True), (4.1, False)])
def test_a_comparison_may_ask_for_more(min_ratio: float, holds: bool) -> None:
    """Of a rate, more is better."""
    row = at_least_ratio("rate", 8.0, "requests/s", baseline="theirs", baseline_value=2.0, min_ratio=min_ratio)
    assert (row.ratio, row.bar, row.holds) == (4.0, f"ratio at least {min_ratio:g}", holds)


def test_rows_are_written_with_command_and_commit_and_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missed bar is printed and raises nothing."""
    monkeypatch.setattr(rows, "BUILD", tmp_path / "bench")
    write_rows("sleep", [at_most("time", 3, 2, "s"), unmeasured("memory", "no such file")])
    written = json.loads((tmp_path / "bench" / "sleep.json").read_text("utf-8"))
    commit = written[0]["commit"]
    assert commit
    assert written[0] == {
        "name": "time",
        "value": 3,
        "unit": "s",
        "against": "",
        "ratio": None,
        "bar": "at most 2",
        "holds": False,
        "command": "make bench-sleep",
        "commit": commit,
    }
    assert written[1]["value"] is None and written[1]["unit"] == "not measured here: no such file"
    first, second = capsys.readouterr().out.splitlines()
    assert "3 s" in first and "at most 2  FALLS SHORT" in first
    assert "not measured here: no such file" in second
