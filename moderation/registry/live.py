"""The model that serves, swapped while the server runs."""

from threading import Lock

from moderation.domain.errors import ModelRefused, ModerationError
from moderation.registry.shelf import Shelf
from moderation.scoring.model import Model

_Stamp = tuple[int, int, int]


class LiveModel:
    """Follows the shelf's `current` file: a look at its time and size before each use, a load only when it changed.

    A promoted model that is refused leaves the one that serves in place; `problem` then says why.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._lock = Lock()
        self._stamp: _Stamp | None = None
        self._model: Model | None = None
        self.problem: str | None = None

    def current(self) -> Model:
        """The model to score with. Raises `ModelRefused` when none could ever be loaded."""
        stamp = self._look()
        if stamp != self._stamp or self._model is None:
            self._follow(stamp)
        if self._model is None:
            raise ModelRefused(self.problem or "No model is live; promote one with `moderation promote`.")
        return self._model

    def _look(self) -> _Stamp | None:
        try:
            found = self._shelf.current_file.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _follow(self, stamp: _Stamp | None) -> None:
        with self._lock:
            if stamp == self._stamp and self._model is not None:
                return
            try:
                model_id = self._shelf.current_id()
                if model_id is None:
                    raise ModelRefused("No model is live; promote one with `moderation promote`.")
                self._model, self.problem = self._shelf.load(model_id), None
            except ModerationError as error:
                self.problem = str(error)
            self._stamp = stamp
