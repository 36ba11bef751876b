"""The weights from which a reader's training starts are those of the recipe, and others are refused in a sentence."""

from pathlib import Path

import pytest

from moderation.domain.errors import InvalidInput
from moderation.training.reader.pretrained import PretrainedWeights
from moderation.training.reader.recipe import ReaderRecipe
from tests.models import STARTER
from tests.reader.tiny import write_pretrained


def test_the_installed_weights_are_those_of_the_recipe() -> None:
    """The extra brings them."""
    weights = PretrainedWeights.installed()
    assert weights.digest == ReaderRecipe.from_file(STARTER.with_name("reader-recipe.toml")).base_digest
    assert (weights.sizes.layers, weights.sizes.width, len(weights.vocabulary)) == (6, 384, 30_522)


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
