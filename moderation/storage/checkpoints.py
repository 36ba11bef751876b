"""Tell a checkpoint of SQLite from a copy over the open database file, which keeps the file's inode.

In WAL mode only checkpoints write to the database file. Each one first notes its progress in the -shm file, or restarts
the -wal file with another salt. A database file that changed without either was written by another program. The format
is that of https://sqlite.org/walformat.html, sections 2.1 to 2.3, and https://sqlite.org/fileformat2.html, section 1.3.
"""

import os
from os import stat_result
from pathlib import Path
from struct import Struct
from time import monotonic, sleep
from typing import NamedTuple

MAX_CHECKPOINT_WAIT_SECONDS = 0.5
"""Time for a checkpoint to note its progress, where the file was seen to change before the note was."""

_WAL_HEADER = Struct(">8xI4x8s8x")
_FRAME_HEADER = Struct(">II8s8x")
_POLL_SECONDS = 0.01
_HEADER_BYTES = 100
_LOCK_OFFSET = 2**30
"""Place of the page that SQLite never writes, as it locks the bytes there (fileformat2.html, section 1.5)."""
_CHANGE_COUNTER = slice(24, 28)
_VERSION = slice(24, 32)
"""Change counter and number of pages. In WAL mode the counter may stay, but the two together decrease only by VACUUM,
which changes the schema cookie.
"""
_SCHEMA_COOKIE = slice(40, 44)
_SHM_BYTES = 136
_SALTS = slice(32, 40)
_BACKFILL = slice(96, 100)
_BACKFILL_ATTEMPTED = slice(128, 132)


def is_foreign_wal(path: Path, wal_path: Path) -> bool:
    """Return whether a -wal file is that of another, larger database.

    The frames of a -wal file and the pages of its database file make up the database at every commit. So a page that
    neither of the two has shows that they do not belong together. The opposite cannot be shown.
    """
    try:
        with wal_path.open("rb") as wal:
            header = wal.read(_WAL_HEADER.size)
            if len(header) < _WAL_HEADER.size:
                return False
            page_size, salts = _WAL_HEADER.unpack(header)
            pages, sizes = set(), set()
            while len(frame := wal.read(_FRAME_HEADER.size)) == _FRAME_HEADER.size:
                page, size_after_commit, frame_salts = _FRAME_HEADER.unpack(frame)
                # Later frames are left over from before the file was restarted.
                if frame_salts != salts:
                    break
                pages.add(page)
                sizes.add(size_after_commit)
                wal.seek(page_size, os.SEEK_CUR)
        stored = path.stat().st_size // page_size if page_size else 0
    except OSError:
        return False
    smallest = min(sizes - {0}, default=0)
    pages.add(_LOCK_OFFSET // page_size + 1 if page_size else 0)
    return any(page not in pages for page in range(stored + 1, smallest + 1))


class _Observation(NamedTuple):
    """The progress of checkpoints, and then the state of the database file: time, size and header."""

    checkpoint: bytes
    written: tuple[int, int]
    header: bytes


class CheckpointWatch:
    """The database file of one process's connections, as the last check saw it.

    Its two open files are never closed: closing any of a process's files ends SQLite's locks on the same file.
    """

    def __init__(self, path: Path, shm_path: Path) -> None:
        self._paths = path, shm_path
        self._open_files: dict[Path, tuple[tuple[int, int], int]] = {}
        self._last: _Observation | None = None
        self._foreign: _Observation | None = None
        self._identity = b""
        self._identity_offset = self._page_size = 0
        self._schema_cookie = b""

    def begin(self, identity: str, root_page: int, page_size: int, schema_version: int) -> None:
        """Trust the file as it is now.

        `root_page` is that of the table with the identity in this version of the schema, 0 without such a table.
        """
        self._identity, self._page_size = identity.encode(), page_size
        self._identity_offset = (root_page - 1) * page_size
        self._schema_cookie = (schema_version % 2**32).to_bytes(4, "big")
        self._last = self._observe()

    def is_overwritten(self, status: stat_result) -> bool:
        """Return whether another program has written to the database file, whose present status is `status`.

        Takes less than a microsecond, except after a checkpoint.
        """
        try:
            return self._is_changed(status)
        except OSError:
            # The files go away at this moment, so nothing that was just written may be acknowledged.
            return True

    def _is_changed(self, status: stat_result) -> bool:
        last = self._last
        if last is None or (status.st_mtime_ns, status.st_size) == last.written:
            return False
        end = monotonic() + MAX_CHECKPOINT_WAIT_SECONDS
        while not self._is_explained(last, now := self._observe()):
            # Only the first request waits: the others would queue up behind such waits.
            if now == self._foreign or monotonic() > end:
                self._foreign = now
                return True
            sleep(_POLL_SECONDS)
        self._last = now
        return False

    def _is_explained(self, last: _Observation, now: _Observation) -> bool:
        """Return whether a checkpoint led from one observation to the other, or the file has the same content."""
        is_under_way = now.checkpoint[8:12] != now.checkpoint[12:]
        if now.checkpoint == last.checkpoint and not is_under_way:
            return now.header == last.header and now.written[1] == last.written[1]
        if now.header[_SCHEMA_COOKIE] != last.header[_SCHEMA_COOKIE]:
            # As after VACUUM, which frees pages.
            return now.header[_CHANGE_COUNTER] >= last.header[_CHANGE_COUNTER]
        # A checkpoint that is under way may have written the page of the schema, and not yet that of the table.
        return now.header[_VERSION] >= last.header[_VERSION] and (is_under_way or self._has_identity(now))

    def _has_identity(self, now: _Observation) -> bool:
        """Return whether the file has the identity, as far as its place is known: another schema moves tables."""
        if self._identity_offset < 0 or now.header[_SCHEMA_COOKIE] != self._schema_cookie:
            return True
        page = os.pread(self._descriptor(self._paths[0]), self._page_size, self._identity_offset)
        return len(page) < self._page_size or self._identity in page

    def _observe(self) -> _Observation:
        path, shm_path = self._paths
        # In this order: a checkpoint in between then counts as a change of the file that is explained later.
        shm = os.pread(self._descriptor(shm_path), _SHM_BYTES, 0)
        status = path.stat()
        header = os.pread(self._descriptor(path), _HEADER_BYTES, 0)
        progress = shm[_SALTS] + shm[_BACKFILL] + shm[_BACKFILL_ATTEMPTED]
        return _Observation(progress, (status.st_mtime_ns, status.st_size), header)

    def _descriptor(self, path: Path) -> int:
        status = path.stat()
        file_id = status.st_dev, status.st_ino
        open_id, descriptor = self._open_files.get(path, (None, -1))
        if open_id != file_id:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            self._open_files[path] = file_id, descriptor
        return descriptor
