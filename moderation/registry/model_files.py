"""The files of a model, and the ids that name its folder."""

import re

from moderation.domain.errors import InvalidInput
from moderation.registry.model_card import MAX_CARD_BYTES
from moderation.registry.reader_file import MAX_READER_BYTES, READER_FILE
from moderation.registry.serialization import MAX_FILE_BYTES

MODEL_FILE, CARD_FILE = "model.joblib", "card.json"
MAX_BYTES = {MODEL_FILE: MAX_FILE_BYTES, READER_FILE: MAX_READER_BYTES, CARD_FILE: MAX_CARD_BYTES}
"""Size limits of the files, by name. A model may lack the reader. The card comes last, and completes it."""

_ID_PATTERN = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def is_model_id(text: str) -> bool:
    """Return whether a text can be the id of a model, and the name of its folder."""
    return _ID_PATTERN.fullmatch(text) is not None


def check_model_id(model_id: str) -> None:
    """Raise `InvalidInput` unless a text can be the id of a model."""
    if not is_model_id(model_id):
        raise InvalidInput(
            "The id of a model has up to 64 small letters, digits, dots, dashes and underscores, "
            "and starts with a letter or digit."
        )
