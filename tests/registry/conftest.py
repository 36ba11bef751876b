"""A registry for each test, because these tests add to it and damage it."""

from pathlib import Path

import pytest

from moderation.registry.model_registry import ModelRegistry
from tests.models import small_model_registry


@pytest.fixture
def registry(tmp_path: Path) -> ModelRegistry:
    """A registry whose live model is the small one."""
    return small_model_registry(tmp_path / "models")
