"""Caps on open connections: by address, and in all, so that the next caller always finds room.

granian has a total for each worker, and accepts no connection beyond it: one host with as many idle connections or slow
readers would keep out a supervisor's `/livez`. It has no caps by address, so a thread looks at the sockets.
docs/decisions/0014-connections-by-address.md has the measurements.
"""

import os
import resource
import socket
import stat
import struct
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Thread
from time import sleep, thread_time
from typing import NamedTuple

MAX_CONNECTIONS = 8192
"""Connections of one process."""
RESERVED_FILES = 256
"""Files of a process that are no connections: the database, models, other sockets."""
MAX_PER_ADDRESS = 256
"""Connections of one address in one process, fewer where the total is small. Trusted proxies have no such cap."""

_PAUSE_SECONDS = 0.25
_FILES_AT_A_TIME = 50
_REST_SECONDS = 0.0005
_MAX_SHARE = 0.1
"""Part of the time that may be spent on looking at very many sockets."""
_FOLDER = Path("/proc/self/fd")
_LAST_DATA_OFFSET = 52
"""Place of `tcpi_last_data_recv`, in milliseconds, in the kernel's `struct tcp_info` (include/uapi/linux/tcp.h)."""


def connection_limit() -> int:
    """Return the number of connections that a process may hold, by its limit of open files."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(128, min(MAX_CONNECTIONS, files - RESERVED_FILES))


class _Connection(NamedTuple):
    """One connection to the server."""

    file: int
    peer: tuple[str | int, ...]
    silence_milliseconds: int


class ConnectionCaps:
    """Ends the connections of a process that are beyond the caps, the longest silent ones first."""

    def __init__(self, network_of_peer: Callable[[str], str | None], on_close: Callable[[int], object]) -> None:
        """Prepare the caps. `network_of_peer` returns the key of an address, `None` for a trusted proxy."""
        limit = connection_limit()
        self._network_of_peer = network_of_peer
        self._on_close = on_close
        self._per_address = min(MAX_PER_ADDRESS, limit // 4)
        self._total = limit - limit // 8

    def start(self) -> None:
        """Enforce the caps on a thread, while the process runs. Does nothing on systems without `/proc`."""
        if _FOLDER.is_dir():
            Thread(target=self._run, daemon=True, name="connections").start()

    def enforce(self) -> None:
        """Look at the sockets once, if there are so many open files that a cap may be exceeded."""
        with os.scandir(_FOLDER) as entries:
            files = [int(entry.name) for entry in entries]
        if len(files) <= self._per_address:
            return
        surplus = self._surplus(_connections(files))
        for connection in surplus:
            _shut_down(connection)
        if surplus:
            self._on_close(len(surplus))

    def _run(self) -> None:
        while True:
            started = thread_time()
            # Such as too many open files: the next look may succeed.
            with suppress(OSError):
                self.enforce()
            sleep(max(_PAUSE_SECONDS, (thread_time() - started) / _MAX_SHARE))

    def _surplus(self, connections: list[_Connection]) -> list[_Connection]:
        counts: Counter[str] = Counter()
        inside: list[_Connection] = []
        surplus: list[_Connection] = []
        for connection in sorted(connections, key=lambda connection: connection.silence_milliseconds):
            network = self._network_of_peer(str(connection.peer[0]))
            if network is not None:
                counts[network] += 1
                (inside if counts[network] <= self._per_address else surplus).append(connection)
        missing_room = max(0, len(connections) - len(surplus) - self._total)
        return surplus + inside[::-1][:missing_room]


def _connections(files: list[int]) -> list[_Connection]:
    """Return the connections among the open files that came in by a listening socket of this process."""
    ports, found = set(), []
    for index, file in enumerate(files):
        if index % _FILES_AT_A_TIME == 0:
            # The interpreter would let a request wait for 5 milliseconds.
            sleep(_REST_SECONDS)
        with suppress(OSError):
            # Not a duplicate, whose end would release SQLite's locks if the number were a database file by now.
            # IPv6, as a name of IPv4 fits into the memory for one of IPv6, and not the other way round.
            borrowed = socket.socket(socket.AF_INET6, socket.SOCK_STREAM, fileno=file)
            try:
                name = borrowed.getsockname()
                if not isinstance(name, tuple):
                    # A Unix socket, such as that of an event loop.
                    continue
                port = name[1]
                if borrowed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                    ports.add(port)
                    continue
                info = borrowed.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LAST_DATA_OFFSET + 4)
                silence = struct.unpack_from("=I", info, _LAST_DATA_OFFSET)[0]
                found.append((port, _Connection(file, borrowed.getpeername(), silence)))
            finally:
                borrowed.detach()
    return [connection for port, connection in found if port in ports]


def _shut_down(connection: _Connection) -> None:
    """End a connection, unless its number is another file by now. The server then closes it."""
    with suppress(OSError):
        duplicate = os.dup(connection.file)
        if not stat.S_ISSOCK(os.fstat(duplicate).st_mode):
            # It stays open: closing it would release SQLite's locks on the file.
            return
        with socket.socket(fileno=duplicate) as held:
            if held.getpeername() == connection.peer:
                held.shutdown(socket.SHUT_RDWR)
