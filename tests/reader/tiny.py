"""A tiny reader with random weights, and base weights of its size as files."""

import json
import string
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from moderation.reader.language_model import vocabulary_values
from moderation.reader.network import Network, NetworkSizes, quantize
from moderation.reader.tokens import Vocabulary
from moderation.scoring.second_reader import Doubt

WORDS = "buy cheap shoes thanks for the good post link casino and this helped me very much".split()
LETTERS = [*string.ascii_letters, *string.digits, *string.punctuation]
PIECES = list(
    dict.fromkeys(["<s>", "<pad>", "</s>", "<unk>", "\u2581", *LETTERS, *WORDS, *[f"\u2581{word}" for word in WORDS]])
)
VOCABULARY = Vocabulary(PIECES, np.array([-3.0 if len(piece) < 3 else -5.0 for piece in PIECES], np.float32))
"""A whole word is likelier than its letters."""
SIZES = NetworkSizes(layers=2, width=32, heads=2, inner=64, pieces=len(PIECES))
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
    values = tiny_network(seed).values() | vocabulary_values(VOCABULARY)
    change(values)
    return values


def write_pretrained(folder: Path) -> Path:
    """Write base weights as they are published, and return the folder."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    save_file(_weights(), folder / "model.safetensors")
    config = {
        "num_hidden_layers": SIZES.layers,
        "hidden_size": SIZES.width,
        "num_attention_heads": SIZES.heads,
        "intermediate_size": SIZES.inner,
        "vocab_size": SIZES.pieces,
    }
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    vocabulary = list(zip(PIECES, VOCABULARY.scores.tolist(), strict=True))
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"type": "Unigram", "vocab": vocabulary}}), "utf-8")
    return folder


def packed_weights() -> bytes:
    """Return the same weights as a packed file: four bits a weight, and rows of words that belong to no piece."""
    texts = [piece.encode() for piece in PIECES]
    offsets = np.cumsum([0, *map(len, texts)]).astype("<u4")
    padding = 3
    sizes = (SIZES.width, SIZES.layers, SIZES.heads, SIZES.inner, SIZES.pieces + padding, 128, 2)
    head = struct.pack("<4sI7ifi", b"E5S1", 1, *sizes, 1e-12, 32)
    head += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, sum(map(len, texts)))
    head += offsets.tobytes() + VOCABULARY.scores.astype("<f4").tobytes() + b"".join(texts)
    head += struct.pack("<iI", 1, 9) + struct.pack("<IBI", 0x00E9, 1, 0x0065)
    arrays = {_packed_name(name): array for name, array in _weights().items()}
    arrays["emb.word"] = np.pad(arrays["emb.word"], ((0, padding), (0, 0)), mode="edge")
    contents = {name: _packed(name, array) for name, array in arrays.items()}
    start = len(head) + 4 + sum(2 + len(name) + 21 for name in contents)
    directory = struct.pack("<i", len(contents))
    for name, content in contents.items():
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", _is_packed(name), arrays[name].size, start, len(content))
        start += len(content)
    return head + directory + b"".join(contents.values())


def _weights() -> dict[str, Any]:
    """Return random base weights under the names of BERT."""
    rng, width, inner = np.random.default_rng(0), SIZES.width, SIZES.inner
    shapes = {
        "embeddings.word_embeddings.weight": (SIZES.pieces, width),
        "embeddings.position_embeddings.weight": (128, width),
        "embeddings.token_type_embeddings.weight": (2, width),
        **_pair("embeddings.LayerNorm", (width,)),
    }
    for layer in range(SIZES.layers):
        prefix = f"encoder.layer.{layer}"
        for part in ("query", "key", "value"):
            shapes |= _pair(f"{prefix}.attention.self.{part}", (width, width))
        shapes |= _pair(f"{prefix}.attention.output.dense", (width, width))
        shapes |= _pair(f"{prefix}.attention.output.LayerNorm", (width,))
        shapes |= _pair(f"{prefix}.intermediate.dense", (inner, width))
        shapes |= _pair(f"{prefix}.output.dense", (width, inner))
        shapes |= _pair(f"{prefix}.output.LayerNorm", (width,))
    return {name: rng.normal(0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}


def _pair(name: str, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}


def _packed_name(name: str) -> str:
    """Return the name of an array in a packed file."""
    if name.startswith("embeddings."):
        known = {"word_embeddings.weight": "word", "position_embeddings.weight": "pos", "LayerNorm.weight": "ln.w"}
        known |= {"token_type_embeddings.weight": "type", "LayerNorm.bias": "ln.b"}
        return f"emb.{known[name.removeprefix('embeddings.')]}"
    _, _, layer, part = name.split(".", 3)
    parts = {"attention.self.query": "q", "attention.self.key": "k", "attention.self.value": "v"}
    parts |= {"attention.output.dense": "ao", "attention.output.LayerNorm": "aln", "intermediate.dense": "fi"}
    parts |= {"output.dense": "fo", "output.LayerNorm": "oln"}
    whole, _, kind = part.rpartition(".")
    return f"l{layer}.{parts[whole]}.{kind[0]}"


def _is_packed(name: str) -> bool:
    return name == "emb.word" or (name.endswith(".w") and "ln" not in name)


def _packed(name: str, array: Any) -> bytes:
    if not _is_packed(name):
        content: bytes = array.astype("<f4").tobytes()
        return content
    blocks = array.reshape(-1, 32)
    scales = (np.abs(blocks).max(axis=1, keepdims=True) / 7).astype("<f2")
    numbers = np.clip(np.round(blocks / scales.astype(np.float32)) + 8, 0, 15).astype(np.uint8)
    packed = numbers[:, :16] | (numbers[:, 16:] << 4)
    joined: bytes = np.concatenate([scales.view(np.uint8), packed], axis=1).tobytes()
    return joined
