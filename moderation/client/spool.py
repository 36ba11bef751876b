"""A folder of small files with the comments and labels that the service does not have yet.

Each file is written under another name, flushed and renamed, so it is there as a whole or not at all. Its name has all
that a listing needs: its time, its kind, the time of its first sending, and its size. The files of a site are in their
own folder. Its name is a slow hash of the site's key, so that clients of several sites may share one spool.
"""

import fcntl
import json
import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import pbkdf2_hmac
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from moderation.client.connection import Request

DEFAULT_MAX_BYTES = 64 * 1024 * 1024

_NAME = re.compile(r"(\d{20})-(comment|label)-([0-9a-f]{32})-(\d+)-(\d+)(\.aside)?")
_BLOCK_BYTES = 4096
_KEY_ROUNDS = 100_000
_MAX_WRITE_SECONDS = 3600

logger = logging.getLogger("moderation.client")


class Entry(NamedTuple):
    """A kept request by the name of its file.

    `kept_at` is in nanoseconds since the epoch. `sent_at` is the second of the first try that the service may have
    received, 0 if there was none. `subject` is the id of the decision for a label, a random one for a comment.
    """

    kept_at: int
    kind: str
    subject: str
    sent_at: int
    size: int
    aside: str = ""

    @property
    def name(self) -> str:
        """Name of the file. Names sort by time."""
        return f"{self.kept_at:020d}-{self.kind}-{self.subject}-{self.sent_at}-{self.size}{self.aside}"


class Spool:
    """The kept requests of one site. All methods but `waiting` and `keep` are for the process that has claimed it."""

    def __init__(self, folder: Path, key: str, max_bytes: int, clock: Callable[[], float]) -> None:
        # A key has 48 random bits: by a fast hash in a name that may be backed up or logged it could be found.
        self._folder = folder / pbkdf2_hmac("sha256", key.encode(), b"moderation spool", _KEY_ROUNDS).hex()[:16]
        self._max_bytes = max_bytes
        self._clock = clock

    def keep(self, kind: str, subject: str, request: Request, sent_at: float = 0) -> bool:
        """Store a request. Returns false, with an entry in the log, if there is no room or the disk fails."""
        content = json.dumps(request._asdict()).encode("ascii")
        entry = Entry(int(self._clock() * 1e9), kind, subject, int(sent_at), len(content))
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if sum(map(_room, self._list())) + _room(entry) > self._max_bytes:
                logger.error("The spool is full: a %s is lost.", kind)
                return False
            self._write(entry, content)
        except OSError as error:
            logger.error("The spool cannot be written (%s): a %s is lost.", error.strerror, kind)
            return False
        return True

    def waiting(self, subject: str | None = None) -> list[Entry]:
        """Return the entries to send, oldest first; with a subject its entries alone."""
        entries = [entry for entry in self._list() if not entry.aside]
        return sorted(entry for entry in entries if subject in (None, entry.subject))

    @contextmanager
    def claimed(self) -> Iterator[bool]:
        """Claim the spool for a block, and yield false if another process or thread has it."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self._folder / "lock").open("a") as lock:
            try:
                # The lock of a process that is killed ends with it.
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            self._remove_unfinished()
            yield True

    def read(self, entry: Entry) -> Request:
        """Return a kept request. Raises `FileNotFoundError` if it is gone, `ValueError` if the file is damaged."""
        content = json.loads((self._folder / entry.name).read_bytes())
        try:
            return Request(**content)
        except TypeError:
            raise ValueError from None

    def mark_sent(self, entry: Entry) -> Entry:
        """Note that the service may have the entry from now on, unless that was noted before."""
        return entry if entry.sent_at else self._rename(entry, entry._replace(sent_at=int(self._clock())))

    def set_aside(self, entry: Entry) -> None:
        """Leave an entry in the folder that is not to be sent again."""
        self._rename(entry, entry._replace(aside=".aside"))

    def remove(self, entry: Entry) -> None:
        """Remove an entry, if it is still there."""
        (self._folder / entry.name).unlink(missing_ok=True)

    def _rename(self, entry: Entry, renamed: Entry) -> Entry:
        # A newer label may have replaced it meanwhile.
        with suppress(FileNotFoundError):
            (self._folder / entry.name).rename(self._folder / renamed.name)
        return renamed

    def _list(self) -> list[Entry]:
        try:
            names = os.listdir(self._folder)  # noqa: PTH208 - tens of thousands of names, and no need of paths
        except OSError:
            # There is no folder yet, or one that cannot be used: a write or a claim says which.
            return []
        found = (_NAME.fullmatch(name) for name in names)
        return [
            Entry(int(match[1]), match[2], match[3], int(match[4]), int(match[5]), match[6] or "")
            for match in found
            if match
        ]

    def _write(self, entry: Entry, content: bytes) -> None:
        unfinished = self._folder / f"{uuid4().hex}.tmp"
        try:
            with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            unfinished.rename(self._folder / entry.name)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _remove_unfinished(self) -> None:
        """Remove the files of processes that were killed while they wrote."""
        for path in self._folder.glob("*.tmp"):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < self._clock() - _MAX_WRITE_SECONDS:
                    path.unlink()


def _room(entry: Entry) -> int:
    """Return the bytes that a file takes on the disk, in whole blocks."""
    return -(-entry.size // _BLOCK_BYTES) * _BLOCK_BYTES
