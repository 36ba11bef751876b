"""`moderation privacy`: a person's comments are exported and erased, and receipts are checked."""

import json
from pathlib import Path

import pytest

from moderation.actions.check import CheckRequest, check_comment
from moderation.actions.sites import find_site
from moderation.domain.comment import Comment
from moderation.settings import Settings
from moderation.wiring import prepare
from tests.cli.conftest import Operator

SITE = "https://blog.example"
MAIL = "quux@ovens.example"


@pytest.fixture
def blog(operator: Operator, migrated_settings: Settings) -> Operator:
    """An operator with two comments of a person, and one of another."""
    services = prepare(migrated_settings)
    site = find_site(services, SITE)
    for number, mail in enumerate((MAIL, MAIL, "ada@mill.example")):
        check_comment(services, site, CheckRequest(Comment(f"Bread {number}", author="Quux", email=mail)))
    services.engine.dispose()
    return operator


def test_export_erasure_and_verification(blog: Operator, tmp_path: Path) -> None:
    """The backup from before is named, by its path; a backup from after is not."""
    backup, receipt = tmp_path / "before.tar", tmp_path / "receipt.json"
    blog.get("backup", backup)
    lines = blog.get("privacy", "export", SITE, "--email", MAIL).splitlines()
    assert [json.loads(line)["text"] for line in lines] == ["Bread 0", "Bread 1"]
    assert blog.get("privacy", "erase", SITE, "--email", MAIL, "--dry-run") == "2 comments would be erased.\n"
    erased = blog.run("privacy", "erase", SITE, "--email", MAIL, "--receipt", receipt)
    assert erased.exit_code == 0 and erased.stderr.startswith("2 comments and 0 labels are erased.")
    verified = blog.get("privacy", "verify", receipt)
    assert verified.startswith(f"The receipt is valid: 2 comments at {SITE} were erased.")
    assert f"Backup {backup} may have the comments" in verified
    assert json.loads(blog.get("privacy", "erase", SITE, "--email", MAIL))["backups"] == []
    assert blog.get("privacy", "export", SITE, "--name", "quux").count("\n") == 1


def test_an_identifier_is_read_from_stdin(blog: Operator) -> None:
    """So that it stands in no list of processes and no history of a shell."""
    counted = blog.get("privacy", "erase", SITE, "--email", "-", "--dry-run", stdin=f"{MAIL}\n")
    assert counted == "2 comments would be erased.\n"


@pytest.mark.parametrize("options", [(), ("--email", MAIL, "--name", "Quux")])
def test_a_person_has_one_identifier(blog: Operator, options: tuple[str, ...]) -> None:
    """Two would leave open whether both have to fit."""
    refused = blog.run("privacy", "erase", SITE, *options)
    assert refused.exit_code == 2 and "Name the person by one of --email, --author-id and --name." in refused.stderr


def test_a_changed_receipt_is_refused(blog: Operator, tmp_path: Path) -> None:
    """Like a file that is none."""
    receipt = tmp_path / "receipt.json"
    blog.get("privacy", "erase", SITE, "--email", MAIL, "--receipt", receipt)
    receipt.write_text(receipt.read_text("utf-8").replace('"comments": 2', '"comments": 3'), "utf-8")
    assert "was changed" in blog.run("privacy", "verify", receipt).stderr
    receipt.write_bytes(b"\x00\xff")
    refused = blog.run("privacy", "verify", receipt)
    assert refused.exit_code == 2 and "no receipt" in refused.stderr


def test_the_database_is_rewritten(blog: Operator) -> None:
    """For a database that was too large to be rewritten by the erasure."""
    assert blog.get("privacy", "compact") == "The database is rewritten.\n"
