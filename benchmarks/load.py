"""Load on a server by `wrk`, which takes less of the processors than any client in Python. Each request differs."""

import csv
import json
import os
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Self

from benchmarks.data import STARTER
from benchmarks.peers.daemons import HOST, PeerFailed, find_program
from moderation.domain.comment import Comment

MISSING = "no wrk (apt-get install wrk)"
MARK = "xqxqxqxqxq"
"""Part of each text for which `load.lua` puts a word that no other request of a run has."""

Body = Callable[[Comment], bytes]

_SCRIPT = Path(__file__).with_name("load.lua")
_MAX_SENTENCES = 4
_NAMES = ("Ann", "Ben", "Chloe", "Dieter", "Elif", "Farah", "Goran", "Hana", "Igor M.", "Jun", "Kwame", "Zoë")


@dataclass(frozen=True, slots=True)
class Figures:
    """The result of one round."""

    requests: int
    per_second: float
    median_milliseconds: float
    p99_milliseconds: float

    @classmethod
    def parse(cls, output: str) -> Self:
        """Read the last line that `load.lua` printed. Raises `PeerFailed` if a request failed."""
        printed = json.loads(output.splitlines()[-1])
        if printed["errors"] or not printed["requests"]:
            raise PeerFailed(f"{printed['errors']} of {printed['requests']} requests failed.")
        return cls(
            requests=printed["requests"],
            per_second=1e6 * printed["requests"] / printed["microseconds"],
            median_milliseconds=printed["median"] / 1000,
            p99_milliseconds=printed["p99"] / 1000,
        )


def is_installed() -> bool:
    """Return whether `wrk` is there."""
    return find_program("wrk") is not None


def put_load(port: int, requests: Path, *, clients: int, seconds: int, first: int) -> Figures:
    """Send the requests of a file over and over, with the marks replaced by the words from number `first` on.

    Each of the clients keeps its connection, and sends its next request after the last response.
    """
    options = ["-t", "1", "-c", str(clients), "-d", f"{seconds}s", "--timeout", "30s", "-s", str(_SCRIPT)]
    command = ["wrk", *options, f"http://{HOST}:{port}", "--", str(requests), str(first)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds + 60)
    if run.returncode:
        raise PeerFailed(f"wrk ended with {run.returncode}: {(run.stderr or run.stdout).strip()[-300:]}")
    return Figures.parse(run.stdout)


def cpu_seconds(process_id: int) -> float:
    """Return the processor time that a process and its descendants have used."""
    folder = Path("/proc", str(process_id))
    fields = (folder / "stat").read_text().rpartition(")")[2].split()
    children = (folder / "task" / str(process_id) / "children").read_text().split()
    ticks = int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK") + sum(map(cpu_seconds, map(int, children)))


def write_requests(file: Path, path: str, headers: Mapping[str, str], comments: Iterable[Comment], body: Body) -> None:
    """Write one complete POST request for each comment."""
    lines = [f"POST {path} HTTP/1.1", f"Host: {HOST}", *(f"{name}: {value}" for name, value in headers.items())]
    with file.open("wb") as output:
        for content in map(body, comments):
            head = "\r\n".join([*lines, f"Content-Length: {len(content)}", "", ""])
            output.write(head.encode() + content + b"\0")


def make_comments(count: int, seed: int = 19) -> Sequence[Comment]:
    """Return comments of sentences from the starter corpus, some with a name, an e-mail address and a URL."""
    random = Random(seed)
    with STARTER.open(encoding="utf-8", newline="") as file:
        sentences = [sentence for row in csv.DictReader(file) for sentence in row["text"].split(". ") if sentence]
    return [_make_comment(random, sentences) for _ in range(count)]


def _make_comment(random: Random, sentences: Sequence[str]) -> Comment:
    words = ". ".join(random.choices(sentences, k=random.randint(1, _MAX_SENTENCES))).replace("\0", " ").split(" ")
    words.insert(random.randint(0, len(words)), MARK)
    name, number = random.choice(_NAMES), random.randrange(10**6)
    return Comment(
        " ".join(words),
        author=name,
        email=f"reader{number}@mail{number % 40}.example" if random.random() < 0.7 else None,
        url=f"https://site{number % 500}.example/{number}" if random.random() < 0.3 else None,
    )
