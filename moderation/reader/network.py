"""The arrays of the second reader's network, and their checks.

The network is an encoder like BERT (Devlin et al. 2019) with a linear layer on the mean and on the first of its last
states. A matrix is stored as whole numbers with a scale for each column.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from moderation.reader.tokens import MAX_TOKENS, Tokens

MAX_WEIGHT = 63
"""Largest whole number of a matrix, either way. Sums of two products with it stay within 16 bits.

Beyond, processors without instructions for dot products of bytes would clip them, and give other results than newer
ones.
"""
_MAX_SIZES = {"layers": 12, "width": 768, "heads": 12, "inner": 3_072, "pieces": 300_000}
_MAX_SCALE = 1e3
_SEGMENTS = 2


@dataclass(frozen=True, slots=True)
class NetworkSizes:
    """Numbers of layers, of values of a token, of attention heads, of values inside a layer, and of word pieces."""

    layers: int
    width: int
    heads: int
    inner: int
    pieces: int

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Read the sizes from a model file. Raises `ValueError` if they are missing or too large."""
        sizes = {name: values.get(name) for name in _MAX_SIZES}
        for name, size in sizes.items():
            if not isinstance(size, int) or isinstance(size, bool) or not 0 < size <= _MAX_SIZES[name]:
                raise ValueError(f"{name} must be a whole number within 1 and {_MAX_SIZES[name]}")
        checked = cls(**{name: int(size or 0) for name, size in sizes.items()})
        if checked.width % checked.heads:
            raise ValueError("width must be a multiple of heads")
        return checked

    def matrices(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of each stored matrix. The first axis of all but `words` counts the layers."""
        layers, width, inner = self.layers, self.width, self.inner
        return {
            "words": (self.pieces, width),
            "attention": (layers, width, 3 * width),
            "attended": (layers, width, width),
            "inner": (layers, width, inner),
            "outer": (layers, inner, width),
        }

    def floats(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of each array of floats: scales and biases, positions, segments, norms and the last layer.

        A scale belongs to a column of a matrix; those of `words` belong to its rows.
        """
        layers, width = self.layers, self.width
        columns = {name: (shape[0], shape[-1]) for name, shape in self.matrices().items() if name != "words"}
        norms = {f"{name}_{part}": (layers, width) for name in ("attended_norm", "outer_norm") for part in _NORM_PARTS}
        return {
            "words_scale": (self.pieces,),
            "positions": (MAX_TOKENS, width),
            "segments": (_SEGMENTS, width),
            **{f"embedded_norm_{part}": (width,) for part in _NORM_PARTS},
            **{f"{name}_scale": shape for name, shape in columns.items()},
            **{f"{name}_bias": shape for name, shape in columns.items()},
            **norms,
            "head_weights": (2 * width,),
            "head_bias": (1,),
        }


_NORM_PARTS = ("gain", "shift")


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """The sizes and checked arrays of a network, by the names of `NetworkSizes`."""

    sizes: NetworkSizes
    matrices: Mapping[str, NDArray[np.int8]]
    floats: Mapping[str, NDArray[np.float32]]

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """Read a network from the values of a model file. Raises `ValueError` if anything is missing or unusable."""
        sizes = NetworkSizes.of(values)
        matrices: dict[str, Any] = {name: values.get(f"{name}_weights") for name in sizes.matrices()}
        for name, shape in sizes.matrices().items():
            matrix = matrices[name]
            if not _is_array(matrix, np.int8, shape) or matrix.max() > MAX_WEIGHT or matrix.min() < -MAX_WEIGHT:
                raise ValueError(f"the matrix {name} is not usable")
        floats: dict[str, Any] = {name: values.get(name) for name in sizes.floats()}
        for name, shape in sizes.floats().items():
            if not _is_array(floats[name], np.float32, shape) or not np.abs(floats[name]).max() <= _MAX_SCALE:
                raise ValueError(f"the array {name} is not usable")
        return cls(sizes, matrices, floats)

    def embeddings(self) -> "Embeddings":
        """Return the part of the network that is computed without its graph."""
        names = ("words_scale", "segments", "positions")
        return Embeddings(self.matrices["words"], *[self.floats[name] for name in names])

    def values(self) -> dict[str, Any]:
        """Return what `from_values` reads."""
        sizes = {name: getattr(self.sizes, name) for name in _MAX_SIZES}
        return sizes | {f"{name}_weights": array for name, array in self.matrices.items()} | dict(self.floats)


@dataclass(frozen=True, slots=True, eq=False)
class Embeddings:
    """The table of word pieces with its scales, and those of segments and positions."""

    words: NDArray[np.int8]
    words_scale: NDArray[np.float32]
    segments: NDArray[np.float32]
    positions: NDArray[np.float32]

    def embed(self, tokens: Tokens) -> NDArray[np.float32]:
        """Return the sum of the embeddings of each token, of shape (tokens, width)."""
        numbers = np.array(tokens.numbers)
        words = self.words[numbers] * self.words_scale[numbers, None]
        in_second = (np.arange(len(numbers)) >= tokens.first_segment).astype(np.intp)
        embedded: NDArray[np.float32] = words + self.segments[in_second] + self.positions[: len(numbers)]
        return embedded


def quantize(matrix: NDArray[np.float32], axis: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return a matrix as whole numbers, and the scales along `axis` by which they are to be multiplied.

    Parameters
    ----------
    matrix : float32 array of any shape
        Zeros along the axis get the scale of the smallest number that has one.
    axis : int
        The axis over which one scale holds.
    """
    largest = np.abs(matrix).max(axis=axis, keepdims=True)
    scale = np.maximum(largest, np.finfo(np.float32).tiny) / np.float32(MAX_WEIGHT)
    return np.rint(matrix / scale).astype(np.int8), scale.squeeze(axis).astype(np.float32)


def _is_array(value: Any, dtype: type, shape: tuple[int, ...]) -> bool:
    return isinstance(value, np.ndarray) and value.dtype == dtype and value.shape == shape
