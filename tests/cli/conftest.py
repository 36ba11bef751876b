"""An operator at a terminal: commands run on settings of their own, over the small model."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from moderation.cli import main
from moderation.registry.shelf import Shelf
from moderation.settings import Settings


@dataclass(frozen=True)
class Operator:
    """Runs commands. `environment` is what they read their settings from."""

    environment: dict[str, str]

    def run(self, *arguments: str | Path, typed: str | None = None) -> Result:
        """The outcome of a command, whatever it is; an exception that nobody expected is raised."""
        runner = CliRunner(env=self.environment)
        return runner.invoke(main, [str(argument) for argument in arguments], input=typed, catch_exceptions=False)

    def get(self, *arguments: str | Path, typed: str | None = None) -> str:
        """What a command printed that must succeed."""
        done = self.run(*arguments, typed=typed)
        assert done.exit_code == 0, done.output
        return done.stdout

    def get_json(self, *arguments: str | Path) -> Any:
        return json.loads(self.get(*arguments, "--json"))


def environment_of(settings: Settings) -> dict[str, str]:
    return {
        "MODERATION_VAR": str(settings.var),
        "MODERATION_MODELS": str(settings.models),
        "MODERATION_DATABASE_URL": "",
        "HOST": "127.0.0.1",
        "PORT": "8000",
    }


@pytest.fixture
def newcomer(settings: Settings) -> Operator:
    """An operator who has not run `moderation init` yet."""
    return Operator(environment_of(settings))


@pytest.fixture
def operator(newcomer: Operator) -> Operator:
    """An operator whose database is made: https://blog.example and the moderator `moderator` are there."""
    newcomer.get("init")
    return newcomer


@pytest.fixture
def own_shelf(tmp_path: Path, shelf: Shelf) -> Path:
    """A folder of models that the test may change; the small one is live."""
    folder = tmp_path / "own"
    for file in ("small/model.joblib", "small/card.json", "current"):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes((shelf.folder / file).read_bytes())
    return folder


@pytest.fixture
def trainer(newcomer: Operator, own_shelf: Path) -> Operator:
    """An operator with a shelf of their own and no database."""
    return Operator(newcomer.environment | {"MODERATION_MODELS": str(own_shelf)})
