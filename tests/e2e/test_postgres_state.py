"""Backup, restore and doctor with PostgreSQL: the printed commands carry the database over."""

import shlex
import subprocess
from pathlib import Path

import pytest

from moderation.settings import Settings
from tests.cli.conftest import Operator, environment_of
from tests.e2e.prerequisites import require_tools, skip_or_fail
from tests.postgresql import find_binaries, running_server

pytestmark = pytest.mark.e2e


def test_the_printed_commands_carry_the_database_over(settings: Settings, tmp_path: Path) -> None:
    """After both restores the other installation has the site, its secret fits, and the doctor finds no problem."""
    require_tools(pg_dump="postgresql-client", pg_restore="postgresql-client")
    if find_binaries() is None:
        skip_or_fail("the programs of a PostgreSQL server (of the package postgresql)")
    with running_server() as first, running_server() as second:
        old = Operator(environment_of(settings) | {"MODERATION_DATABASE_URL": first.url("postgres")})
        old.get("init", "--site", "https://mine.example")
        assert "problem" not in old.get("doctor")
        saved = old.run("backup", tmp_path / "backup.tar")
        var = tmp_path / "elsewhere"
        new = Operator(
            old.environment
            | {
                "MODERATION_VAR": str(var),
                "MODERATION_MODELS": str(var / "models"),
                "MODERATION_DATABASE_URL": second.url("postgres"),
            }
        )
        restored = new.get("restore", tmp_path / "backup.tar")
        for shown, program in ((saved.stderr, "pg_dump "), (restored, "pg_restore ")):
            (command,) = (line.strip() for line in shown.splitlines() if line.strip().startswith(program))
            subprocess.run(shlex.split(command), cwd=tmp_path, check=True)
        assert [site["url"] for site in new.get_json("site", "list")] == ["https://mine.example"]
        assert "problem" not in new.get("doctor")
