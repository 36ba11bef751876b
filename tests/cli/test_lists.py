"""`moderation list`, as an operator uses it."""

import gzip
import json
from pathlib import Path

import pytest

from tests.cli.conftest import Operator

BLOG = "https://blog.example"


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """WordPress's disallowed comment keys, with what editors and people add."""
    path = tmp_path / "keys.txt.gz"
    path.write_bytes(
        gzip.compress("\ufeff# ours\r\nzanzibar\r\nfree pills\r\npills.com\r\n203.0.113.7\r\nx\r\n".encode())
    )
    return path


def test_a_list_is_imported_and_counts(operator: Operator, keys: Path) -> None:
    """The counts are those of the file, the second import adds nothing, and a check of the site meets the list."""
    first = operator.get_json("list", "import", "wordpress", keys)
    assert (first["new"], first["known"], first["saved"], first["weight"]) == (3, 0, True, 6.0)
    assert first["left_out"] == {
        "an IP address, which this service does not store": 1,
        "fewer than two letters or digits": 1,
    }
    shown = operator.get("list", "import", "wordpress", keys, "--weight", "2")
    assert "Entries   0 new; 3 known before" in shown and shown.endswith("Saved; the next comment meets it.\n")
    checked = operator.get_json("check", "The zanzibar kitchen", "--site", BLOG)
    (reason,) = (reason for reason in checked["reasons"] if reason["code"] == "LISTED")
    assert (reason["weight"], reason["detail"]) == (2.0, "wordpress: “zanzibar”")
    assert reason["spans"] == [{"field": "text", "start": 4, "end": 12}]


def test_a_file_is_scored_with_the_lists_of_its_site(operator: Operator, tmp_path: Path) -> None:
    """Without a site there are none."""
    path = tmp_path / "comments.csv"
    path.write_text("text\nThe zanzibar kitchen\n")
    operator.get("list", "add", "ours", "zanzibar", "--weight", "20")
    assert "LISTED" in operator.get("score", path, "--site", BLOG)
    assert "LISTED" not in operator.get("score", path)


def test_lists_are_shown_and_removed(operator: Operator) -> None:
    """With site, direction, number of entries and expiry."""
    operator.get("list", "add", "ours", "Casino", "pills.com", "--expires", "2d")
    operator.get("list", "add", "friends", "ann@mail.com", "--allow", "--site", BLOG, "--weight", "3")
    table = operator.get("list", "show")
    assert [line.split()[:5] for line in table.splitlines()[1:]] == [
        ["friends", BLOG, "-3", "1", "0"],
        ["ours", "all", "sites", "+6", "2"],
    ]
    entries = operator.get_json("list", "show", "ours")["entries"]
    assert [(entry["kind"], entry["entry"], entry["expired"]) for entry in entries] == [
        ("domain", "pills.com", False),
        ("words", "casino", False),
    ]
    assert "casino" in operator.get("list", "show", "ours")
    assert operator.get("list", "remove", "ours", "CASINO") == "1 entries are removed; ours has 1 left.\n"
    assert operator.get("list", "remove", "ours") == "The list ours is removed, with 1 entries.\n"
    assert operator.run("list", "show", "ours").exit_code == 4
    assert [each["list"] for each in operator.get_json("list", "show")] == ["friends"]


def test_a_dry_run_saves_nothing(operator: Operator, keys: Path) -> None:
    """It shows the same."""
    assert operator.get("list", "import", "ours", keys, "--dry-run").endswith("Nothing was saved.\n")
    assert operator.get_json("list", "show") == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("x",), "Entry 1 cannot be in a list: fewer than two letters or digits."),
        ((" ", "# casino"), "An entry is a word, a domain or a mailbox; got none."),
        (("casino", "203.0.113.7"), "Entry 2 cannot be in a list: an IP address"),
        (("casino", "--weight", "-1"), "--allow makes it evidence of ham"),
        (("casino", "--expires", "2001-01-01"), "is over"),
        (("casino", "--expires", "soon"), "neither a date"),
        (("casino", "--expires", "9999999d"), "neither a date"),
    ],
)
def test_wrong_input_is_refused_in_a_sentence(operator: Operator, arguments: tuple[str, ...], message: str) -> None:
    """Nothing is saved, also of the entries that could be."""
    result = operator.run("list", "add", "ours", *arguments)
    assert result.exit_code == 2 and message in result.stderr
    assert json.loads(operator.get("list", "show", "--json")) == []


def test_a_file_that_is_no_list_is_refused(operator: Operator, tmp_path: Path) -> None:
    """Another encoding, only comments, or a program."""
    path = tmp_path / "keys.txt"
    for content in (b"caf\xe9\n", b"# nothing\n\n", b"PK\x03\x04zip", b"PAR1table"):
        path.write_bytes(content)
        assert operator.run("list", "import", "ours", path).exit_code == 2
    assert operator.get_json("list", "show") == []
