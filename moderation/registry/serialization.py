"""Reads and writes `model.joblib` so that a hostile file cannot run code.

A model file is a pickle, and unpickling can call any function that the file names. This reader allows arrays and plain
values only. It refuses every other name before the import, and compares the file's digest before it unpickles.
"""

import hashlib
import io
import os
from itertools import chain, islice
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from joblib import numpy_pickle

from moderation.domain.errors import ModelUnavailable

_ALLOWED_GLOBALS = {
    ("joblib.numpy_pickle", "NumpyArrayWrapper"): numpy_pickle.NumpyArrayWrapper,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}
_ALLOWED_DTYPE_KINDS = "biuf"

MAX_FILE_BYTES = 512 * 2**20
"""Size limit of `model.joblib`. The default model has 2.6 MB, each site with own weights some 300 kB more."""
_MAX_DEPTH = 6
_MAX_VALUES = 1_000_000


class _RestrictedUnpickler(numpy_pickle.NumpyUnpickler):  # type: ignore[misc]  # joblib ships no types
    """joblib's unpickler with a closed list of names."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED_GLOBALS[module, name]
        except KeyError:
            raise ModelUnavailable(
                f"The model file names {module}.{name}, which no model needs; it was not loaded."
            ) from None


def write_arrays(path: Path, arrays: dict[str, Any]) -> str:
    """Write arrays and plain values by name. Returns the SHA-256 of the file."""
    joblib.dump(arrays, path)
    return sha256_hex(path.read_bytes())


def read_arrays(path: Path, digest: str, max_bytes: int = MAX_FILE_BYTES) -> dict[str, Any]:
    """Read the arrays and plain values of a file by name.

    Raises `ModelUnavailable` if the file's SHA-256 is not `digest`, or if the file is larger than `max_bytes` or
    contains any other type.
    """
    try:
        raw = read_bounded(path, max_bytes)
    except OSError as error:
        raise ModelUnavailable(
            f"The model file {path.parent.name}/{path.name} cannot be read: {error.strerror}."
        ) from None
    if sha256_hex(raw) != digest:
        raise ModelUnavailable(
            f"The model {path.parent.name} differs from its card: it was truncated, altered or swapped."
        )
    return _load(raw, path)


def read_bounded(path: Path, max_bytes: int) -> bytes:
    """Read a file of a model. Raises `OSError`, or `ModelUnavailable` if it has more than `max_bytes`."""
    with path.open("rb") as file:
        raw = file.read(max_bytes + 1) if os.fstat(file.fileno()).st_size <= max_bytes else None
    if raw is None or len(raw) > max_bytes:
        raise ModelUnavailable(
            f"The file {path.parent.name}/{path.name} has more than {max_bytes} bytes; no model has."
        )
    return raw


def sha256_hex(raw: bytes) -> str:
    """Return the SHA-256 in hexadecimal."""
    return hashlib.sha256(raw).hexdigest()


def _load(raw: bytes, path: Path) -> dict[str, Any]:
    try:
        arrays = _RestrictedUnpickler(str(path), io.BytesIO(raw), ensure_native_byte_order=True).load()
    except ModelUnavailable:
        raise
    except Exception as error:  # noqa: BLE001 - a broken pickle can raise anything
        raise ModelUnavailable(f"The model {path.parent.name} cannot be read ({type(error).__name__}).") from None
    if not isinstance(arrays, dict) or not _are_plain(list(arrays.values())):
        raise ModelUnavailable(f"The model {path.parent.name} contains more than arrays and plain values.")
    return arrays


def _are_plain(values: list[Any]) -> bool:
    """Return whether the values are arrays, strings, numbers and lists of such, within the limits of depth and number.

    A pickled list may contain itself, or one list many times: without the limits the check would not end.
    """
    for _ in range(_MAX_DEPTH):
        if len(values) > _MAX_VALUES or not all(_is_plain(value) for value in values):
            return False
        values = list(islice(chain.from_iterable(v for v in values if isinstance(v, list | tuple)), _MAX_VALUES + 1))
    return not values


def _is_plain(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.dtype.kind in _ALLOWED_DTYPE_KINDS
    return isinstance(value, list | tuple | str | int | float | bool)
