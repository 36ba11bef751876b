"""The live model stays in service, and other models can be found by id."""

from pathlib import Path

import pytest

from moderation.domain.errors import ModelUnavailable
from moderation.registry.live_model import LiveModel
from moderation.registry.model_registry import ModelRegistry
from moderation.scoring.model import Model
from tests.models import small_arrays, small_card


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids that were loaded from a registry, in order."""
    ids: list[str] = []
    load = ModelRegistry.load

    def recorded(registry: ModelRegistry, model_id: str) -> Model:
        ids.append(model_id)
        return load(registry, model_id)

    monkeypatch.setattr(ModelRegistry, "load", recorded)
    return ids


def test_a_damaged_model_does_not_replace_the_loaded_one(registry: ModelRegistry) -> None:
    """A truncated or swapped file is refused by its checksum, and the loaded model stays in service."""
    live = LiveModel(registry)
    assert live.current().id == "small"
    registry.add({**small_arrays(), "bias": 1.5}, small_card("other"))
    other = registry.folder / "other" / "model.joblib"
    other.write_bytes(other.read_bytes()[:-100])
    with pytest.raises(ModelUnavailable, match="truncated, altered or swapped"):
        registry.promote("other")
    registry.current_file.write_text("other\nsmall\n", "utf-8")
    assert live.current().id == "small"
    assert live.load_error is not None
    other.write_bytes((registry.folder / "small" / "model.joblib").read_bytes())
    with pytest.raises(ModelUnavailable, match="truncated, altered or swapped"):
        registry.load("other")


def test_find_returns_the_live_model_and_any_other_that_loads(registry: ModelRegistry) -> None:
    """The live model is the loaded object; another one is loaded once."""
    registry.add({**small_arrays(), "bias": 1.5}, small_card("other"))
    live = LiveModel(registry)
    assert live.find("small") is live.current()
    other = live.find("other")
    assert other is not None and (other.id, other.bias) == ("other", 1.5)
    assert live.find("other") is other


def test_find_returns_none_for_a_model_that_is_missing_or_damaged(registry: ModelRegistry) -> None:
    """A decision may be older than its model. Neither a missing nor a damaged model is replaced by another one."""
    registry.add(small_arrays(), small_card("damaged"))
    (registry.folder / "damaged" / "model.joblib").write_bytes(b"nonsense")
    live = LiveModel(registry)
    assert [live.find(model_id) for model_id in ("missing", "damaged", "../small", "", "\0")] == [None] * 5


def test_the_last_few_other_models_stay_loaded(registry: ModelRegistry, loads: list[str]) -> None:
    """The decisions of one page of the queue may be of several retired models, in any order."""
    others = ["a", "b", "c", "d"]
    for model_id in others:
        registry.add(small_arrays(), small_card(model_id))
    live = LiveModel(registry)
    live.get()
    loads.clear()
    found = [live.find(model_id) for model_id in others * 5]
    assert loads == others and found[:4] == found[4:8] and None not in found


def test_a_failure_is_repeated_only_after_the_files_changed(registry: ModelRegistry, loads: list[str]) -> None:
    """A damaged model on a page is read once; a repaired one is found without a restart."""
    registry.add(small_arrays(), small_card("other"))
    file = registry.folder / "other" / "model.joblib"
    intact = file.read_bytes()
    file.write_bytes(intact[:-100])
    live = LiveModel(registry)
    assert [live.find("other") for _ in range(20)] == [None] * 20 and loads.count("other") == 1
    file.write_bytes(intact)
    assert live.find("other") is not None


def test_find_returns_a_model_that_is_added_later(registry: ModelRegistry) -> None:
    """A missing model is looked for each time."""
    live = LiveModel(registry)
    assert live.find("other") is None
    registry.add(small_arrays(), small_card("other"))
    assert live.find("other") is not None


def test_find_needs_no_live_model(tmp_path: Path) -> None:
    """The model of an old decision loads even if the live one does not."""
    registry = ModelRegistry(tmp_path)
    live = LiveModel(registry)
    assert live.get() is None and live.find("small") is None
    registry.add(small_arrays(), small_card())
    assert live.find("small") is not None
