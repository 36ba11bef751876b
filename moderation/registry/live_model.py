"""The live model, replaced while the server runs."""

from functools import lru_cache
from threading import Lock

from moderation.domain.errors import ModelUnavailable, ModerationError
from moderation.registry.model_registry import ModelRegistry
from moderation.scoring.model import Model

_Signature = tuple[int, int, int]

_MAX_OTHER_MODELS = 1
_NO_MODEL_MESSAGE = "No model is live; promote one with `moderation promote`."


class LiveModel:
    """The promoted model of a registry, reloaded when the registry's `current` file changes.

    If a newly promoted model cannot be loaded, the loaded model stays in service and `load_error` gives the cause.
    """

    def __init__(self, registry: ModelRegistry) -> None:
        self._registry = registry
        self._current_file = registry.current_file
        self._lock = Lock()
        self._signature: _Signature | None = None
        self._model: Model | None = None
        self._load_other = lru_cache(_MAX_OTHER_MODELS)(registry.load)
        self.load_error: str | None = None

    def get(self) -> Model | None:
        """Return the live model, or `None` if none has been loaded yet, with the cause in `load_error`."""
        try:
            status = self._current_file.stat()
            signature = status.st_mtime_ns, status.st_size, status.st_ino
        except OSError:
            signature = None
        if signature != self._signature or self._model is None:
            self._reload(signature)
        return self._model

    def current(self) -> Model:
        """Return the live model. Raises `ModelUnavailable` if none has been loaded yet."""
        model = self.get()
        if model is None:
            raise ModelUnavailable(self.load_error or _NO_MODEL_MESSAGE)
        return model

    def find(self, model_id: str) -> Model | None:
        """Return the model of this id, live or not, or `None` if it cannot be loaded.

        A decision keeps the id of its model, and only that model can explain the decision. One model that is not live
        is cached, so that the decisions of one page load it once.
        """
        try:
            live = self.get()
            return live if live and live.id == model_id else self._load_other(model_id)
        except ModerationError:
            return None

    def _reload(self, signature: _Signature | None) -> None:
        with self._lock:
            # Another thread may have loaded it while this one waited for the lock.
            if signature == self._signature and self._model is not None:
                return
            try:
                model_id = self._registry.current_id()
                if model_id is None:
                    raise ModelUnavailable(_NO_MODEL_MESSAGE)
                self._model, self.load_error = self._registry.load(model_id), None
            except ModerationError as error:
                self.load_error = str(error)
            self._signature = signature
