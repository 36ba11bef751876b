"""`moderation serve` with the model that ships, on a database of its own, as a real process."""

import csv
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.shipped import SHIPPED

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Service:
    """A folder with a database and the shipped model in it."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        # Whatever this test runs in must not leak into the service.
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MODERATION_", "COV"))}
        places = {"MODERATION_VAR": str(self.folder / "var"), "MODERATION_MODELS": str(self.folder / "models")}
        return {**kept, **places, "HOST": "127.0.0.1", "PORT": "0"}

    def prepare(self) -> None:
        """Makes the database; takes the shipped model alone, whatever else this checkout has promoted."""
        shutil.copytree(ROOT / "models" / SHIPPED, self.folder / "models" / SHIPPED)
        (self.folder / "models" / "current").write_text(f"{SHIPPED}\n", "utf-8")
        self.moderation("init")

    def moderation(self, *arguments: str) -> str:
        """The output of a command that must succeed."""
        command = [sys.executable, "-m", "moderation", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def labels(self) -> dict[str, str]:
        """What people said of which text."""
        return {row["text"]: row["label"] for row in csv.DictReader(self.moderation("labels", "export").splitlines())}


@dataclass(frozen=True)
class Served:
    """A service that runs: its port, and its processes."""

    port: int
    process: subprocess.Popen[str]

    @contextmanager
    def asleep(self) -> Iterator[None]:
        """It accepts connections and answers none of them until the block ends."""
        os.killpg(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self.process.pid, signal.SIGCONT)


@contextmanager
def served(service: Service) -> Iterator[Served]:
    """The service on a free port, until the block ends."""
    with subprocess.Popen(
        [sys.executable, "-m", "moderation", "serve"],
        cwd=ROOT,
        env=service.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            address = _address([until_it_answers(process)])
            yield Served(int(address.rpartition(":")[2]), process)
        finally:
            process.terminate()
            process.communicate(timeout=30)


def until_it_answers(process: "subprocess.Popen[str]") -> str:
    """What a service printed that starts as `process`, once it answers.

    On a busy machine the worker says that it started before it listens.
    """
    printed: list[str] = []
    assert process.stdout
    for line in process.stdout:
        printed.append(line)
        if "Started worker" in line:
            with httpx.Client(transport=httpx.HTTPTransport(retries=7)) as client:
                assert client.get(f"{_address(printed)}/livez").status_code == 200
            return "".join(printed)
    raise AssertionError("".join(printed))


def _address(printed: list[str]) -> str:
    found = re.search(r"http://127\.0\.0\.1:\d+", "".join(printed))
    assert found, printed
    return found[0]
