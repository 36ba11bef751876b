"""A copy of a model from elsewhere, put into a registry wholly or not at all, once its checksums match."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from errno import ENOSPC
from hashlib import file_digest
from pathlib import Path
from typing import NamedTuple

from moderation.domain.errors import ModelUnavailable
from moderation.registry.model_card import ModelCard
from moderation.registry.model_files import CARD_FILE, MAX_BYTES, MODEL_FILE, check_model_id
from moderation.registry.model_registry import ModelRegistry
from moderation.registry.reader_file import READER_FILE
from moderation.registry.serialization import read_bounded, sha256_hex

_DRAFT_PREFIX = ".received-"
_LOCK_FILE = ".receiving"
_SPARE_BYTES = 20_000_000
"""Space that a copy leaves on its disk."""


class SentFile(NamedTuple):
    """A file that is being sent: its name, its announced size, and its content in chunks."""

    name: str
    size: int
    chunks: Iterator[bytes]


@contextmanager
def sole_receiver(registry: ModelRegistry) -> Iterator[bool]:
    """Yield whether this process alone may receive a model now: another one of this machine may be at it.

    Raises `ModelUnavailable` if the folder cannot be written to.
    """
    with _described("any model"):
        registry.folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(registry.folder / _LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        for left in registry.folder.glob(f"{_DRAFT_PREFIX}*"):
            shutil.rmtree(left, ignore_errors=True)
        yield True
    finally:
        os.close(lock)


def read_files(registry: ModelRegistry, model_id: str) -> dict[str, bytes]:
    """Return the files of a model by name. Raises the errors of `ModelRegistry.card`, or `ModelUnavailable`."""
    folder, card = registry.folder / model_id, registry.card(model_id)
    names = [name for name in MAX_BYTES if name != READER_FILE or card.reader]
    with _described(model_id):
        files = {name: read_bounded(folder / name, MAX_BYTES[name]) for name in names}
    _check_digests(card, {name: sha256_hex(content) for name, content in files.items()})
    return files


def is_intact(registry: ModelRegistry, model_id: str) -> bool:
    """Return whether the files of a model have the checksums of its card."""
    folder = registry.folder / model_id
    try:
        card = registry.card(model_id)
        _check_digests(card, {name: _digest(folder / name) for name in MAX_BYTES if (folder / name).exists()})
    except (ModelUnavailable, OSError):
        return False
    return True


def receive(registry: ModelRegistry, model_id: str, card_sha256: str, files: Iterable[SentFile]) -> None:
    """Write the files of a model, in place of a damaged copy, and make nothing live.

    Raises `ModelUnavailable` for files that are too large, incomplete, or of another model, and for a full disk. The
    registry is then as before.
    """
    check_model_id(model_id)
    sent = {file.name: file for file in files}
    _check_sizes(model_id, sent)
    with _described(model_id):
        _check_space(registry, model_id, sum(file.size for file in sent.values()))
        draft = Path(tempfile.mkdtemp(prefix=_DRAFT_PREFIX, dir=registry.folder))
    try:
        with _described(model_id):
            digests = {name: _write(draft / name, sent[name]) for name in MAX_BYTES if name in sent}
            if digests[CARD_FILE] != card_sha256:
                raise ModelUnavailable(f"The published card of {model_id} is not the one that was promoted.")
            card = ModelCard.from_json((draft / CARD_FILE).read_text("utf-8", "replace"), model_id)
            _check_digests(card, digests)
            draft.chmod(0o755)
            _put(registry, model_id, draft)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _check_sizes(model_id: str, sent: dict[str, SentFile]) -> None:
    wrong = [name for name, file in sent.items() if file.size > MAX_BYTES.get(name, -1)]
    wrong += sorted({CARD_FILE, MODEL_FILE} - sent.keys())
    if wrong:
        raise ModelUnavailable(f"The published files of {model_id} are too large, or not those of a model.")


def _check_space(registry: ModelRegistry, model_id: str, size: int) -> None:
    if shutil.disk_usage(registry.folder).free < size + _SPARE_BYTES:
        raise ModelUnavailable(
            f"The disk of the models has no room for the {size / 1e6:,.0f} MB of {model_id}: free some space."
        )


def _check_digests(card: ModelCard, digests: dict[str, str]) -> None:
    expected = {MODEL_FILE: card.digest} | ({READER_FILE: card.reader.digest} if card.reader else {})
    if any(digests.get(name) != digest for name, digest in expected.items()):
        raise ModelUnavailable(f"The model {card.id} differs from its card: it was truncated, altered or swapped.")


def _write(path: Path, file: SentFile) -> str:
    """Write a file of at most its announced size. Returns its SHA-256."""
    left = file.size
    with path.open("w+b") as target:
        for chunk in file.chunks:
            left -= len(chunk)
            if left < 0:
                break
            target.write(chunk)
        target.flush()
        os.fsync(target.fileno())
        target.seek(0)
        return "" if left else file_digest(target, "sha256").hexdigest()


def _put(registry: ModelRegistry, model_id: str, draft: Path) -> None:
    """Rename a complete folder to its place, in which there may be a damaged copy."""
    place, former = registry.folder / model_id, draft.with_name(f"{draft.name}-former")
    with registry.locked():
        if place.exists():
            place.rename(former)
        draft.rename(place)
    shutil.rmtree(former, ignore_errors=True)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


@contextmanager
def _described(model: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno == ENOSPC:
            raise ModelUnavailable(f"The disk of the models is full, so {model} is missing: free some space.") from None
        raise ModelUnavailable(f"The folder of the models cannot take {model}: {error.strerror}.") from None
