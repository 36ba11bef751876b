"""Reads and writes `model.joblib` so that a hostile file cannot run code.

A model file is a pickle, and a pickle may call anything it names. This reader admits arrays and plain values only:
every other name is refused before it is even looked up, and the file's digest is checked before it is opened.
"""

import hashlib
import io
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from joblib import numpy_pickle

from moderation.domain.errors import ModelRefused

_ADMITTED = {
    ("joblib.numpy_pickle", "NumpyArrayWrapper"): numpy_pickle.NumpyArrayWrapper,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}
_KINDS = "biuf"


class _ArraysOnly(numpy_pickle.NumpyUnpickler):  # type: ignore[misc]  # joblib ships no types
    """joblib's reader, with a closed list of names."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ADMITTED[module, name]
        except KeyError:
            raise ModelRefused(
                f"The model file names {module}.{name}, which no model needs; it was not loaded."
            ) from None


def write_arrays(path: Path, arrays: dict[str, Any]) -> str:
    """Writes a dictionary of arrays and plain values; returns the SHA-256 of the file."""
    joblib.dump(arrays, path)
    return digest_of(path.read_bytes())


def read_arrays(path: Path, digest: str) -> dict[str, Any]:
    """What `write_arrays` wrote. Raises `ModelRefused` when the bytes differ from `digest` or hold anything else."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ModelRefused(f"The model file {path.parent.name}/{path.name} cannot be read: {error.strerror}.") from None
    if digest_of(raw) != digest:
        raise ModelRefused(f"The model {path.parent.name} differs from its card: it was truncated, altered or swapped.")
    return _load(raw, path)


def digest_of(raw: bytes) -> str:
    """SHA-256, in hexadecimal."""
    return hashlib.sha256(raw).hexdigest()


def _load(raw: bytes, path: Path) -> dict[str, Any]:
    try:
        arrays = _ArraysOnly(str(path), io.BytesIO(raw), ensure_native_byte_order=True).load()
    except ModelRefused:
        raise
    except Exception as error:  # noqa: BLE001 - a broken pickle can raise anything
        raise ModelRefused(f"The model {path.parent.name} cannot be read ({type(error).__name__}).") from None
    if not isinstance(arrays, dict) or not all(_is_plain(value) for value in arrays.values()):
        raise ModelRefused(f"The model {path.parent.name} holds more than arrays and plain values.")
    return arrays


def _is_plain(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.dtype.kind in _KINDS
    if isinstance(value, list | tuple):
        return all(_is_plain(entry) for entry in value)
    return isinstance(value, str | int | float | bool)
