"""The live model, replaced while the server runs."""

import os
from collections.abc import Callable
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import NamedTuple

from moderation.domain.errors import ModelUnavailable, ModerationError
from moderation.registry.model_registry import ModelRegistry
from moderation.scoring.model import Model

_Signature = tuple[int, int, int, int]
_FolderState = tuple[tuple[str, _Signature], ...]

RETRY_PAUSE_SECONDS = 1.0
"""Time between two attempts to load a model that could not be loaded."""
_MAX_OTHER_MODELS = 4
_signature: Callable[[os.stat_result], _Signature] = attrgetter("st_mtime_ns", "st_ctime_ns", "st_size", "st_ino")
"""Changes whenever a file is written or replaced."""
_NO_MODEL_MESSAGE = "No model is live; promote one with `moderation promote`."


class ModelVersion(NamedTuple):
    """A model by its id and the SHA-256 of its card."""

    id: str
    sha256: str


class LiveModel:
    """The promoted model of a registry, reloaded when the registry's `current` file changes. `loaded` says which it is.

    If a newly promoted model cannot be loaded, the loaded model stays in service and `load_error` gives the cause. The
    load is tried again every `RETRY_PAUSE_SECONDS`: its files may have been read while they were copied. `follow_error`
    is set from outside, if the live model of all machines could not be made the live one here.
    """

    def __init__(self, registry: ModelRegistry) -> None:
        self._registry = registry
        self._current_file = registry.current_file
        self._lock = Lock()
        self._signature: _Signature | None = None
        self._model: Model | None = None
        self._load_other = lru_cache(_MAX_OTHER_MODELS)(self._load_or_none)
        self._next_attempt = 0.0
        self.load_error: str | None = None
        self.loaded: ModelVersion | None = None
        self.follow_error: str | None = None

    def get(self) -> Model | None:
        """Return the live model, or `None` if none has been loaded yet, with the cause in `load_error`."""
        try:
            signature = _signature(self._current_file.stat())
        except OSError:
            signature = None
        if self._is_due(signature):
            self._reload(signature)
        return self._model

    def current(self) -> Model:
        """Return the live model. Raises `ModelUnavailable` if none has been loaded yet."""
        model = self.get()
        if model is None:
            raise ModelUnavailable(self.load_error or _NO_MODEL_MESSAGE)
        return model

    def take_reading_times(self) -> list[float]:
        """Return the seconds that the second reader took for each comment since the last call."""
        reader = self._model.second_reader if self._model else None
        return [reader.durations.popleft() for _ in range(len(reader.durations))] if reader else []

    def find(self, model_id: str) -> Model | None:
        """Return the model of this id, live or not, or `None` if it cannot be loaded.

        A decision keeps the id of its model, and only that model can explain the decision. The last few other models
        are cached, so that the decisions of one page load each once. A failure is cached too, until the files change.
        """
        live = self.get()
        if live and live.id == model_id:
            return live
        if live and live.alone and live.alone.id == model_id:
            return live.alone
        state = _folder_state(self._registry.folder / model_id)
        return self._load_other(model_id, state) if state else None

    def _load_or_none(self, model_id: str, _: _FolderState) -> Model | None:
        try:
            return self._registry.load(model_id)
        except ModerationError:
            return None

    def _is_due(self, signature: _Signature | None) -> bool:
        """Return whether the live model has to be loaded: another one is named, or the last attempt failed long ago."""
        failed = self._model is None or self.load_error is not None
        return signature != self._signature or (failed and monotonic() >= self._next_attempt)

    def _reload(self, signature: _Signature | None) -> None:
        with self._lock:
            # Another thread may have tried it while this one waited for the lock.
            if not self._is_due(signature):
                return
            try:
                model_id = self._registry.current_id()
                if model_id is None:
                    raise ModelUnavailable(_NO_MODEL_MESSAGE)
                # Read first: a card that is replaced meanwhile must not be reported.
                version = ModelVersion(model_id, self._registry.checksum(model_id))
                self._model, self.load_error, self.loaded = self._registry.load(model_id), None, version
            except ModerationError as error:
                self.load_error = str(error)
                self._next_attempt = monotonic() + RETRY_PAUSE_SECONDS
            self._signature = signature


def _folder_state(folder: Path) -> _FolderState | None:
    """Return names and signatures of the files, or `None` if the folder cannot be listed."""
    try:
        return tuple(sorted((path.name, _signature(path.stat())) for path in folder.iterdir()))
    except (OSError, ValueError):
        return None
