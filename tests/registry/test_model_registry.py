"""Models are stored completely, promoted atomically and rolled back."""

from pathlib import Path

import numpy as np
import pytest

from moderation.domain.errors import Conflict, InvalidInput, ModelUnavailable, NotFound
from moderation.registry.live_model import LiveModel
from moderation.registry.model_registry import ModelRegistry
from tests.models import small_arrays, small_card


def test_a_stored_model_loads_unchanged(registry: ModelRegistry) -> None:
    """The weights and the thresholds of the card come back."""
    model = registry.load("small")
    assert np.array_equal(model.weights, small_arrays()["weights"])
    assert registry.card("small").thresholds == model.thresholds


def test_a_running_server_follows_promotion_and_rollback(registry: ModelRegistry) -> None:
    """The next comment is scored by the promoted model, and after a rollback by the previous one."""
    live = LiveModel(registry)
    registry.add({**small_arrays(), "bias": 1.5}, small_card("other"))
    assert live.current().id == "small"
    registry.promote("other")
    assert live.current().id == "other"
    assert registry.rollback() == "small"
    assert live.current().id == "small"
    with pytest.raises(NotFound, match="no earlier model"):
        registry.rollback()


def test_promoting_the_live_model_keeps_the_history(registry: ModelRegistry) -> None:
    """A second promotion of the same model does not make it its own predecessor."""
    registry.add({**small_arrays(), "bias": 1.5}, small_card("other"))
    registry.promote("other")
    registry.promote("other")
    assert registry.rollback() == "small"


def test_an_empty_registry_names_the_next_command(tmp_path: Path) -> None:
    """Without a model, the errors name the commands that help."""
    with pytest.raises(ModelUnavailable, match="moderation promote"):
        LiveModel(ModelRegistry(tmp_path)).current()
    with pytest.raises(NotFound, match="moderation train"):
        ModelRegistry(tmp_path).card("none")


@pytest.mark.parametrize("model_id", ["../small", "a/b", "", ".hidden", "A", "a" * 65])
def test_an_id_is_never_a_path(registry: ModelRegistry, model_id: str) -> None:
    """Ids that could leave the folder are invalid, and so are ids that other systems would change."""
    with pytest.raises(InvalidInput):
        registry.load(model_id)
    with pytest.raises(InvalidInput):
        registry.check_can_add(model_id)


def test_a_model_is_never_overwritten(registry: ModelRegistry) -> None:
    """An id that is taken is a conflict."""
    with pytest.raises(Conflict):
        registry.add(small_arrays(), small_card())


def test_a_failed_write_leaves_no_trace(registry: ModelRegistry) -> None:
    """Arrays that cannot be pickled add neither a model nor a draft."""
    files = sorted(registry.folder.rglob("*"))
    with pytest.raises(TypeError):
        registry.add({"weights": (number for number in range(3))}, small_card("broken"))
    assert sorted(registry.folder.rglob("*")) == files


def test_a_folder_that_is_not_writable_is_named(tmp_path: Path) -> None:
    """The check before a fit writes: permission bits do not show a full or read-only disk."""
    blocked = tmp_path / "models"
    blocked.write_text("a file where the folder should be")
    for folder in (blocked, Path("/proc/self")):
        with pytest.raises(InvalidInput, match=f"cannot be written to {folder}: .*MODERATION_MODELS"):
            ModelRegistry(folder).check_can_add("mine")


def test_the_check_for_writing_leaves_nothing_behind(registry: ModelRegistry) -> None:
    """No draft remains of a check that succeeds."""
    files = sorted(registry.folder.rglob("*"))
    registry.check_can_add("mine")
    assert sorted(registry.folder.rglob("*")) == files
