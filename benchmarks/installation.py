"""A real `moderation serve` to break: its processes and its files."""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep

import httpx

from benchmarks.rows import ROOT
from moderation.actions.run_lock import orphans
from moderation.registry.model_registry import ModelRegistry
from moderation.registry.reader_file import READER_FILE
from tests.e2e.service import free_port
from tests.shipped import SHIPPED_MODEL_ID

MAX_START_SECONDS = 30.0


@dataclass
class Installation:
    """A service on a fixed port, and its state in one folder. Without `has_reader`, its model judges alone."""

    folder: Path
    database_url: str = ""
    port: int = field(default_factory=free_port)
    workers_number: int = 2
    has_reader: bool = True
    key: str = ""
    moderator: str = ""
    password: str = ""
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def address(self) -> str:
        """Return the address of the service."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def var(self) -> Path:
        """Return the folder of the state."""
        return self.folder / "var"

    @property
    def database(self) -> Path:
        """Return the file of the SQLite database."""
        return self.var / "moderation.db"

    @property
    def registry(self) -> ModelRegistry:
        """Return the models."""
        return ModelRegistry(self.folder / "models")

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment that the service and its commands run in."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MODERATION_")}
        settings = {
            "VAR": self.var,
            "MODELS": self.folder / "models",
            "DATABASE_URL": self.database_url,
            "WORKERS": self.workers_number,
            # A benchmark sends more than any blog.
            "MAX_CHECKS_PER_MINUTE": 0,
        }
        variables = {f"MODERATION_{name}": str(value) for name, value in settings.items()}
        return {**kept, **variables, "HOST": "127.0.0.1", "PORT": str(self.port)}

    def prepare(self) -> None:
        """Create the state, with the shipped model live and a site."""
        shutil.copytree(ROOT / "models" / SHIPPED_MODEL_ID, self.folder / "models" / SHIPPED_MODEL_ID)
        if not self.has_reader:
            (self.folder / "models" / SHIPPED_MODEL_ID / READER_FILE).unlink(missing_ok=True)
        self.registry.promote(SHIPPED_MODEL_ID)
        shown = [line.split(maxsplit=1) for line in self._run("init").splitlines()]
        self.key, self.moderator, self.password = (
            next(line[1] for line in shown if line[:1] == [name]) for name in ("Key", "Moderator", "Password")
        )

    def start(self) -> None:
        """Start the service, without waiting until it answers."""
        command = [sys.executable, "-m", "moderation", "serve"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_until_ready(self) -> None:
        """Wait until the service answers. Raises `TimeoutError`."""
        end = monotonic() + MAX_START_SECONDS
        while monotonic() < end:
            with suppress(httpx.TransportError):
                if httpx.get(f"{self.address}/readyz", timeout=5).status_code == httpx.codes.OK:
                    return
            sleep(0.05)
        raise TimeoutError((self.folder / "log").read_text("utf-8", "replace")[-2000:])

    def workers(self) -> list[int]:
        """Return the process ids of the running workers."""
        if self.process is None or self.process.poll() is not None:
            return []
        folder = Path("/proc", str(self.process.pid), "task", str(self.process.pid))
        return [int(child) for child in (folder / "children").read_text().split() if _is_running(int(child))]

    def is_whole(self) -> bool:
        """Return whether the server runs with all its workers, and none of a former server is left."""
        return len(self.workers()) == self.workers_number and not orphans(self.var)

    def kill_master(self) -> None:
        """Kill the server and leave its workers alone."""
        assert self.process
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        """Stop the service and start it again. Raises `TimeoutError`."""
        self.stop()
        self.start()
        self.wait_until_ready()

    def stop(self) -> None:
        """Stop the service and any worker that a killed server has left."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill_master()
        for worker in orphans(self.var):
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)

    def _run(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "moderation", *arguments]
        result = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)
        if result.returncode:
            raise RuntimeError(result.stderr)
        return result.stdout


def _is_running(process_id: int) -> bool:
    # A killed child is listed until its parent has asked for its status.
    with suppress(OSError):
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
