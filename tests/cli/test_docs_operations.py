"""docs/operations.md quotes sentences, events and names of the code, and its commands work."""

import ast
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from moderation.cli.program import COMMANDS
from moderation.settings import Settings
from tests.cli.conftest import Operator
from tests.e2e.service import ROOT

PAGE = (ROOT / "docs" / "operations.md").read_text("utf-8")
MIN_LITERAL_LENGTH = 15


@cache
def constants() -> set[str]:
    """Return all strings of the code."""
    nodes = (node for tree in trees() for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return {node.value for node in nodes if isinstance(node.value, str)}


def trees() -> Iterator[ast.Module]:
    for path in (ROOT / "moderation").rglob("*.py"):
        yield ast.parse(path.read_text("utf-8"))


def sentences() -> Iterator[re.Pattern[str]]:
    """Yield a pattern for each sentence of the code. A formatted value stands for any text."""
    yield from (re.compile(re.escape(text)) for text in constants() if len(text) >= MIN_LITERAL_LENGTH)
    formatted = (node for tree in trees() for node in ast.walk(tree) if isinstance(node, ast.JoinedStr))
    for node in formatted:
        parts = [str(part.value) if isinstance(part, ast.Constant) else None for part in node.values]
        if sum(len(part or "") for part in parts) >= MIN_LITERAL_LENGTH:
            yield re.compile("".join(".+" if part is None else re.escape(part) for part in parts))


def test_every_quoted_sentence_is_one_of_the_code() -> None:
    """Operators search for the sentence that they see."""
    quoted = re.findall(r"^> (.+)$", PAGE, re.MULTILINE)
    patterns = list(sentences())
    assert len(quoted) >= 12
    assert [text for text in quoted if not any(pattern.fullmatch(text) for pattern in patterns)] == []


def test_events_and_metrics_exist() -> None:
    """The names that an alarm is set on."""
    names = re.findall(
        r"the event `([a-z ]+)`|log has `([a-z ]+)`|`(moderation_[a-z_]+?)(?:_total)?(?:\{\w+\})?`", PAGE
    )
    found = {name for groups in names for name in groups if name}
    assert {"unavailable", "callback failed", "moderation_unavailable"} <= found <= constants()


def test_commands_and_settings_exist() -> None:
    """Each command of the page is one, and so is each variable."""
    commands = set(re.findall(r"(?:`|^|\* |trial/models )moderation ([a-z]+)", PAGE, re.MULTILINE))
    variables = {f"MODERATION_{name.upper()}" for name in Settings.model_fields}
    assert {"backup", "restore", "doctor", "init"} <= commands <= set(COMMANDS)
    assert set(re.findall(r"MODERATION_[A-Z_]+", PAGE)) <= variables


def trial_commands(folder: Path) -> Iterator[tuple[dict[str, str], list[str]]]:
    """Yield environment and arguments of the commands of the page's trial, with its paths in a folder."""
    (block,) = re.findall(r"```sh\n(MODERATION_VAR=.*?)```", PAGE, re.DOTALL)
    for line in block.replace("/tmp/trial", str(folder / "trial")).replace("/backups", str(folder)).splitlines():
        words = shlex.split(line)
        start = words.index("moderation")
        yield dict(word.split("=", 1) for word in words[:start]), words[start + 1 :]


@pytest.mark.sqlite("it restores a database file")
def test_the_trial_of_a_restore_works(operator: Operator, own_registry: Path, tmp_path: Path) -> None:
    """The commands of the page restore a backup into an empty folder, and the doctor has nothing to say."""
    keeper = Operator(operator.environment | {"MODERATION_MODELS": str(own_registry)})
    keeper.get("backup", tmp_path / "moderation-1.tar")
    for environment, arguments in trial_commands(tmp_path):
        shown = Operator(keeper.environment | environment).get(*arguments)
    assert {line.split()[0] for line in shown.splitlines()} == {"ok"}
