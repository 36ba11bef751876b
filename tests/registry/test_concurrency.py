"""Several commands change one registry at once, and some are killed."""

import random
import signal
import subprocess
import sys
from itertools import chain
from pathlib import Path
from time import sleep

import pytest

from moderation.domain.errors import Conflict
from moderation.registry import model_registry
from moderation.registry.live_model import LiveModel
from moderation.registry.model_registry import ModelRegistry
from tests.models import small_arrays, small_card

_CHANGE_FOREVER = """
import itertools, sys
from pathlib import Path
from moderation.registry.model_registry import ModelRegistry
registry = ModelRegistry(Path(sys.argv[1]))
print("ready", flush=True)
for number in itertools.count():
    registry.promote(("a", "b")[number % 2])
"""
_PROMOTE_ALL = """
import sys
from pathlib import Path
from moderation.registry.model_registry import ModelRegistry
registry = ModelRegistry(Path(sys.argv[1]))
for model_id in sys.argv[2:]:
    registry.promote(model_id)
"""


@pytest.fixture
def models(registry: ModelRegistry) -> ModelRegistry:
    """The registry with two more models, a and b."""
    for model_id in ("a", "b"):
        registry.add(small_arrays(), small_card(model_id))
    return registry


def test_no_promotion_of_several_at_once_is_lost(registry: ModelRegistry) -> None:
    """Four processes promote four models each; rollbacks go back through all of them to the first model."""
    names = [[f"{process}{number}" for number in range(4)] for process in "abcd"]
    for name in chain.from_iterable(names):
        registry.add(small_arrays(), small_card(name))
    processes = [
        subprocess.Popen([sys.executable, "-c", _PROMOTE_ALL, str(registry.folder), *own_names]) for own_names in names
    ]
    assert [process.wait(60) for process in processes] == [0] * 4
    passed = [registry.current_id(), *(registry.rollback() for _ in range(16))]
    assert passed[-1] == "small" and sorted(map(str, passed[:-1])) == list(chain.from_iterable(names))


def test_a_killed_promotion_leaves_a_valid_registry(models: ModelRegistry) -> None:
    """Whenever the kill comes, one of the models is live, the next command is not blocked, and no draft stays."""
    for _ in range(5):
        command = [sys.executable, "-c", _CHANGE_FOREVER, str(models.folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None and process.stdout.readline() == b"ready\n"
            sleep(random.uniform(0.0, 0.05))
            process.send_signal(signal.SIGKILL)
        assert LiveModel(models).current().id in {"small", "a", "b"}
        models.promote("small")
        assert models.current_id() == "small"
    assert sorted(path.name for path in models.folder.iterdir()) == ["a", "b", "current", "small"]


def test_the_next_change_removes_the_draft_of_a_killed_one(models: ModelRegistry) -> None:
    """Also a change that writes nothing, as the model is live already."""
    (models.folder / ".current").write_text("a\n")
    models.promote("small")
    assert sorted(path.name for path in models.folder.iterdir()) == ["a", "b", "current", "small"]


def test_a_change_does_not_wait_forever(models: ModelRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stopped command that holds the lock is named after a while; nothing has changed by then."""
    monkeypatch.setattr(model_registry, "LOCK_TIMEOUT_SECONDS", 0.05)
    with models.locked():
        for change in (
            lambda: models.promote("a"),
            models.rollback,
            lambda: models.add(small_arrays(), small_card("c")),
        ):
            with pytest.raises(Conflict, match="Another command is changing the models"):
                change()
    assert models.current_id() == "small" and models.ids() == ["a", "b", "small"]


def test_a_comparison_with_a_former_model_promotes_nothing(models: ModelRegistry) -> None:
    """Between the comparison and the promotion another model may have gone live, which nobody compared."""
    models.promote("a")
    with pytest.raises(Conflict, match="a became the live model during the comparison"):
        models.promote("b", compared_with="small")
    models.promote("b", compared_with="a")
    assert models.current_id() == "b"


def test_a_model_that_was_copied_while_it_was_loaded_goes_live(
    models: ModelRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A truncated file is refused and the former model serves; once the file is whole, the promoted model serves."""
    live = LiveModel(models)
    assert live.current().id == "small"
    file = models.folder / "a" / "model.joblib"
    whole = file.read_bytes()
    models.promote("a")
    file.write_bytes(whole[:1000])
    assert live.current().id == "small" and "truncated" in (live.load_error or "")
    file.write_bytes(whole)
    assert live.current().id == "small"
    monkeypatch.setattr(live, "_next_attempt", 0.0)
    assert live.current().id == "a" and live.load_error is None


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"../small\n", b"x" * 100_000, b"small\x00\n"])
def test_a_damaged_list_of_live_models_keeps_the_former_model(models: ModelRegistry, content: bytes) -> None:
    """The file `current` may be edited by hand, with any editor."""
    live = LiveModel(models)
    assert live.current().id == "small"
    Path(models.current_file).write_bytes(content)
    assert live.current().id == "small" and live.load_error
