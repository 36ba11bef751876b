"""Weights that a site's own labels add to the weights shared by all sites."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from moderation.features.ngrams import N_COLUMNS, NAMESPACES
from moderation.features.signals import signal_codes

MAX_PARAMETER = 1e9
"""Limit of every number of a model, either way. Products and sums of numbers within it stay finite."""
_MAX_SCALE = 1e6
Float = TypeVar("Float", np.float16, np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class TrainedWeights:
    """The weights of one site relative to the shared weights of a model, in logits.

    The weight of a column at the site is `scale` times its shared weight, plus its entry of `weights`.

    Parameters
    ----------
    columns : int32 array of shape (n,)
        Hashed columns with an entry in `weights`, ascending.
    weights : float array of shape (n,)
        Added to the scaled shared weights.
    scale : float
        Factor of the shared weights, above 0.
    signal_weights : float array of shape (signals,)
        Replaces that of the model, like `bias` and `contribution_limits`.
    bias : float
        Logit of a comment without any feature.
    contribution_limits : float array of shape (namespaces, 2)
        Lowest and highest sum of contributions of the words of a field.
    """

    columns: NDArray[np.int32]
    weights: NDArray[np.float16] | NDArray[np.float32]
    scale: float
    signal_weights: NDArray[np.float32]
    bias: float
    contribution_limits: NDArray[np.float64]

    def apply_to(self, shared: NDArray[Float]) -> NDArray[Float]:
        """Return the weight of each column at the site, as an array like `shared`. Overflow is clipped."""
        weights = shared * np.float32(self.scale)
        weights[self.columns] += self.weights
        limit = np.finfo(shared.dtype).max
        clipped: NDArray[Float] = np.clip(weights, -limit, limit).astype(shared.dtype)
        return clipped

    def scaled(self, slope: float, offset: float, shared_slope: float) -> Self:
        """Return weights with calibrated logits and the same ranking.

        Parameters
        ----------
        slope, offset : float
            The new logits are `slope * logit + offset`.
        shared_slope : float
            Factor by which the logits of the shared model are multiplied.
        """
        return replace(
            self,
            weights=self.weights * np.float32(slope),
            scale=self.scale * slope / shared_slope,
            signal_weights=self.signal_weights * np.float32(slope),
            bias=self.bias * slope + offset,
            contribution_limits=self.contribution_limits * slope,
        )

    def to_list(self) -> list[Any]:
        """Return the site weights as arrays and plain values, for a model file. Column weights become float16."""
        weights = self.weights.astype(np.float16)
        return [self.columns, weights, self.scale, self.signal_weights, self.bias, self.contribution_limits]

    @classmethod
    def from_list(cls, values: Sequence[Any]) -> Self:
        """Return the site weights that `to_list` stored. Raises `ValueError` for anything else."""
        columns, weights, scale, signal_weights, bias, contribution_limits = values
        shapes = [
            (weights, np.shape(columns)),
            (signal_weights, (len(signal_codes()),)),
            (contribution_limits, (len(NAMESPACES), 2)),
        ]
        is_valid = (
            isinstance(columns, np.ndarray)
            and columns.dtype == np.int32
            and columns.ndim == 1
            and (np.diff(columns, prepend=-1, append=N_COLUMNS) > 0).all()
            and all(is_usable_array(array, shape) for array, shape in shapes)
            and all(isinstance(number, float) and abs(number) <= MAX_PARAMETER for number in (scale, bias))
            and 0 < scale <= _MAX_SCALE
        )
        if not is_valid:
            raise ValueError("These are not site weights of this version.")
        return cls(columns, weights, scale, signal_weights, bias, contribution_limits)


def is_usable_array(array: Any, shape: tuple[int, ...]) -> bool:
    """Return whether a value is a float array of this shape with all numbers within `MAX_PARAMETER`."""
    is_float = isinstance(array, np.ndarray) and array.dtype.kind == "f" and array.shape == shape
    # The comparison is false for a NaN, too.
    return is_float and float(np.abs(array).max(initial=0)) <= MAX_PARAMETER
