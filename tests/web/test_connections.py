"""The caps on open connections: surplus ones are ended, and no other file is touched."""

import fcntl
import resource
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from subprocess import run
from sys import executable

import pytest

from moderation.web import connections
from moderation.web.connections import ConnectionCaps, connection_limit
from moderation.web.forwarding import network_of

PROXY, SITE, STRANGER = "127.0.0.1", "127.0.0.2", "127.0.0.3"
CAP = 10


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A server of this process, which has a cap of `CAP` connections by address."""
    monkeypatch.setattr(connections, "MAX_PER_ADDRESS", CAP)
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        yield server


class Callers:
    """Connections to the listener, at both ends, by the address of the caller."""

    def __init__(self, listener: socket.socket, stack: ExitStack) -> None:
        self._listener = listener
        self._stack = stack
        self._pairs: list[tuple[str, socket.socket, socket.socket]] = []

    def connect(self, address: str, count: int) -> None:
        for _ in range(count):
            caller = socket.create_connection(self._listener.getsockname(), source_address=(address, 0))
            accepted, _ = self._listener.accept()
            self._pairs.append((address, self._stack.enter_context(caller), self._stack.enter_context(accepted)))

    def open(self) -> list[tuple[str, int]]:
        """Return address and number of each connection that was not ended."""
        return [(address, number) for number, (address, caller, _) in enumerate(self._pairs) if not _is_ended(caller)]

    def say(self, number: int) -> None:
        self._pairs[number][1].sendall(b"x")


def _is_ended(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False


def caps(closed: list[int]) -> ConnectionCaps:
    return ConnectionCaps(lambda address: None if address == PROXY else network_of(address), closed.append)


def test_an_address_keeps_its_liveliest_connections(listener: socket.socket) -> None:
    """Beyond the cap, the longest silent ones end; those of others and of a proxy stay."""
    closed: list[int] = []
    with ExitStack() as stack:
        callers = Callers(listener, stack)
        callers.connect(STRANGER, CAP + 5)
        callers.connect(SITE, 2)
        callers.connect(PROXY, CAP + 5)
        time.sleep(0.05)
        for number in range(5):
            callers.say(number)
        caps(closed).enforce()
        kept = callers.open()
    assert Counter(address for address, _ in kept) == {STRANGER: CAP, SITE: 2, PROXY: CAP + 5}
    assert {number for address, number in kept if address == STRANGER} >= set(range(5)) and closed == [5]


def test_all_addresses_together_leave_room(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many addresses below their cap end at an eighth below the total, and a proxy's connections stay."""
    monkeypatch.setattr(connections, "connection_limit", lambda: 40)
    closed: list[int] = []
    with ExitStack() as stack:
        callers = Callers(listener, stack)
        for number in range(2, 8):
            callers.connect(f"127.0.0.{number}", 6)
        callers.connect(PROXY, 4)
        caps(closed).enforce()
        kept = Counter(address for address, _ in callers.open())
    assert kept.total() == 35 and kept[PROXY] == 4 and closed == [5]


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="the machine has no IPv6")
def test_a_server_of_both_families_has_the_same_caps(monkeypatch: pytest.MonkeyPatch) -> None:
    """IPv4 callers are known by their own addresses, a proxy among them, and IPv6 callers by their network."""
    monkeypatch.setattr(connections, "MAX_PER_ADDRESS", CAP)
    closed: list[int] = []
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True))
        pairs = []
        for address in (PROXY, STRANGER, SITE, "::1"):
            host = "::1" if ":" in address else "127.0.0.1"
            for _ in range(CAP if address == SITE else CAP + 5):
                caller = socket.create_connection((host, server.getsockname()[1]), source_address=(address, 0))
                pairs.append((address, stack.enter_context(caller), stack.enter_context(server.accept()[0])))
        trusted = {PROXY, f"::ffff:{PROXY}"}
        ConnectionCaps(lambda address: None if address in trusted else network_of(address), closed.append).enforce()
        kept = Counter(address for address, caller, _ in pairs if not _is_ended(caller))
    assert kept == {PROXY: CAP + 5, STRANGER: CAP, SITE: CAP, "::1": CAP} and closed == [10]


def test_other_sockets_and_files_are_left_alone(listener: socket.socket, tmp_path: Path) -> None:
    """Connections that this process made itself count nowhere, and a look releases no lock of a file."""
    closed: list[int] = []
    path = tmp_path / "database"
    path.write_bytes(b"x")
    with ExitStack() as stack, path.open("r+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        with socket.create_server((SITE, 0)) as elsewhere:
            callers = Callers(elsewhere, stack)
            callers.connect(STRANGER, CAP + 5)
        caps(closed).enforce()
        assert len(callers.open()) == CAP + 5 and closed == []
        other = "import fcntl, sys; fcntl.lockf(open(sys.argv[1], 'r+b'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
        assert b"BlockingIOError" in run([executable, "-c", other, str(path)], capture_output=True, check=False).stderr


def test_a_number_that_became_a_file_is_not_closed(tmp_path: Path) -> None:
    """Between the look and the end of a connection, its number may have become a database with a lock."""
    path = tmp_path / "database"
    path.write_bytes(b"x")
    with path.open("r+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        connections._shut_down(connections._Connection(file.fileno(), (STRANGER, 1), 0))
        other = "import fcntl, sys; fcntl.lockf(open(sys.argv[1], 'r+b'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
        assert b"BlockingIOError" in run([executable, "-c", other, str(path)], capture_output=True, check=False).stderr


def test_the_total_follows_the_limit_of_open_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database and other files keep theirs."""
    for files, expected in ((384, 128), (1024, 768), (2**20, 8192)):
        monkeypatch.setattr(resource, "getrlimit", lambda _, files=files: (files, files))
        assert connection_limit() == expected
