"""An operator at a terminal: commands run with their own settings, on the small model."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from moderation.cli import main
from moderation.registry.model_registry import ModelRegistry
from moderation.settings import Settings


@dataclass(frozen=True)
class Operator:
    """Runs commands, which read their settings from `environment`."""

    environment: dict[str, str]

    def run(self, *arguments: str | Path, stdin: str | bytes | None = None) -> Result:
        """Return the result of a command. Raises an exception that the command did not handle."""
        runner = CliRunner(env=self.environment)
        return runner.invoke(main, [str(argument) for argument in arguments], input=stdin, catch_exceptions=False)

    def get(self, *arguments: str | Path, stdin: str | bytes | None = None) -> str:
        """Return the stdout of a command that must succeed."""
        result = self.run(*arguments, stdin=stdin)
        assert result.exit_code == 0, result.output
        return result.stdout

    def get_json(self, *arguments: str | Path) -> Any:
        """Return the JSON of a command that must succeed."""
        return json.loads(self.get(*arguments, "--json"))


@pytest.fixture(autouse=True)
def _no_inherited_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the variables of whoever runs the tests: a command would read them as its settings."""
    for name in [name for name in os.environ if name.startswith("MODERATION_")]:
        monkeypatch.delenv(name)


def environment_of(settings: Settings) -> dict[str, str]:
    return {
        "MODERATION_VAR": str(settings.var),
        "MODERATION_MODELS": str(settings.models),
        "MODERATION_DATABASE_URL": settings.database_url,
        "MODERATION_AUDIT_SHARE": "0",
        "HOST": "127.0.0.1",
        "PORT": "8000",
    }


@pytest.fixture
def newcomer(settings: Settings) -> Operator:
    """An operator before `moderation init`."""
    return Operator(environment_of(settings))


@pytest.fixture
def operator(newcomer: Operator, migrated_settings: Settings) -> Operator:
    """An operator after `moderation init`, with the site https://blog.example and the moderator `moderator`."""
    newcomer.get("init")
    return newcomer


@pytest.fixture
def own_registry(tmp_path: Path, registry: ModelRegistry) -> Path:
    """A registry that the test may change; the small model is live."""
    folder = tmp_path / "own"
    for file in ("small/model.joblib", "small/card.json", "current"):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes((registry.folder / file).read_bytes())
    return folder


@pytest.fixture
def trainer(newcomer: Operator, own_registry: Path) -> Operator:
    """An operator with their own registry and no database."""
    return Operator(newcomer.environment | {"MODERATION_MODELS": str(own_registry)})
