"""Import an export of WordPress of one gigabyte: time, memory, and how long the database is locked meanwhile."""

import csv
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from resource import struct_rusage
from threading import Event, Thread
from time import perf_counter
from typing import Self

from benchmarks.rows import ROOT, Row, at_most, figure
from tests.exports.samples import WXR_FOOT, WXR_HEAD, wxr_comment, wxr_item

DEFAULT_MEGABYTES = 1_000
MAX_PEAK_MB = 250

_COMMENTS_PER_POST = 12
# The export has the posts too, and what Akismet notes of each comment.
_POST = f"<content:encoded><![CDATA[{'<p>The text of a post.</p>' * 200}]]></content:encoded>"
_META = (
    "<wp:commentmeta><wp:meta_key><![CDATA[akismet_history]]></wp:meta_key>"
    f"<wp:meta_value><![CDATA[{'a:2:{s:4:time;d:1;s:5:event;}' * 12}]]></wp:meta_value></wp:commentmeta>"
)

_SITE = "https://blog.example"
_POLL_SECONDS = 0.1


def measure(megabytes: int = DEFAULT_MEGABYTES) -> list[Row]:
    """Write an export of this size, import it, and return the rows."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export.xml"
        count = write_export(path, megabytes * 1_000_000)
        size = path.stat().st_size
        environment = os.environ | {"MODERATION_VAR": f"{folder}/var"}
        _run(environment, "init", "--site", _SITE)
        with _LockWatch(Path(folder) / "var" / "moderation.db") as watch:
            began = perf_counter()
            usage = _run(environment, "import", "wordpress", str(path), "--site", _SITE)
            seconds = perf_counter() - began
    return [
        figure("comments in the export", count, f"comments in {size / 1e6:,.0f} MB"),
        figure("import: time", seconds, "s"),
        figure("import: processor time", usage.ru_utime + usage.ru_stime, "s"),
        at_most("import: peak memory", usage.ru_maxrss / 1024, MAX_PEAK_MB, "MB"),
        figure("import: longest wait for the database", watch.longest, "s"),
    ]


def write_export(path: Path, size: int) -> int:
    """Write an export of about this many bytes and return its number of comments. No two texts are equal."""
    written = count = 0
    with path.open("w", encoding="utf-8") as file:
        written += file.write(WXR_HEAD)
        for number, texts in enumerate(_posts()):
            comments = [
                wxr_comment(count + place, text, author=f"Author {number}", email=f"{number}@mail.example", url="")
                + _META
                for place, text in enumerate(texts, 1)
            ]
            count += len(comments)
            written += file.write(wxr_item([_POST, *comments], f"Post {number}", f"post-{number}"))
            if written >= size:
                break
        file.write(WXR_FOOT)
    return count


def _posts() -> Iterator[list[str]]:
    """Yield the texts of the comments of one post after the other, without end."""
    with (ROOT / "data" / "starter.csv").open(encoding="utf-8", newline="") as file:
        ham = [row["text"] for row in csv.DictReader(file) if row["label"] == "ham"]
    choice = random.Random(1)
    while True:
        yield [f"{choice.choice(ham)} {choice.choice(ham)} {choice.random()}" for _ in range(_COMMENTS_PER_POST)]


def _run(environment: dict[str, str], *arguments: str) -> struct_rusage:
    """Run a command, print its output and return the resources that it used."""
    process = subprocess.Popen([sys.executable, "-m", "moderation", *arguments], cwd=ROOT, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"moderation {arguments[0]} has failed.")
    return usage


class _LockWatch:
    """Takes the write lock of a database again and again, and keeps the longest wait in seconds."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._ended = Event()
        self._thread = Thread(target=self._watch)
        self.longest = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        with closing(sqlite3.connect(self._database, timeout=3_600, isolation_level=None)) as connection:
            while not self._ended.wait(_POLL_SECONDS):
                began = perf_counter()
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("ROLLBACK")
                self.longest = max(self.longest, perf_counter() - began)
