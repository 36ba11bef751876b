"""The format of a backup: a tar archive with a manifest first, then every file that the manifest lists.

An archive may come from anywhere, so `Archive` refuses every member that `write_archive` would not write. Nothing is
compressed: a small archive cannot unfold into a large one.
"""

import io
import os
import re
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from hashlib import file_digest, sha256
from pathlib import Path
from typing import IO, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, ValidationError

from moderation import __version__
from moderation.domain.errors import InvalidInput
from moderation.registry.model_files import CARD_FILE, MAX_BYTES, MODEL_FILE
from moderation.registry.model_registry import STATE_FILES

MANIFEST = "manifest.json"
DATABASE = "moderation.db"
SECRET = "secret"
CURRENT_MODEL = "models/current"
REGISTRY_FILES = tuple(f"models/{name}" for name in STATE_FILES)

_MAX_MANIFEST_BYTES = 2**20
_MAX_MEMBERS = 5_000
_MODEL_MEMBER = re.compile(rf"models/[a-z0-9][a-z0-9._-]{{0,63}}/(?:{'|'.join(map(re.escape, MAX_BYTES))})")
_CHUNK_BYTES = 2**20


class Member(BaseModel):
    """Size in bytes and SHA-256 of a file in the archive."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: NonNegativeInt
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Manifest(BaseModel):
    """The content of an archive: versions, the database that it belongs to, and its members by name.

    `dump_command` saves a database that the archive does not hold.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    version: str = __version__
    created_at: datetime
    database: Literal["sqlite", "postgresql"]
    dump_command: str | None = None
    revision: str = Field(pattern=r"^\d{4}$")
    installation: str
    members: dict[str, Member]


def describe_file(path: Path) -> Member:
    """Return the size and the digest of a file. Raises `OSError`."""
    with path.open("rb") as file:
        return Member(size=os.fstat(file.fileno()).st_size, sha256=file_digest(file, "sha256").hexdigest())


def write_archive(path: Path, manifest: Manifest, sources: Mapping[str, Path]) -> None:
    """Write a new archive that only its owner may read, and flush it to the disk. Raises `OSError`.

    `sources` has the file of each member.
    """
    with durable_file(path) as stream, tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        content = manifest.model_dump_json(indent=1).encode()
        _add(tar, MANIFEST, len(content), manifest.created_at, io.BytesIO(content))
        for name, member in manifest.members.items():
            with sources[name].open("rb") as source:
                _add(tar, name, member.size, manifest.created_at, source)


@contextmanager
def durable_file(path: Path) -> Iterator[IO[bytes]]:
    """Create a file that only its owner may read; it is on disk when the block ends. Raises `OSError`."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        yield stream
        stream.flush()
        os.fsync(stream.fileno())


class Archive:
    """An open archive whose list of members equals its manifest. The content is checked when it is read."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self._members = _regular_members(tar)
        self.manifest = _read_manifest(tar, self._members.pop(MANIFEST, None))
        sizes = {name: member.size for name, member in self.manifest.members.items()}
        if sizes != {name: member.size for name, member in self._members.items()}:
            raise InvalidInput("The archive is damaged: its files are not those of its manifest.")
        _check_completeness(self.manifest)

    def extract(self, name: str, target: IO[bytes]) -> None:
        """Write a member to an open file. Raises `InvalidInput` for another checksum, and `OSError`."""
        digest = sha256()
        source = self._tar.extractfile(self._members[name])
        assert source is not None  # only regular files are listed
        while chunk := source.read(_CHUNK_BYTES):
            digest.update(chunk)
            target.write(chunk)
        if digest.hexdigest() != self.manifest.members[name].sha256:
            raise InvalidInput(f"The archive is damaged: {name} has another checksum than in the manifest.")

    def verify(self) -> None:
        """Read every member. Raises `InvalidInput` for another checksum."""
        with Path(os.devnull).open("wb") as nothing:
            for name in self.manifest.members:
                self.extract(name, nothing)


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Open an archive. Raises `InvalidInput` if it is damaged, or no backup of this program, and `OSError`."""
    try:
        with tarfile.open(path, "r:") as tar:
            yield Archive(tar)
    except (tarfile.TarError, EOFError, UnicodeError, ValueError, OverflowError) as error:
        raise InvalidInput(f"{path.name} is damaged, or no backup of this program ({type(error).__name__}).") from None


def _add(tar: tarfile.TarFile, name: str, size: int, at: datetime, source: IO[bytes]) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = size, 0o600, int(at.timestamp())
    tar.addfile(entry, source)


def _regular_members(tar: tarfile.TarFile) -> dict[str, tarfile.TarInfo]:
    members: dict[str, tarfile.TarInfo] = {}
    for entry in tar:
        known = entry.name in (MANIFEST, DATABASE, SECRET, *REGISTRY_FILES) or _MODEL_MEMBER.fullmatch(entry.name)
        if not known or entry.name in members or not entry.isreg() or entry.issparse():
            raise InvalidInput(f"The archive holds {entry.name[:80]!a}, which no backup of this program has.")
        members[entry.name] = entry
        if len(members) > _MAX_MEMBERS:
            raise InvalidInput(f"The archive has more than {_MAX_MEMBERS} files: no backup of this program has.")
    return members


def _read_manifest(tar: tarfile.TarFile, entry: tarfile.TarInfo | None) -> Manifest:
    source = tar.extractfile(entry) if entry is not None and entry.size <= _MAX_MANIFEST_BYTES else None
    if source is None:
        raise InvalidInput("The archive has no manifest: it is no backup of this program.")
    try:
        return Manifest.model_validate_json(source.read())
    except ValidationError as error:
        place = "/".join(map(str, error.errors()[0]["loc"]))[:80]
        raise InvalidInput(
            f"The manifest of the archive cannot be read ({place!a}): "
            "it is damaged, or a newer version of this program wrote it."
        ) from None


def _check_completeness(manifest: Manifest) -> None:
    names = set(manifest.members)
    models = {name.rpartition("/")[0] for name in names if _MODEL_MEMBER.fullmatch(name)}
    needed = {SECRET} | {f"{model}/{file}" for model in models for file in (MODEL_FILE, CARD_FILE)}
    if manifest.database == "sqlite":
        needed |= {DATABASE}
    missing = sorted(needed - names)
    if missing or (manifest.database != "sqlite" and DATABASE in names):
        raise InvalidInput(f"The archive is incomplete: {', '.join(missing)[:200] or 'its manifest'} is missing.")
