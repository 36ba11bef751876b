"""The folder of models: `<id>/model.joblib` with `<id>/card.json` for each model, and `current` for the live one."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from moderation.domain.errors import Conflict, InvalidInput, ModelUnavailable, NotFound
from moderation.registry import promotion_log
from moderation.registry.model_card import MAX_CARD_BYTES, ModelCard
from moderation.registry.model_files import CARD_FILE, MODEL_FILE, check_model_id, is_model_id
from moderation.registry.promotion_log import Promotion, PromotionWay
from moderation.registry.reader_file import READER_FILE, open_reader
from moderation.registry.serialization import read_arrays, read_bounded, sha256_hex, write_arrays
from moderation.scoring.model import Model

_DRAFT_PREFIX = ".draft-"
_CURRENT_DRAFT = ".current"
_CURRENT, _SHADOW = "current", "shadow"
STATE_FILES = (_CURRENT, _SHADOW, promotion_log.LOG_NAME)
"""The files of a registry beside its models; each is absent before its first use."""
_MAX_HISTORY = 20
_MAX_NAMED_MODELS = 20
_MAX_CURRENT_BYTES = 64 * 1024

LOCK_TIMEOUT_SECONDS = 10.0
"""Time that a change of the registry waits for another one. A change takes less than a second."""


class ModelRegistry:
    """Models by id. The first line of `current` is the live id, the following lines are earlier ones, latest first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def current_file(self) -> Path:
        """The file that names the live model."""
        return self.folder / _CURRENT

    def ids(self) -> list[str]:
        """Return the ids of all models, in alphabetical order."""
        return sorted(path.parent.name for path in self.folder.glob(f"*/{CARD_FILE}"))

    def ids_since(self, at: datetime) -> list[str]:
        """Return the ids of the models whose files were written since a time."""
        cards = {model_id: self.folder / model_id / CARD_FILE for model_id in self.ids()}
        return [model_id for model_id, card in cards.items() if card.stat().st_mtime >= at.timestamp()]

    def current_id(self) -> str | None:
        """Return the id of the live model, or `None` before the first promotion. Raises `ModelUnavailable`."""
        history = self._history()
        return history[0] if history else None

    def card(self, model_id: str) -> ModelCard:
        """Return the card of a model. Raises `NotFound`, or `ModelUnavailable` if the card cannot be read."""
        try:
            text = self._read_card(model_id).decode("utf-8")
        except UnicodeDecodeError as error:
            raise ModelUnavailable(f"The card of model {model_id} cannot be read ({type(error).__name__}).") from None
        return ModelCard.from_json(text, model_id)

    def checksum(self, model_id: str) -> str:
        """Return the SHA-256 of a model's card, which has those of its other files. Raises the errors of `card`."""
        return sha256_hex(self._read_card(model_id))

    def load(self, model_id: str) -> Model:
        """Load a model after its checksum matched the card.

        A model whose reader cannot be used is loaded without it, under the id of that model alone, with the cause in
        `reader_problem`. Raises `NotFound`, or `ModelUnavailable` if the files are altered, hostile or of another
        version.
        """
        card = self.card(model_id)
        arrays = read_arrays(self.folder / model_id / MODEL_FILE, card.digest)
        if card.reader is None:
            return Model.from_arrays(model_id, arrays, card.thresholds, card.general_guarantees)
        entry = card.reader
        alone = Model.from_arrays(entry.alone, arrays, entry.alone_thresholds, entry.alone_guarantees)
        try:
            reader = open_reader(self.folder / model_id, entry)
        except ModelUnavailable as error:
            return replace(alone, stored_id=model_id, reader_problem=str(error))
        return alone.with_reader(model_id, reader, card.thresholds, card.general_guarantees)

    def arrays(self, model_id: str) -> dict[str, Any]:
        """Return the content of a model's `model.joblib`. Raises the errors of `load`."""
        return read_arrays(self.folder / model_id / MODEL_FILE, self.card(model_id).digest)

    def add(
        self, arrays: Mapping[str, Any], card: ModelCard, reader_values: Mapping[str, Any] | None = None
    ) -> ModelCard:
        """Store a model completely or not at all, without promoting it. Returns its card with the digests.

        A card with a reader needs the values of its file. Raises the errors of `check_can_add`.
        """
        self.check_can_add(card.id)
        draft = self._create_draft()
        try:
            card = replace(card, digest=write_arrays(draft / MODEL_FILE, dict(arrays)))
            if card.reader and reader_values:
                digest = write_arrays(draft / READER_FILE, dict(reader_values))
                card = replace(card, reader=replace(card.reader, digest=digest))
            (draft / CARD_FILE).write_text(card.to_json(), "utf-8")
            draft.chmod(0o755)
            with self.locked():
                # Another process may have stored a model of this id since the first check.
                self._reject_taken(card.id)
                draft.rename(self.folder / card.id)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        return card

    def check_can_add(self, model_id: str) -> None:
        """Raise an error unless a model of this id can be stored.

        The error is `InvalidInput` if the id is malformed or the folder not writable, `Conflict` if the id is taken.
        """
        check_model_id(model_id)
        self._reject_taken(model_id)
        self._create_draft().rmdir()

    def promote(
        self,
        model_id: str,
        *,
        compared_with: str | None = None,
        record: Promotion | None = None,
        publish: Callable[[str], None] | None = None,
    ) -> None:
        """Make a model the live one, atomically. Concurrent promotions and rollbacks happen one after the other.

        The `record` goes into the log of promotions. `publish` is called with the id before the model is live here: its
        errors leave the former one. Raises the errors of `load`, and `Conflict` if another model than `compared_with`
        is live.
        """
        self.card(model_id)
        with self.locked():
            live = self.current_id()
            if compared_with not in (None, live):
                raise Conflict(f"{live} became the live model during the comparison: compare {model_id} with it.")
            self.load(model_id)
            if publish:
                publish(model_id)
            if live != model_id:
                self._log(record)
            self._promote(model_id)

    def rollback(self, at: datetime | None = None) -> str:
        """Make the previously live model live again, and return its id. With a time, it goes into the log.

        Raises `NotFound` without a previous model, and the errors of `load`.
        """
        if not self._history():
            raise NotFound("There is no earlier model to go back to.")
        with self.locked():
            history = self._history()
            if len(history) < 2:
                raise NotFound("There is no earlier model to go back to.")
            self.load(history[1])
            self._log(Promotion(at, history[1], history[0], PromotionWay.ROLLBACK) if at else None)
            self._write_history(history[1:])
        return history[1]

    def shadow_id(self) -> str | None:
        """Return the id of the shadow candidate, or `None` without one."""
        try:
            model_id = read_bounded(self.folder / _SHADOW, _MAX_CURRENT_BYTES).decode("utf-8", "replace").strip()
        except (OSError, ModelUnavailable):
            return None
        return model_id if is_model_id(model_id) else None

    def set_shadow(self, model_id: str | None) -> None:
        """Make a model the shadow candidate, or with `None` none. Raises the errors of `load`."""
        if model_id is None:
            (self.folder / _SHADOW).unlink(missing_ok=True)
            return
        self.load(model_id)
        with self.locked():
            self._replace_file(_SHADOW, f"{model_id}\n")

    def promotions(self) -> list[Promotion]:
        """Return the log of promotions, the oldest first. Raises `ModelUnavailable` if it cannot be read."""
        try:
            return promotion_log.read(self.folder)
        except OSError as error:
            raise ModelUnavailable(f"The log of promotions cannot be read: {error.strerror}.") from None

    def install(self, source: Path) -> None:
        """Copy the models of another folder that are missing here. If no model is live, promote the newest of them.

        "Newest" goes by name, so the names have to sort by date. A live model stays live: sites are calibrated for it.
        """
        shipped = sorted(card.parent for card in source.glob(f"*/{CARD_FILE}"))
        for model in shipped:
            if not (self.folder / model.name).exists():
                self._copy(model)
        if shipped and self.current_id() is None:
            with self.locked():
                # Another process may have promoted a model since the first check.
                if self.current_id() is None:
                    self._promote(shipped[-1].name)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from changing the registry. Raises `Conflict` after `LOCK_TIMEOUT_SECONDS`.

        Locks the folder itself. The kernel releases the lock of a killed process.
        """
        folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            _lock(folder)
            # Only the holder of the lock writes it, so a killed process left this one.
            (self.folder / _CURRENT_DRAFT).unlink(missing_ok=True)
            yield
            # A rename is on disk when its folder is.
            os.fsync(folder)
        finally:
            os.close(folder)

    def _log(self, record: Promotion | None) -> None:
        """Append to the log before the model is live: a promotion without its record would be without a trace."""
        if record:
            promotion_log.append(self.folder, record)

    def _promote(self, model_id: str) -> None:
        self.load(model_id)
        history = self._history()
        if history[:1] != [model_id]:
            self._write_history([model_id, *history])

    def _read_card(self, model_id: str) -> bytes:
        check_model_id(model_id)
        try:
            return read_bounded(self.folder / model_id / CARD_FILE, MAX_CARD_BYTES)
        except FileNotFoundError:
            raise NotFound(self._unknown_model_message(model_id)) from None
        except OSError as error:
            raise ModelUnavailable(f"The card of model {model_id} cannot be read ({type(error).__name__}).") from None

    def _reject_taken(self, model_id: str) -> None:
        if (self.folder / model_id).exists():
            raise Conflict(f"A model {model_id} already exists; choose another name with --id.")

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
            return read_bounded(self.current_file, _MAX_CURRENT_BYTES).decode("utf-8", "replace").split()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise ModelUnavailable(f"The file {self.current_file} cannot be read: {error.strerror}.") from None

    def _write_history(self, history: list[str]) -> None:
        self._replace_file(self.current_file.name, "\n".join(history[:_MAX_HISTORY]) + "\n")

    def _replace_file(self, name: str, text: str) -> None:
        draft = self.folder / _CURRENT_DRAFT
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(0o644)
        draft.replace(self.folder / name)

    def _unknown_model_message(self, model_id: str) -> str:
        ids = self.ids()
        known = ", ".join(ids[-_MAX_NAMED_MODELS:]) or "none; train one with `moderation train`"
        if len(ids) > _MAX_NAMED_MODELS:
            known += f", and {len(ids) - _MAX_NAMED_MODELS} more"
        return f"There is no model {model_id}. Models in the registry: {known}."


def _lock(folder: int) -> None:
    deadline = monotonic() + LOCK_TIMEOUT_SECONDS
    while True:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if monotonic() > deadline:
                raise Conflict("Another command is changing the models: try again when it has ended.") from None
        sleep(0.01)
