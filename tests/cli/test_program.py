"""The command itself: its help, its speed, and how it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Never

import click
import pytest

from moderation.cli import check
from moderation.cli import main as program
from moderation.cli.program import COMMANDS
from moderation.domain.errors import OUTCOMES, ModerationError
from tests.cli.conftest import Operator

HEAVY = ("numpy", "pandas", "sklearn", "sqlalchemy", "alembic", "flask", "rich", "granian", "pydantic")


def test_the_help_names_every_command(newcomer: Operator) -> None:
    """An operator finds each command with its sentence in `--help`, and each answers to `--help` itself."""
    shown = newcomer.get("--help")
    for name, sentence in COMMANDS.items():
        assert name in shown and sentence in shown
        assert "Usage:" in newcomer.get(name, "--help")


def test_the_help_loads_nothing_heavy() -> None:
    """`moderation --help` answers at once: none of the large libraries is imported for it."""
    code = f"""
import sys
from moderation.cli import main
main(["--help"], standalone_mode=False)
print(sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_an_unknown_command_is_a_usage_error(newcomer: Operator) -> None:
    """A slip is answered with exit code 2, and nothing is done."""
    assert newcomer.run("srve").exit_code == 2


@pytest.mark.parametrize("kind", list(OUTCOMES))
def test_each_error_has_its_exit_code(
    kind: type[ModerationError], newcomer: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of the house is one sentence on stderr and the exit code of the table."""

    def fail(*_: object) -> Never:
        raise kind("This is why.")

    monkeypatch.setattr(check, "appoint", fail)
    done = newcomer.run("check", "hello")
    assert (done.exit_code, done.stderr, done.stdout) == (OUTCOMES[kind].exit_code, "Error: This is why.\n", "")


def test_an_interrupt_is_no_traceback(newcomer: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends a command with the shell's own code for it."""

    def interrupt(*_: object) -> Never:
        raise KeyboardInterrupt

    monkeypatch.setattr(check, "appoint", interrupt)
    done = newcomer.run("check", "hello")
    assert done.exit_code == 128 + signal.SIGINT and "Traceback" not in done.output


def test_a_reader_that_leaves_is_no_traceback(newcomer: Operator, tmp_path: Path) -> None:
    """`moderation score FILE | head -1` ends quietly."""
    corpus = tmp_path / "many.csv"
    corpus.write_text("text\n" + "hello there\n" * 5_000)
    with subprocess.Popen(
        [sys.executable, "-m", "moderation", "score", str(corpus)],
        env={**os.environ, **newcomer.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as scoring:
        assert scoring.stdout and scoring.stderr
        assert scoring.stdout.readline() == b"id,probability,verdict,reasons\n"
        scoring.stdout.close()
        assert scoring.stderr.read() == b""


def test_settings_that_cannot_be_used_are_named(newcomer: Operator) -> None:
    """A wrong variable is told by its name, with exit code 2."""
    done = Operator(newcomer.environment | {"PORT": "many"}).run("init")
    assert done.exit_code == 2 and "PORT" in done.stderr


@pytest.mark.parametrize("arguments", [("score", "nowhere.csv"), ("score", "."), ("train", "nowhere.csv")])
def test_a_missing_file_is_a_usage_error(newcomer: Operator, arguments: tuple[str, ...]) -> None:
    """A wrong path, or a folder in the place of a file, is exit code 2."""
    assert newcomer.run(*arguments).exit_code == 2


def test_a_folder_that_is_not_there_is_a_usage_error(newcomer: Operator, tmp_path: Path) -> None:
    """An output that cannot be written is named as it was given."""
    (tmp_path / "in.csv").write_text("text\nhello\n")
    done = newcomer.run("score", tmp_path / "in.csv", "--output", tmp_path / "no" / "out.csv")
    assert done.exit_code == 2 and str(tmp_path / "no" / "out.csv") in done.stderr


def test_it_is_a_click_command() -> None:
    """The console script and `python -m moderation` call the same command."""
    assert isinstance(program, click.Group)
    done = subprocess.run([sys.executable, "-m", "moderation", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("moderation, version ")
