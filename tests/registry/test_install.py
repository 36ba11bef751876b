"""A registry takes the models of the package over."""

from pathlib import Path

import pytest

from moderation.registry.model_registry import ModelRegistry
from tests.models import small_arrays, small_card, small_model_registry


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Two models in the folder of a package, none of them named as live, and a folder without a card."""
    registry = ModelRegistry(tmp_path / "package")
    for name in ("default-1", "default-2"):
        registry.add(small_arrays(), small_card(name))
    (registry.folder / "default-3").mkdir()
    return registry.folder


def test_an_empty_registry_takes_the_newest_model_live(package: Path, tmp_path: Path) -> None:
    """The copies load, the newest is live, and no draft stays behind."""
    registry = ModelRegistry(tmp_path / "state" / "models")
    registry.install(package)
    assert registry.current_id() == "default-2"
    assert registry.load("default-1").id == "default-1"
    assert sorted(path.name for path in registry.folder.iterdir()) == ["current", "default-1", "default-2"]


def test_a_live_model_stays_live(package: Path, tmp_path: Path) -> None:
    """After an upgrade the new default can be promoted; until then the sites keep the model they are calibrated for."""
    registry = small_model_registry(tmp_path / "models")
    registry.install(package)
    assert registry.current_id() == "small"
    assert registry.ids() == ["default-1", "default-2", "small"]


def test_installing_again_changes_nothing(package: Path, tmp_path: Path) -> None:
    """A model that is there is not written again, even if its files were changed."""
    registry = ModelRegistry(tmp_path / "models")
    registry.install(package)
    (registry.folder / "default-1" / "card.json").write_text("changed", "utf-8")
    registry.install(package)
    assert (registry.folder / "default-1" / "card.json").read_text("utf-8") == "changed"


def test_models_of_a_read_only_package_are_installed(package: Path, tmp_path: Path) -> None:
    """The copies can be renamed, and replaced later."""
    folders = [package / "default-1", package / "default-2"]
    for folder in folders:
        folder.chmod(0o555)
    registry = ModelRegistry(tmp_path / "models")
    try:
        registry.install(package)
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert [(registry.folder / name).stat().st_mode & 0o777 for name in registry.ids()] == [0o755, 0o755]
