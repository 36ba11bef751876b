"""The command `moderation`: its help, its start-up time, its exit codes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Never

import click
import pytest

from moderation.cli import judging
from moderation.cli import main as program
from moderation.cli.program import COMMANDS
from moderation.domain.errors import ERROR_MAPPINGS, ModerationError
from tests.cli.conftest import Operator

HEAVY_LIBRARIES = ("numpy", "pandas", "sklearn", "sqlalchemy", "alembic", "flask", "granian", "pydantic")


def test_the_help_names_every_command(newcomer: Operator) -> None:
    """`--help` lists each command with its sentence, and each command has its own help."""
    shown = " ".join(newcomer.get("--help").split())
    for name, (_, sentence) in COMMANDS.items():
        assert f"{name} {sentence}" in shown
        assert "Usage:" in newcomer.get(name, "--help")


def test_the_help_imports_no_large_library() -> None:
    """`moderation --help` answers at once."""
    code = f"""
import sys
from moderation.cli import main
main(["--help"], standalone_mode=False)
print(sorted(set({HEAVY_LIBRARIES!r}) & set(sys.modules)), file=sys.stderr)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stderr.strip() == "[]"


def commands(group: click.Group, *names: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command below a group with its names."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, *names, name)
        else:
            yield (*names, name), command


def test_no_message_repeats_a_long_argument(newcomer: Operator) -> None:
    """Whichever command, argument or option it is, no control character of it reaches the terminal."""
    hostile = "\x1b[2J" + "x" * 10_000
    calls = [[hostile]]
    for names, command in commands(program):
        arguments = [hostile for parameter in command.params if isinstance(parameter, click.Argument)]
        options = [(name.opts[-1], hostile) for name in command.params if isinstance(name, click.Option)]
        calls += [[*names, *arguments], [*names, *arguments, *chain(*options)], [*names, f"--{hostile}"]]
    for call in calls:
        if call[0] not in ("serve", "init", "doctor") or hostile in call:
            result = newcomer.run(*call)
            shown = result.stdout + result.stderr
            assert result.exit_code in (0, 2, 3, 4, 5, 6) and len(shown) < 3_000 and "\x1b" not in shown, call[:2]


def test_an_unknown_command_is_a_usage_error(newcomer: Operator) -> None:
    """A typing error has exit code 2."""
    assert newcomer.run("srve").exit_code == 2


@pytest.mark.parametrize("kind", list(ERROR_MAPPINGS))
def test_each_error_has_its_exit_code(
    kind: type[ModerationError], newcomer: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error is one sentence on stderr, with the exit code of the table."""

    def fail(*_: object, **__: object) -> Never:
        raise kind("This is why.")

    monkeypatch.setattr(judging, "judge", fail)
    result = newcomer.run("check", "hello")
    assert (result.exit_code, result.stderr, result.stdout) == (
        ERROR_MAPPINGS[kind].exit_code,
        "Error: This is why.\n",
        "",
    )


def test_an_interrupt_is_no_traceback(newcomer: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends a command with the exit code that shells use."""

    def interrupt(*_: object, **__: object) -> Never:
        raise KeyboardInterrupt

    monkeypatch.setattr(judging, "judge", interrupt)
    result = newcomer.run("check", "hello")
    assert result.exit_code == 128 + signal.SIGINT and "Traceback" not in result.output


def test_a_closed_pipe_is_no_traceback(newcomer: Operator, tmp_path: Path) -> None:
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


def test_invalid_settings_are_named(newcomer: Operator) -> None:
    """An invalid variable is named, with exit code 2."""
    result = Operator(newcomer.environment | {"PORT": "many"}).run("init")
    assert result.exit_code == 2 and "PORT" in result.stderr


@pytest.mark.parametrize("arguments", [("score", "nowhere.csv"), ("score", "."), ("train", "nowhere.csv")])
def test_a_missing_file_is_a_usage_error(newcomer: Operator, arguments: tuple[str, ...]) -> None:
    """A wrong path, or a folder instead of a file, has exit code 2."""
    assert newcomer.run(*arguments).exit_code == 2


def test_a_missing_output_folder_is_a_usage_error(newcomer: Operator, tmp_path: Path) -> None:
    """An output that cannot be written is named with its path."""
    (tmp_path / "in.csv").write_text("text\nhello\n")
    result = newcomer.run("score", tmp_path / "in.csv", "--output", tmp_path / "no" / "out.csv")
    assert result.exit_code == 2 and str(tmp_path / "no" / "out.csv") in result.stderr


def test_it_is_a_click_command() -> None:
    """The console script and `python -m moderation` call the same command."""
    assert isinstance(program, click.Group)
    result = subprocess.run(
        [sys.executable, "-m", "moderation", "--version"], capture_output=True, text=True, check=True
    )
    assert result.stdout.startswith("moderation, version ")


def test_hostile_text_cannot_steer_the_terminal(operator: Operator, tmp_path: Path) -> None:
    """Control and bidirectional characters in errors, notices and results are shown as their code points."""
    hostile = "\x1b[2J\u202eevil"
    (tmp_path / "in.csv").write_text(f"text,label,{hostile}\nhello,ham,x\n", encoding="utf-8")
    results = [
        operator.run("site", "remove", f"https://{hostile}.example"),
        operator.run("moderator", "remove", hostile),
        operator.run("labels", "import", tmp_path / "in.csv", "--site", "https://blog.example"),
        operator.run("models", "show", hostile),
        operator.run("check", f"buy {hostile} casino bonus", "--author", hostile),
    ]
    assert [result.output for result in results if set("\x1b\u202e") & set(result.output)] == []
