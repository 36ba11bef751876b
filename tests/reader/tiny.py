"""A tiny reader with random weights, and base weights of its size as files."""

import json
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from moderation.reader.language_model import VOCABULARY
from moderation.reader.network import Network, NetworkSizes, quantize
from moderation.scoring.second_reader import Doubt

WORDS = "buy cheap shoes thanks for the good post link casino and this helped me very much".split()
LETTERS = [*string.ascii_lowercase, *string.digits, *string.punctuation]
PIECES = list(
    dict.fromkeys(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *LETTERS, *[f"##{letter}" for letter in LETTERS], *WORDS])
)
SIZES = NetworkSizes(layers=2, width=16, heads=2, inner=32, pieces=len(PIECES))
EVERYWHERE = Doubt(1.0, 0.0, 3.0, 5.0, -50.0, 50.0)
"""Asked about each comment."""


def tiny_network(seed: int = 1) -> Network:
    """Return a network of random weights."""
    rng = np.random.default_rng(seed)
    floats = {name: rng.normal(0, 0.5, shape).astype(np.float32) for name, shape in SIZES.floats().items()}
    matrices = {}
    for name, shape in SIZES.matrices().items():
        weights = rng.normal(0, 0.5, shape).astype(np.float32)
        matrices[name], floats[f"{name}_scale"] = quantize(weights, axis=1)
    return Network(SIZES, matrices, floats)


def tiny_values(seed: int = 1, change: Callable[[dict[str, Any]], Any] = lambda _: None) -> dict[str, Any]:
    """Return the values of a reader's file, changed by a function."""
    values = tiny_network(seed).values() | {VOCABULARY: "\n".join(PIECES)}
    change(values)
    return values


def write_pretrained(folder: Path) -> Path:
    """Write base weights as a package of them has them, and return the folder."""
    from safetensors.numpy import save_file

    rng = np.random.default_rng(0)
    shapes = {
        "embeddings.word_embeddings.weight": (len(PIECES), 16),
        "embeddings.position_embeddings.weight": (128, 16),
        "embeddings.token_type_embeddings.weight": (2, 16),
        **_pair("embeddings.LayerNorm", (16,)),
    }
    for layer in range(2):
        prefix = f"encoder.layer.{layer}"
        for part in ("query", "key", "value"):
            shapes |= _pair(f"{prefix}.attention.self.{part}", (16, 16))
        shapes |= _pair(f"{prefix}.attention.output.dense", (16, 16))
        shapes |= _pair(f"{prefix}.attention.output.LayerNorm", (16,))
        shapes |= _pair(f"{prefix}.intermediate.dense", (32, 16))
        shapes |= _pair(f"{prefix}.output.dense", (16, 32))
        shapes |= _pair(f"{prefix}.output.LayerNorm", (16,))
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: rng.normal(0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}
    save_file(weights, folder / "model.safetensors")
    config = {
        "num_hidden_layers": 2,
        "hidden_size": 16,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "vocab_size": len(PIECES),
    }
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    (folder / "vocab.txt").write_text("\n".join(PIECES) + "\n", "utf-8")
    return folder


def _pair(name: str, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
