"""`moderation serve`: check that the service can start, then become the server."""

import fcntl
import os
import shutil
import socket
import sys
import tempfile
import time
from contextlib import suppress
from errno import EADDRINUSE
from pathlib import Path

import click

from moderation.actions.published_models import follow
from moderation.actions.run_lock import join_run
from moderation.actions.services import Services
from moderation.cli._options import opened_services
from moderation.domain.errors import AddressInUse, InvalidInput, ModerationError
from moderation.settings import Settings

PORT_WAIT_SECONDS = 2.0
"""Time to wait for a port in use."""

_RUN_PREFIX = "moderation-run-"
_MMAP_THRESHOLD_BYTES = 128 * 1024
"""The limit that glibc starts with."""


@click.command()
def serve() -> None:
    """Run the service on HOST and PORT (default: 127.0.0.1:8000) with MODERATION_WORKERS processes.

    Port 0 takes a free port. SIGTERM and Ctrl-C stop the service. A promoted model is used from the next request on.
    """
    settings = Settings.from_environment()
    with opened_services(settings) as services:
        if services.follows_models:
            _follow(services)
        model = services.live_model.current()
    run_lock = join_run(settings.var)
    if run_lock is not None:
        # The server inherits it, so that no restore begins while all workers are being replaced.
        os.set_inheritable(run_lock, True)
    host, port = resolve_bind_address(settings.host, settings.port)
    address = public_url(host, port)
    click.echo(f"Serving the model {model.id} at {address}; moderators sign in at {address}/queue.")
    if model.reader_problem:
        click.echo(model.reader_problem)
    if settings.workers > 1:
        _share_metrics(settings.metrics_folder or settings.var / "metrics")
    # Only the settings may use `os.environ`. By default glibc keeps freed memory apart for each thread. A worker has a
    # dozen, of which one at a time runs Python code.
    os.putenv("MALLOC_ARENA_MAX", "1")
    # Each large array that is freed also raises glibc's own limit, below which it keeps freed memory. Learning from a
    # thousand labels frees a hundred megabytes.
    os.putenv("MALLOC_MMAP_THRESHOLD_", str(_MMAP_THRESHOLD_BYTES))
    sys.stdout.flush()
    # The server replaces this process, so that its workers do not keep the modules of the command line in memory.
    server = ["-P", "-m", "moderation.supervisor", host, str(port), str(settings.workers)]
    os.execv(sys.executable, [sys.executable, *server])


def _follow(services: Services) -> None:
    """Fetch the live model of all machines. Without it the service starts with the live one of this machine."""
    try:
        follow(services)
    except ModerationError as error:
        click.echo(str(error))


def _share_metrics(parent: Path) -> None:
    """Let all workers count in one folder, so that a scrape of any worker returns the sum of all."""
    folder, lock = open_run_folder(parent)
    # The server inherits both, and holds the lock until it ends. Only the settings may use `os.environ`.
    os.set_inheritable(lock, True)
    os.putenv("PROMETHEUS_MULTIPROC_DIR", str(folder))


def open_run_folder(parent: Path) -> tuple[Path, int]:
    """Create an empty folder for one run, and remove the folders of runs that have ended.

    Returns the folder and an open file descriptor. The run counts as ended when the descriptor is closed.
    """
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for other in parent.glob(f"{_RUN_PREFIX}*"):
        _remove_if_ended(other)
    draft = Path(tempfile.mkdtemp(prefix=f".{_RUN_PREFIX}", dir=parent))
    lock = os.open(draft, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    # Another run looks for the new name, and so finds no folder without its lock.
    return draft.rename(parent / draft.name.removeprefix(".")), lock


def _remove_if_ended(folder: Path) -> None:
    # A process id would not do: it may be reused, and in another container it has another meaning.
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return
    with suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    os.close(lock)


def public_url(host: str, port: int) -> str:
    """Return `http://host:port` as a browser on this machine can open it."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def resolve_bind_address(host: str, port: int) -> tuple[str, int]:
    """Return the numeric address and the port to listen on; port 0 becomes a free one.

    Raises `AddressInUse`, or `InvalidInput` if this machine has no such address or no permission for the port.
    """
    give_up_at = time.monotonic() + PORT_WAIT_SECONDS
    while True:
        try:
            return _bind(host, port)
        except OSError as error:
            # The workers of a killed server end within a second.
            if error.errno != EADDRINUSE or time.monotonic() >= give_up_at:
                raise _bind_error(host, port, error) from None
            time.sleep(0.1)


def _bind(host: str, port: int) -> tuple[str, int]:
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # The server sets it too: a port that was closed a moment ago counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
        probe.listen()
        name = probe.getsockname()
    return str(name[0]), int(name[1])


def _bind_error(host: str, port: int, error: OSError) -> AddressInUse | InvalidInput:
    if isinstance(error, socket.gaierror):
        return InvalidInput("HOST is not an address of this machine.")
    if isinstance(error, PermissionError):
        return InvalidInput(f"This user has no permission to listen on port {port}; set PORT to one above 1023.")
    if error.errno == EADDRINUSE:
        return AddressInUse(
            f"Port {port} is in use on {host}: stop the program that listens there, or set PORT to another port."
        )
    return InvalidInput(f"The service cannot listen on HOST and PORT: {error.strerror}.")
