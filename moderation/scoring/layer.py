"""What one site's own comments weigh otherwise than everybody's."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from moderation.features.ngrams import BLOCKS, COLUMNS
from moderation.features.signals import signal_codes

_LARGEST_SCALE = 1e6
Float = TypeVar("Float", np.float16, np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """The weights of a site, over those that a model shares between all.

    At the site a column weighs `scale` times what it weighs for all; each of `columns` (ascending) weighs its entry of
    `weights` more. `signal_weights`, one a signal, `bias` and `reach`, of shape (BLOCKS, 2), stand for the model's.
    """

    columns: NDArray[np.int32]
    weights: NDArray[np.float16] | NDArray[np.float32]
    scale: float
    signal_weights: NDArray[np.float32]
    bias: float
    reach: NDArray[np.float64]

    def on(self, shared: NDArray[Float]) -> NDArray[Float]:
        """What each column weighs at the site, by what it weighs for all; of the same shape and type."""
        weights = shared * np.float32(self.scale)
        weights[self.columns] += self.weights
        largest = np.finfo(shared.dtype).max
        within: NDArray[Float] = np.clip(weights, -largest, largest).astype(shared.dtype)
        return within

    def scaled(self, slope: float, offset: float, shared_slope: float) -> Self:
        """The same ranking with calibrated logits, over a model whose logits are multiplied by `shared_slope`."""
        return replace(
            self,
            weights=self.weights * np.float32(slope),
            scale=self.scale * slope / shared_slope,
            signal_weights=self.signal_weights * np.float32(slope),
            bias=self.bias * slope + offset,
            reach=self.reach * slope,
        )

    def plain(self) -> list[Any]:
        """The layer as arrays and plain values, its weights as half floats."""
        weights = self.weights.astype(np.float16)
        return [self.columns, weights, self.scale, self.signal_weights, self.bias, self.reach]

    @classmethod
    def from_plain(cls, values: Sequence[Any]) -> Self:
        """Reads what `plain` gave; raises `ValueError` for anything else."""
        columns, weights, scale, signal_weights, bias, reach = values
        shapes = [(weights, np.shape(columns)), (signal_weights, (len(signal_codes()),)), (reach, (len(BLOCKS), 2))]
        usable = (
            isinstance(columns, np.ndarray)
            and columns.dtype == np.int32
            and columns.ndim == 1
            and (np.diff(columns, prepend=-1, append=COLUMNS) > 0).all()
            and all(isinstance(array, np.ndarray) and array.dtype.kind == "f" for array, _ in shapes)
            and all(array.shape == shape and np.isfinite(array).all() for array, shape in shapes)
            and all(isinstance(number, float) and np.isfinite(number) for number in (scale, bias))
            and 0 < scale <= _LARGEST_SCALE
        )
        if not usable:
            raise ValueError("no layer of this version")
        return cls(columns, weights, scale, signal_weights, bias, reach)
