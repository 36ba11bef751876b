"""`moderation serve`."""

import os
import sys
from pathlib import Path

import click

import moderation
from moderation.cli.addresses import claim, origin
from moderation.cli.opened import the_desk
from moderation.settings import Settings

_MOST_THREADS = 8
"""Requests that one worker answers at a time: scoring takes turns anyway, waiting for the disk does not."""

_BACKLOG = 1024
_PATIENCE = 10
"""Seconds that a worker has to finish what it is doing when the service is stopped."""


@click.command(name="serve")
def command() -> None:
    """Run the service on HOST and PORT (127.0.0.1:8000 unless set), with MODERATION_WORKERS processes.

    Port 0 takes a free one. SIGTERM and Ctrl-C stop it. A model promoted meanwhile is taken up by the next request.
    """
    settings = Settings.from_environment()
    with the_desk(settings) as desk:
        model = desk.live.current().id
    host, port = claim(settings.host, settings.port)
    click.echo(f"Serving the model {model} at {origin(host, port)}; moderators sign in at {origin(host, port)}/queue.")
    sys.stdout.flush()
    # The server takes this process over, so that its workers do not inherit what the command line has loaded.
    os.execv(sys.executable, [sys.executable, *_arguments(host, port, settings.workers)])


def _arguments(host: str, port: int, workers: int) -> list[str]:
    options = {
        "--interface": "wsgi",
        "--host": host,
        "--port": str(port),
        "--workers": str(workers),
        "--blocking-threads": str(min(_MOST_THREADS, 2 * (os.cpu_count() or 1) + 1)),
        "--backlog": str(_BACKLOG),
        "--workers-kill-timeout": str(_PATIENCE),
        # Where service.py lies, wherever this is run from.
        "--working-dir": str(Path(moderation.__file__).parents[1]),
    }
    pairs = [part for pair in options.items() for part in pair]
    return ["-P", "-m", "granian", *pairs, "--no-ws", "--respawn-failed-workers", "service:app"]
