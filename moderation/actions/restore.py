"""Put the state of an archive in place, all of it or nothing.

The files are first written beside their places. A journal then lists the renames: from this moment on the archive's
state counts, and a restore that was killed is completed by the next one. Former files are kept in a dated folder.
"""

import filecmp
import json
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from moderation.actions.archive import CURRENT_MODEL, DATABASE, SECRET, Archive, Manifest, durable_file, open_archive
from moderation.actions.backup import StatePaths, sync_folder
from moderation.actions.run_lock import RESTORE_JOURNAL, no_run
from moderation.actions.secret import SECRET_LENGTH_BYTES, check_value
from moderation.domain.errors import Conflict, InvalidInput, StorageUnavailable
from moderation.storage.migrate import HEAD
from moderation.storage.snapshot import check_database, load_command

_STAGING = ".restore"
_SIDE_FILES = ("-wal", "-shm")


class Move(NamedTuple):
    """A staged file or folder, its place, and the place to which its predecessor is moved."""

    staged: Path
    place: Path
    kept: Path


@dataclass(frozen=True, slots=True)
class Restored:
    """The manifest of the restored archive, and the folders that keep the former files.

    `load_command` loads the database of PostgreSQL, which the archive does not hold.
    """

    manifest: Manifest
    kept: tuple[Path, ...]
    load_command: str | None


def restore(state: StatePaths, source: Path, now: datetime, *, replace: bool) -> Restored:
    """Restore an archive. Without `replace`, nothing that exists and differs is touched.

    Completes an earlier restore that was killed. Raises `Conflict` while the service runs or where something would be
    replaced, `InvalidInput` for an unusable archive and `StorageUnavailable` where the state cannot be written.
    """
    try:
        state.var.mkdir(mode=0o700, parents=True, exist_ok=True)
        with no_run(state.var):
            _complete(state)
            with open_archive(source) as archive:
                moves = _prepare(archive, state, f"before-restore-{now:%Y%m%d-%H%M%S}", replace=replace)
            _complete(state)
    except OSError as error:
        outcome = "The restore is incomplete, run it again" if _is_begun(state) else "Nothing was restored"
        name = error.filename or state.var
        raise StorageUnavailable(f"{outcome}: {name} cannot be used ({error.strerror}).") from None
    kept = tuple(sorted({move.kept.parent for move in moves if move.kept.exists()}))
    return Restored(archive.manifest, kept, load_command(state.database_url) if state.database is None else None)


def _is_begun(state: StatePaths) -> bool:
    return (state.var / RESTORE_JOURNAL).exists()


def _prepare(archive: Archive, state: StatePaths, kept_name: str, *, replace: bool) -> list[Move]:
    """Write the files beside their places, then the journal. An error leaves the state as it was."""
    _reject_unfit(archive.manifest, state)
    try:
        moves = _stage(archive, state, kept_name)
        replaced = [str(move.place) for move in moves if move.place.exists()]
        if replaced and not replace:
            raise Conflict(f"{', '.join(replaced)} would be replaced: add --replace. The former files are kept.")
        _write_journal(state, moves)
    except BaseException:
        if not _is_begun(state):
            _remove_staging(state)
        raise
    return moves


def _reject_unfit(manifest: Manifest, state: StatePaths) -> None:
    """Raise `InvalidInput` for an archive that this program cannot restore here."""
    if manifest.revision > HEAD:
        raise InvalidInput(
            f"The archive is of a newer version of this program ({manifest.version}, schema {manifest.revision}; this "
            f"one has {HEAD}): install that version."
        )
    kind = "postgresql" if state.database is None else "sqlite"
    if manifest.database != kind:
        raise InvalidInput(
            f"The archive belongs to a database of kind {manifest.database}: set MODERATION_DATABASE_URL accordingly."
        )


def _stage(archive: Archive, state: StatePaths, kept_name: str) -> list[Move]:
    """Write every member beside its place and check it. Returns the moves of the members that differ."""
    _remove_staging(state)
    moves = []
    for name in archive.manifest.members:
        place, staged, root = _place(name, state), _staged(name, state), _root(name, state)
        _make_folder(root)
        _make_folder(staged.parent)
        with durable_file(staged) as file:
            archive.extract(name, file)
        if name.startswith("models/"):
            # As the registry writes them: another user may train and promote.
            staged.chmod(0o644)
        if _differs(place, staged):
            moves.append(Move(staged, place, root / kept_name / place.relative_to(root)))
    _check_staged(state, archive.manifest)
    return moves


def _differs(place: Path, staged: Path) -> bool:
    # A -wal file is part of the database beside it.
    has_more = any(place.with_name(place.name + suffix).exists() for suffix in _SIDE_FILES)
    return has_more or not place.exists() or not filecmp.cmp(staged, place, shallow=False)


def _check_staged(state: StatePaths, manifest: Manifest) -> None:
    """Raise `InvalidInput` if the database, the secret and the live model do not fit together."""
    secret = _staged(SECRET, state).read_bytes()
    if len(secret) != SECRET_LENGTH_BYTES:
        raise InvalidInput("The secret in the archive is damaged.")
    if CURRENT_MODEL in manifest.members:
        history = _staged(CURRENT_MODEL, state).read_text("utf-8", "replace").split()
        if not history or f"models/{history[0]}/card.json" not in manifest.members:
            raise InvalidInput("The archive lacks the model that is live in it.")
    if state.database is None:
        return
    try:
        facts = check_database(_staged(DATABASE, state))
    except StorageUnavailable as error:
        raise InvalidInput(f"The archive cannot be restored. {error}") from None
    if (facts.revision, facts.installation) != (manifest.revision, manifest.installation):
        raise InvalidInput("The archive is damaged: its database is not that of its manifest.")
    if facts.secret_digest not in (None, check_value(secret)):
        raise InvalidInput("The archive is damaged: its secret belongs to another database.")


def _place(name: str, state: StatePaths) -> Path:
    if name == SECRET:
        return state.secret
    if name == DATABASE:
        assert state.database is not None  # `_reject_unfit` compares the kinds
        return state.database.resolve()
    return state.models / name.removeprefix("models/")


def _root(name: str, state: StatePaths) -> Path:
    """Return the folder beside whose content a member is staged: a rename cannot cross file systems."""
    return state.models if name.startswith("models/") else _place(name, state).parent


def _staged(name: str, state: StatePaths) -> Path:
    root = _root(name, state)
    return root / _STAGING / _place(name, state).relative_to(root)


def _write_journal(state: StatePaths, moves: list[Move]) -> None:
    """Write the journal: when it has its name, the restore counts as done."""
    for folder in _staging_folders(state):
        for path in (folder.parent, folder, *(child for child in folder.rglob("*") if child.is_dir())):
            sync_folder(path)
    draft = state.var / _STAGING / RESTORE_JOURNAL
    _make_folder(draft.parent)
    with durable_file(draft) as file:
        file.write(json.dumps([list(map(str, move)) for move in moves]).encode())
    draft.replace(state.var / RESTORE_JOURNAL)
    sync_folder(state.var)


def _complete(state: StatePaths) -> None:
    """Carry out the moves of the journal that were not carried out yet, then remove it."""
    try:
        moves = [Move(*map(Path, paths)) for paths in json.loads((state.var / RESTORE_JOURNAL).read_text("utf-8"))]
    except FileNotFoundError:
        return
    for move in moves:
        if move.staged.exists():
            _move(move)
    for folder in {parent for move in moves for parent in (move.place.parent, move.kept.parent) if parent.exists()}:
        sync_folder(folder)
    (state.var / RESTORE_JOURNAL).unlink()
    sync_folder(state.var)
    _remove_staging(state)


def _move(move: Move) -> None:
    # The -wal file holds a part of the former database and would damage the new one. It is moved first: SQLite
    # ignores it beside any other file name, and the journal completes the move.
    for suffix in (*_SIDE_FILES, ""):
        former = move.place.with_name(move.place.name + suffix)
        if former.exists():
            _make_folder(move.kept.parent)
            former.replace(move.kept.with_name(move.kept.name + suffix))
    move.place.parent.mkdir(mode=0o755, exist_ok=True)
    move.staged.replace(move.place)


def _staging_folders(state: StatePaths) -> list[Path]:
    roots = {state.var, state.models, *([state.database.resolve().parent] if state.database else [])}
    return [folder for root in sorted(roots) if (folder := root / _STAGING).is_dir()]


def _remove_staging(state: StatePaths) -> None:
    for folder in _staging_folders(state):
        shutil.rmtree(folder)


def _make_folder(path: Path) -> None:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
