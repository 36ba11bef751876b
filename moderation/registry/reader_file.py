"""The file of a model's second reader: arrays and plain values, from which the network is built here."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from moderation.domain.errors import ModelUnavailable
from moderation.registry.model_card import ReaderEntry
from moderation.registry.serialization import read_arrays
from moderation.scoring.second_reader import Doubt, SecondReader

READER_FILE = "reader.joblib"
MAX_READER_BYTES = 128 * 2**20
"""Size limit of the file. That of the default model has 40 MB."""
_MAX_NUMBER = 100.0
_NOT_INSTALLED = (
    "The second reader is not installed, so the model judges without it. To add it: `make reader` in a checkout, else "
    "`pip install 'moderation[reader]'`."
)


def reader_values(network_values: Mapping[str, Any], doubt: Doubt) -> dict[str, Any]:
    """Return the content of a reader's file."""
    return dict(network_values) | asdict(doubt)


def open_reader(folder: Path, entry: ReaderEntry) -> SecondReader:
    """Open the reader of a model after its checksum matched the card.

    Raises `ModelUnavailable` if the file is altered, hostile or incomplete, or if the extra is not installed.
    """
    try:
        from moderation.reader.language_model import LanguageModel
    except ImportError:
        raise ModelUnavailable(_NOT_INSTALLED) from None
    values = read_arrays(folder / READER_FILE, entry.digest, MAX_READER_BYTES)
    try:
        model = LanguageModel.from_values(values)
        return SecondReader(_read_doubt(values), model.read, model.read_in_turn, model.durations)
    except ValueError as error:
        raise ModelUnavailable(f"The second reader of {folder.name} cannot be used: {error}.") from None
    except Exception as error:  # noqa: BLE001 - no error of the runtime or the disk stops the model
        raise ModelUnavailable(f"The second reader of {folder.name} failed ({type(error).__name__}).") from None


def _read_doubt(values: Mapping[str, Any]) -> Doubt:
    """Return the doubt of a file. Raises `ValueError`."""
    numbers = [values.get(field.name) for field in fields(Doubt)]
    if not all(isinstance(number, float) and abs(number) <= _MAX_NUMBER for number in numbers):
        raise ValueError("its limits are not usable")
    doubt = Doubt(*[float(number or 0.0) for number in numbers])
    if min(doubt.lower_limit, doubt.upper_limit) < 0.0:
        raise ValueError("its limits are below zero")
    return doubt
