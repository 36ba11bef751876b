"""Servers that run only while they are measured: own ports on the loopback, own folder, stopped by their own number."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

HOST = "127.0.0.1"

_STARTING = 120.0


class PeerFailed(Exception):
    """A peer could not be started or did not answer as its documentation says."""


def identity() -> dict[str, Any]:
    """Arguments for `subprocess`: root hands its rights away before a stranger's comment is read."""
    return {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}


def program(name: str) -> str | None:
    """Where a program lies; not every account has the folder of the servers in its path."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@contextmanager
def workplace() -> Iterator[Path]:
    """A folder that the peers may write to; it is gone afterwards."""
    with TemporaryDirectory(prefix="peers-") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, "nobody", "nogroup")
        yield folder


def run(command: Sequence[str], folder: Path, given: bytes = b"") -> bytes:
    """What a program prints. Raises `PeerFailed` with its complaint when it fails."""
    done: subprocess.CompletedProcess[bytes] = subprocess.run(
        command, input=given, capture_output=True, cwd=folder, env=_environment(folder), check=False, **identity()
    )
    # bogofilter answers with what it thinks of the last message: 0 spam, 1 ham, 2 unsure.
    if done.returncode not in (0, 1, 2) or (done.returncode and not done.stdout):
        raise PeerFailed(f"{command[0]} failed: {done.stderr.decode('utf-8', 'replace').strip()[-300:]}")
    return done.stdout


def free_port() -> int:
    """A port of the loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(command: Sequence[str], folder: Path, port: int) -> Iterator[None]:
    """A server that runs in the foreground and answers at `port`; stopped at the end.

    Raises `PeerFailed` when it ends or does not answer within two minutes.
    """
    log = folder / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, stdout=output, stderr=output, cwd=folder, env=_environment(folder), **identity()
        )
        try:
            _await(server, port, log)
            yield
        finally:
            server.terminate()
            try:
                server.wait(timeout=20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _await(server: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    end = time.monotonic() + _STARTING
    while time.monotonic() < end:
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
