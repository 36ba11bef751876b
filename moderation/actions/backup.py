"""Save the database, the secret and the models in one archive while the service runs."""

import fcntl
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest
from pathlib import Path

from moderation.actions.archive import (
    DATABASE,
    REGISTRY_FILES,
    SECRET,
    Manifest,
    describe_file,
    open_archive,
    write_archive,
)
from moderation.actions.secret import check_value
from moderation.domain.errors import Conflict, InvalidInput, ModerationError, StorageUnavailable
from moderation.registry.model_files import CARD_FILE, MAX_BYTES, MODEL_FILE
from moderation.storage.snapshot import (
    DatabaseFacts,
    copy_database,
    database_path,
    dump_command,
    note_backup,
    read_facts,
)

logger = logging.getLogger(__name__)

_SCRATCH_PREFIX = ".moderation-backup-"


@dataclass(frozen=True, slots=True)
class StatePaths:
    """The places of everything that an installation keeps: the folder of the secret, the models and the database."""

    var: Path
    models: Path
    database_url: str
    busy_timeout_seconds: float

    @property
    def secret(self) -> Path:
        """The file of the secret."""
        return self.var / "secret"

    @property
    def database(self) -> Path | None:
        """The file of the database; `None` if it is not SQLite."""
        return database_path(self.database_url)


def back_up(state: StatePaths, target: Path, now: datetime) -> Manifest:
    """Write the state to a new archive, read the archive back, and give it its name. Returns its manifest.

    The service may run: every decision that was acknowledged before the call is in the archive. A former backup of
    the same name is replaced once the new one is complete. Raises `Conflict`, `InvalidInput` or `StorageUnavailable`.
    """
    target = target.absolute()
    _reject_other_file(target)
    try:
        with _scratch_folder(target.parent) as scratch:
            sources = {SECRET: state.secret, **_model_files(state.models, scratch)}
            facts = _save_database(state, scratch)
            _reject_foreign_secret(state.secret, facts)
            if state.database is not None:
                sources[DATABASE] = scratch / DATABASE
            manifest = Manifest(
                created_at=now,
                database="postgresql" if state.database is None else "sqlite",
                dump_command=dump_command(state.database_url) if state.database is None else None,
                revision=facts.revision,
                installation=facts.installation,
                members={name: describe_file(path) for name, path in sources.items()},
            )
            draft = scratch / target.name
            write_archive(draft, manifest, sources)
            with open_archive(draft) as archive:
                archive.verify()
            draft.replace(target)
            sync_folder(target.parent)
            _note(state, target, facts, now)
    except OSError as error:
        name = error.filename or target.parent
        raise StorageUnavailable(f"No backup was written: {name} cannot be used ({error.strerror}).") from None
    return manifest


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder to the disk, so that a power cut does not undo a rename. Raises `OSError`."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _note(state: StatePaths, target: Path, facts: DatabaseFacts, now: datetime) -> None:
    """Note the backup in the database, which must not be in the way of saving it."""
    try:
        note_backup(state.database_url, state.busy_timeout_seconds, target, facts.revision, now)
    except StorageUnavailable as error:
        logger.warning("the backup is not noted for erasures", extra={"problem": str(error)})


def _save_database(state: StatePaths, scratch: Path) -> DatabaseFacts:
    if state.database is None:
        return read_facts(state.database_url, state.busy_timeout_seconds)
    return copy_database(state.database_url, state.busy_timeout_seconds, scratch / DATABASE)


def _reject_foreign_secret(path: Path, facts: DatabaseFacts) -> None:
    """Raise `StorageUnavailable` for a secret that could not be restored together with this database."""
    stored = facts.secret_digest
    if stored is not None and not compare_digest(stored, check_value(path.read_bytes())):
        raise StorageUnavailable("The file var/secret belongs to another database: run `moderation doctor`.")


def _model_files(models: Path, scratch: Path) -> dict[str, Path]:
    """Return the files of all complete models by their names in the archive, and copies of the registry's own files.

    The copies are made first: a model that goes live meanwhile would not be among the files. They are copies, because
    a promotion may change such a file between its description and its turn in the archive.
    """
    files: dict[str, Path] = {}
    for name in REGISTRY_FILES:
        place = models / Path(name).name
        with suppress(FileNotFoundError):
            files[name] = Path(shutil.copyfile(place, scratch / place.name))
    folders = sorted(card.parent for card in models.glob(f"*/{CARD_FILE}") if (card.parent / MODEL_FILE).is_file())
    present = [path / name for path in folders for name in MAX_BYTES if (path / name).is_file()]
    return files | {f"models/{path.parent.name}/{path.name}": path for path in present}


def _reject_other_file(target: Path) -> None:
    """Raise `InvalidInput` if another kind of file has the name of the archive."""
    if not target.exists():
        return
    try:
        with open_archive(target):
            return
    except (ModerationError, OSError):
        raise InvalidInput(f"{target} exists and is no backup: choose another name.") from None


@contextmanager
def _scratch_folder(parent: Path) -> Iterator[Path]:
    """Create a folder that only its owner may read. Remove it at the end, with what killed backups left beside it.

    Raises `Conflict` while another backup is written to the same parent.
    """
    lock = os.open(parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(f"Another backup is being written to {parent}: wait until it has ended.") from None
        for left in parent.glob(f"{_SCRATCH_PREFIX}*"):
            shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=_SCRATCH_PREFIX, dir=parent) as folder:
            yield Path(folder)
    finally:
        os.close(lock)
