"""The shadow candidate of a registry: named by a file, and never live by that."""

from pathlib import Path

import pytest

from moderation.domain.errors import ModelUnavailable, NotFound
from moderation.registry.model_registry import ModelRegistry
from tests.models import small_arrays, small_card


def test_a_candidate_is_named_and_forgotten(registry: ModelRegistry) -> None:
    """The live model stays."""
    registry.add(small_arrays(), small_card("a"))
    assert registry.shadow_id() is None
    registry.set_shadow("a")
    assert (registry.shadow_id(), registry.current_id()) == ("a", "small")
    registry.set_shadow(None)
    registry.set_shadow(None)
    assert registry.shadow_id() is None


def test_a_candidate_has_to_be_a_model(registry: ModelRegistry) -> None:
    """Else the operator would wait for counts that never come."""
    with pytest.raises(NotFound):
        registry.set_shadow("none")
    registry.add(small_arrays(), small_card("a"))
    Path(registry.folder / "a" / "model.joblib").write_bytes(b"")
    with pytest.raises(ModelUnavailable):
        registry.set_shadow("a")
    assert registry.shadow_id() is None
