"""`moderation serve` with the shipped model and a new database, as a real process."""

import csv
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import httpx

from tests.shipped import SHIPPED_MODEL_ID

ROOT = Path(__file__).parents[2]

Process: TypeAlias = "subprocess.Popen[str]"


@dataclass(frozen=True)
class Service:
    """A folder with a database and the shipped model in it."""

    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    code: Path = ROOT
    """The folder of the package that serves: this checkout, or that of another version."""

    @property
    def environment(self) -> dict[str, str]:
        # Settings of the machine that runs the test must not reach the service.
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MODERATION_", "COV"))}
        places = {"MODERATION_VAR": str(self.folder / "var"), "MODERATION_MODELS": str(self.folder / "models")}
        code = {} if self.code == ROOT else {"PYTHONPATH": str(self.code)}
        return {**kept, **places, **code, "HOST": "127.0.0.1", "PORT": "0", **self.settings}

    def prepare(self) -> None:
        """Create the database, with the shipped model live even if the checkout has promoted another."""
        shutil.copytree(ROOT / "models" / SHIPPED_MODEL_ID, self.folder / "models" / SHIPPED_MODEL_ID)
        (self.folder / "models" / "current").write_text(f"{SHIPPED_MODEL_ID}\n", "utf-8")
        self.moderation("init")

    def moderation(self, *arguments: str) -> str:
        """Run a command that must succeed, and return its output."""
        command = [sys.executable, "-m", "moderation", *arguments]
        result = subprocess.run(
            command, cwd=self.code, env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    def labels(self) -> dict[str, str]:
        """Return the exported labels by text."""
        return {row["text"]: row["label"] for row in csv.DictReader(self.moderation("labels", "export").splitlines())}


@dataclass(frozen=True)
class Served:
    """A running service: its port and its process."""

    port: int
    process: subprocess.Popen[str]

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the service from answering until the block ends. It still accepts connections."""
        os.killpg(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self.process.pid, signal.SIGCONT)


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        return int(probe.getsockname()[1])


def start(command: Sequence[str | Path], environment: Mapping[str, str], cwd: Path | None = None) -> Process:
    """Start a server as the leader of a session, without input. Its output and errors share one text pipe."""
    return subprocess.Popen(
        list(command),
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@contextmanager
def served(service: Service, *, max_files: int = 0) -> Iterator[Served]:
    """Serve on a free port until the block ends, with a limit of open files if there is one."""
    limited = ["prlimit", f"--nofile={max_files}"] if max_files else []
    with start([*limited, sys.executable, "-m", "moderation", "serve"], service.environment, service.code) as process:
        try:
            address = _address([wait_until_serving(process)])
            yield Served(int(address.rpartition(":")[2]), process)
        finally:
            process.terminate()
            process.communicate(timeout=30)


def wait_until_serving(process: Process) -> str:
    """Wait until a starting service answers, and return its output so far.

    On a busy machine "Started worker" is printed before the worker listens.
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
    match = re.search(r"http://127\.0\.0\.1:\d+", "".join(printed))
    assert match, printed
    return match[0]
