"""The folder of models: `<id>/model.joblib` with `<id>/card.json` for each model, and `current` for the live one."""

import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from moderation.domain.errors import Conflict, InvalidInput, ModelUnavailable, NotFound
from moderation.registry.model_card import ModelCard
from moderation.registry.serialization import read_arrays, write_arrays
from moderation.scoring.model import Model

_ID_PATTERN = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_DRAFT_PREFIX = ".draft-"
_MAX_HISTORY = 20


class ModelRegistry:
    """Models by id. The first line of `current` is the live id, the following lines are earlier ones, latest first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def current_file(self) -> Path:
        """The file that names the live model."""
        return self.folder / "current"

    def ids(self) -> list[str]:
        """Return the ids of all models, in alphabetical order."""
        return sorted(path.parent.name for path in self.folder.glob("*/card.json"))

    def current_id(self) -> str | None:
        """Return the id of the live model, or `None` before the first promotion."""
        history = self._history()
        return history[0] if history else None

    def card(self, model_id: str) -> ModelCard:
        """Return the card of a model. Raises `NotFound`, or `ModelUnavailable` if the card cannot be read."""
        _check_id(model_id)
        try:
            text = (self.folder / model_id / "card.json").read_text("utf-8")
        except FileNotFoundError:
            raise NotFound(self._unknown_model_message(model_id)) from None
        except (OSError, UnicodeDecodeError) as error:
            raise ModelUnavailable(f"The card of model {model_id} cannot be read ({type(error).__name__}).") from None
        return ModelCard.from_json(text, model_id)

    def load(self, model_id: str) -> Model:
        """Load a model after its checksum matched the card.

        Raises `NotFound`, or `ModelUnavailable` if the files are altered, hostile or of another version.
        """
        card = self.card(model_id)
        arrays = read_arrays(self.folder / model_id / "model.joblib", card.digest)
        return Model.from_arrays(model_id, arrays, card.thresholds)

    def add(self, arrays: Mapping[str, Any], card: ModelCard) -> ModelCard:
        """Store a model completely or not at all, without promoting it. Returns its card with the digest.

        Raises the errors of `check_can_add`.
        """
        self.check_can_add(card.id)
        draft = self._create_draft()
        try:
            card = replace(card, digest=write_arrays(draft / "model.joblib", dict(arrays)))
            (draft / "card.json").write_text(card.to_json(), "utf-8")
            draft.chmod(0o755)
            draft.rename(self.folder / card.id)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        return card

    def check_can_add(self, model_id: str) -> None:
        """Raise an error unless a model of this id can be stored.

        The error is `InvalidInput` if the id is malformed or the folder not writable, `Conflict` if the id is taken.
        """
        _check_id(model_id)
        if (self.folder / model_id).exists():
            raise Conflict(f"A model {model_id} already exists; choose another name with --id.")
        self._create_draft().rmdir()

    def promote(self, model_id: str) -> None:
        """Make a model the live one, atomically. Raises the errors of `load`."""
        self.load(model_id)
        history = self._history()
        if history[:1] != [model_id]:
            self._write_history([model_id, *history])

    def rollback(self) -> str:
        """Make the previously live model live again, and return its id.

        Raises `NotFound` without a previous model, and the errors of `load`.
        """
        history = self._history()
        if len(history) < 2:
            raise NotFound("There is no earlier model to go back to.")
        self.load(history[1])
        self._write_history(history[1:])
        return history[1]

    def install(self, source: Path) -> None:
        """Copy the models of another folder that are missing here. If no model is live, promote the newest of them.

        "Newest" goes by name, so the names have to sort by date. A live model stays live: sites are calibrated for it.
        """
        shipped = sorted(card.parent for card in source.glob("*/card.json"))
        for model in shipped:
            if not (self.folder / model.name).exists():
                self._copy(model)
        if shipped and self.current_id() is None:
            self.promote(shipped[-1].name)

    def _copy(self, model: Path) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".draft-", dir=self.folder) as draft:
            copy = shutil.copytree(model, Path(draft) / model.name)
            # The package may be read-only, and a folder without write permission cannot be renamed.
            copy.chmod(0o755)
            try:
                copy.rename(self.folder / model.name)
            except OSError:
                # Another process may have copied the same model since we looked.
                if not (self.folder / model.name).exists():
                    raise

    def _create_draft(self) -> Path:
        """Create a folder that `ids` ignores, to be renamed when it is complete."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            return Path(tempfile.mkdtemp(prefix=_DRAFT_PREFIX, dir=self.folder))
        except OSError as error:
            raise InvalidInput(
                f"Models cannot be written to {self.folder}: {error.strerror}. "
                "Make the folder writable, or set MODERATION_MODELS to another one."
            ) from None

    def _history(self) -> list[str]:
        try:
            return self.current_file.read_text("utf-8").split()
        except FileNotFoundError:
            return []

    def _write_history(self, history: list[str]) -> None:
        handle, name = tempfile.mkstemp(prefix=".current-", dir=self.folder)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write("\n".join(history[:_MAX_HISTORY]) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, self.current_file)

    def _unknown_model_message(self, model_id: str) -> str:
        known = ", ".join(self.ids()) or "none; train one with `moderation train`"
        return f"There is no model {model_id}. Models in the registry: {known}."


def _check_id(model_id: str) -> None:
    if not _ID_PATTERN.fullmatch(model_id):
        raise InvalidInput(
            "The id of a model has up to 64 small letters, digits, dots, dashes and underscores, "
            "and starts with a letter or digit."
        )
