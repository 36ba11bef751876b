"""The folder of models: `<id>/model.joblib` and `<id>/card.json`, and `current`, which names the live one."""

import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from moderation.domain.errors import Conflict, InputRefused, ModelRefused, NotFound
from moderation.registry.card import Card
from moderation.registry.vault import read_arrays, write_arrays
from moderation.scoring.model import Model

_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_REMEMBERED = 20


class Shelf:
    """Models by id. `current` holds the live id in its first line and the earlier ones below, the latest first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def current_file(self) -> Path:
        """The file that names the live model."""
        return self.folder / "current"

    def ids(self) -> list[str]:
        """Every model on the shelf, by name."""
        return sorted(path.parent.name for path in self.folder.glob("*/card.json"))

    def current_id(self) -> str | None:
        """The live model, `None` while nothing was ever promoted."""
        history = self._history()
        return history[0] if history else None

    def card(self, model_id: str) -> Card:
        """The card of a model. Raises `NotFound`, or `ModelRefused` when it cannot be read."""
        self._check_id(model_id)
        try:
            text = (self.folder / model_id / "card.json").read_text("utf-8")
        except FileNotFoundError:
            raise NotFound(self._unknown(model_id)) from None
        except (OSError, UnicodeDecodeError) as error:
            raise ModelRefused(f"The card of model {model_id} cannot be read ({type(error).__name__}).") from None
        return Card.from_json(text, model_id)

    def load(self, model_id: str) -> Model:
        """The model itself, its checksum compared with the card before anything is read from it.

        Raises `NotFound`, or `ModelRefused` when the files are altered, hostile or of another version.
        """
        card = self.card(model_id)
        arrays = read_arrays(self.folder / model_id / "model.joblib", card.digest)
        return Model.from_arrays(model_id, arrays, card.lines)

    def add(self, arrays: Mapping[str, Any], card: Card) -> Card:
        """Puts a model on the shelf, whole or not at all, and returns its card with the digest filled in.

        It does not go live. Raises `Conflict` when the id is taken.
        """
        self.check_free(card.id)
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=self.folder))
        try:
            card = replace(card, digest=write_arrays(draft / "model.joblib", dict(arrays)))
            (draft / "card.json").write_text(card.to_json(), "utf-8")
            draft.chmod(0o755)
            draft.rename(self.folder / card.id)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        return card

    def check_free(self, model_id: str) -> None:
        """Raises `InputRefused` for a name that will not do and `Conflict` for one that is taken."""
        self._check_id(model_id)
        if (self.folder / model_id).exists():
            raise Conflict(f"There is a model {model_id} already; choose another name with --id.")

    def promote(self, model_id: str) -> None:
        """Makes a model the live one, in one step; a model that cannot be loaded is refused."""
        self.load(model_id)
        history = self._history()
        if history[:1] != [model_id]:
            self._write_history([model_id, *history])

    def rollback(self) -> str:
        """Goes back to the model that was live before, and returns its id. Raises `NotFound` when there is none."""
        history = self._history()
        if len(history) < 2:
            raise NotFound("There is no earlier model to go back to.")
        self.load(history[1])
        self._write_history(history[1:])
        return history[1]

    def _history(self) -> list[str]:
        try:
            return self.current_file.read_text("utf-8").split()
        except FileNotFoundError:
            return []

    def _write_history(self, history: list[str]) -> None:
        handle, name = tempfile.mkstemp(prefix=".current-", dir=self.folder)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write("\n".join(history[:_REMEMBERED]) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, self.current_file)

    def _check_id(self, model_id: str) -> None:
        if not _ID.fullmatch(model_id):
            raise InputRefused(
                "A model's name has up to 64 small letters, digits, dots, dashes and underscores, "
                "and starts with a letter or digit."
            )

    def _unknown(self, model_id: str) -> str:
        known = ", ".join(self.ids()) or "none yet; make one with `moderation train`"
        return f"There is no model {model_id}. On the shelf: {known}."
