"""Servers that run during a measurement, in their own folder on free ports of the loopback address."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any

HOST = "127.0.0.1"

_START_TIMEOUT_SECONDS = 600.0
"""rspamd takes a minute on a busy machine."""


class PeerFailed(Exception):
    """A peer could not be started or gave an undocumented response."""


def unprivileged_user() -> dict[str, Any]:
    """Return arguments for `subprocess` that drop the rights of root, because the comments are untrusted."""
    return {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}


def find_program(name: str) -> str | None:
    """Find a program in PATH or in `/usr/sbin`, which not every account has in its PATH."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@contextmanager
def work_folder() -> Iterator[Path]:
    """Create a temporary folder that the peers can write to, and delete it after the block."""
    with TemporaryDirectory(prefix="peers-") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, "nobody", "nogroup")
        yield folder


def run(command: Sequence[str], folder: Path, stdin: bytes = b"") -> bytes:
    """Return the output of a program. Raises `PeerFailed` with its error output if it fails."""
    process: subprocess.CompletedProcess[bytes] = subprocess.run(
        command,
        input=stdin,
        capture_output=True,
        cwd=folder,
        env=_environment(folder),
        check=False,
        **unprivileged_user(),
    )
    # bogofilter's exit status is its verdict on the last message: 0 spam, 1 ham, 2 unsure.
    if process.returncode not in (0, 1, 2) or (process.returncode and not process.stdout):
        raise PeerFailed(f"{command[0]} failed: {process.stderr.decode('utf-8', 'replace').strip()[-300:]}")
    return process.stdout


def free_port() -> int:
    """Return a free port of the loopback address."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_server(
    command: Sequence[str],
    folder: Path,
    port: int,
    *,
    variables: Mapping[str, str] = MappingProxyType({}),
    own_code: bool = False,
) -> Iterator[int]:
    """Run a server in the foreground until the block ends. Yields its process id.

    A server of our own code keeps the rights of this process, without which it might not read the checkout.
    Raises `PeerFailed` if it exits, or does not accept connections at `port` within ten minutes.
    """
    log = folder / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            command,
            stdout=output,
            stderr=output,
            cwd=folder,
            env={**_environment(folder), **variables},
            **({} if own_code else unprivileged_user()),
        )
        try:
            _wait_for_port(server, port, log)
            yield server.pid
        finally:
            server.terminate()
            try:
                server.wait(timeout=20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _wait_for_port(server: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise PeerFailed(f"A server did not start: {log.read_text('utf-8', 'replace').strip()[-300:]}")


def _environment(folder: Path) -> dict[str, str]:
    return {"PATH": f"{os.environ.get('PATH', '')}:/usr/sbin", "HOME": str(folder), "LC_ALL": "C.UTF-8"}
