"""Backup, restore and doctor with PostgreSQL: the printed commands carry the database over."""

import shlex
import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from benchmarks.installation import postgres_server
from moderation.settings import Settings
from tests.cli.conftest import Operator, environment_of

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        not all(map(shutil.which, ("initdb", "pg_ctl", "pg_dump", "pg_restore"))), reason="PostgreSQL is not installed"
    ),
]


def test_the_printed_commands_carry_the_database_over(settings: Settings, tmp_path: Path) -> None:
    """After both restores the other installation has the site, its secret fits, and the doctor finds no problem."""
    with ExitStack() as stack:
        # Not in `tmp_path`, whose parents the unprivileged user of PostgreSQL cannot enter.
        folders = [Path(stack.enter_context(TemporaryDirectory())) for _ in range(2)]
        first, second = (stack.enter_context(postgres_server(folder)) for folder in folders)
        old = Operator(environment_of(settings) | {"MODERATION_DATABASE_URL": first.url})
        old.get("init", "--site", "https://mine.example")
        assert "problem" not in old.get("doctor")
        saved = old.run("backup", tmp_path / "backup.tar")
        var = tmp_path / "elsewhere"
        new = Operator(
            old.environment
            | {
                "MODERATION_VAR": str(var),
                "MODERATION_MODELS": str(var / "models"),
                "MODERATION_DATABASE_URL": second.url,
            }
        )
        restored = new.get("restore", tmp_path / "backup.tar")
        for shown, program in ((saved.stderr, "pg_dump "), (restored, "pg_restore ")):
            (command,) = (line.strip() for line in shown.splitlines() if line.strip().startswith(program))
            subprocess.run(shlex.split(command), cwd=tmp_path, check=True)
        assert [site["url"] for site in new.get_json("site", "list")] == ["https://mine.example"]
        assert "problem" not in new.get("doctor")
