"""The server's main process: starts the workers and replaces dead ones, until it is stopped.

`moderation serve` becomes this process, which imports little: each worker is a fork of it.
"""

import resource
import signal
import sys
import time
from pathlib import Path

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server import MPServer

import moderation
from moderation.web.connections import MAX_CONNECTIONS, RESERVED_FILES, connection_limit

# A file, not a module's name: granian searches a name in the working directory first, and would run that module.
_TARGET = f"{Path(moderation.__file__).with_name('wsgi.py')}:front"
_BACKLOG = 1024
_STOP_TIMEOUT_SECONDS = 10
# granian closes a connection whose next head is not complete after this time, also an idle one.
_HEAD_TIMEOUT_MILLISECONDS = 10_000
_MAX_HEAD_BYTES = 2**16
# Short, so that the service is back within five seconds after any number of deaths: a worker takes two to start.
_MAX_PAUSE_SECONDS = 2.0
# A server that ran for this time had a good start, so the next pause is the shortest again.
_STABLE_SECONDS = 60.0


def main(host: str, port: int, workers: int) -> None:
    """Run the server until SIGTERM or SIGINT.

    granian replaces a dead worker, and ends when one dies twice within seconds. It is then started again, after a pause
    that doubles from one second.
    """
    raise_file_limit()
    pause = 0.5
    while True:
        started = time.monotonic()
        server = _server(host, port, workers)
        try:
            server.serve()
        except SystemExit:
            if server.interrupt_signal:
                raise
        if server.interrupt_signal:
            return
        pause = 0.5 if time.monotonic() - started > _STABLE_SECONDS else min(2 * pause, _MAX_PAUSE_SECONDS)
        print(f"The workers ended; the next start is in {pause:g} seconds.", file=sys.stderr, flush=True)  # noqa: T201
        signal.signal(signal.SIGTERM, _stop)
        time.sleep(pause)


def raise_file_limit() -> None:
    """Raise the limit of open files for as many connections as a worker may hold, as far as allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS + RESERVED_FILES
    limit = max(soft, wanted if hard == resource.RLIM_INFINITY else min(hard, wanted))
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


def _stop(*_: object) -> None:
    sys.exit(0)


def _server(host: str, port: int, workers: int) -> MPServer:
    return MPServer(
        _TARGET,
        address=host,
        port=port,
        interface=Interfaces.RSGI,
        # One request at a time on a connection: a cap on connections is then one on requests.
        http=HTTPModes.http1,
        websockets=False,
        workers=workers,
        backlog=_BACKLOG,
        backpressure=connection_limit(),
        http1_settings=HTTP1Settings(header_read_timeout=_HEAD_TIMEOUT_MILLISECONDS, max_buffer_size=_MAX_HEAD_BYTES),
        respawn_failed_workers=True,
        workers_kill_timeout=_STOP_TIMEOUT_SECONDS,
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
