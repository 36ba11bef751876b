"""One form posted to one address: looked up once, never redirected, over by a deadline."""

import io
import socket
import ssl
from collections.abc import Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from time import monotonic
from typing import NamedTuple
from urllib.parse import SplitResult, urlencode

from moderation import __version__
from moderation.outbound.addresses import CallRefused, Endpoint, Resolver, port_of, resolve, split

LONGEST_ANSWER = 64 * 1024
"""Bytes of a reply that are read."""

_MOST_TRIED = 4
_LATE = "The blog did not answer in time."


class Answer(NamedTuple):
    """What the other side said: the status and the first `LONGEST_ANSWER` bytes of the body."""

    status: int
    body: bytes


def post_form(
    url: str,
    fields: Mapping[str, str],
    *,
    private_allowed: bool,
    seconds: float,
    resolver: Resolver = socket.getaddrinfo,
) -> Answer:
    """Posts a form and reads the answer, whatever its status; a redirect is an answer like any other.

    The host's name is looked up once, and only addresses that came out of that and may be called are connected to.
    No proxy of the environment is used. The call is over `seconds` after it began, however slowly the other side
    answers; only the look-up may take longer, and then nothing is sent. Raises `CallRefused`.
    """
    parts = split(url)
    if parts is None or not parts.hostname:
        raise CallRefused("The address that the blog gave cannot be used.")
    form = urlencode(fields).encode("ascii")
    deadline = _Deadline(seconds)
    endpoints = resolve(parts.hostname, port_of(parts), private_allowed=private_allowed, resolver=resolver)
    try:
        with closing(_connected(endpoints, deadline)) as connection:
            return _exchange(_secured(connection, parts, deadline), parts, form, deadline)
    except TimeoutError:
        raise CallRefused(_LATE) from None
    except ssl.SSLCertVerificationError:
        raise CallRefused("The blog's certificate does not vouch for its host; see SSL_CERT_FILE.") from None
    except ssl.SSLError:
        raise CallRefused("No TLS connection to the blog could be agreed on.") from None
    except OSError:
        raise CallRefused("The blog could not be connected to, or broke the connection off.") from None
    except (HTTPException, ValueError):
        raise CallRefused("The blog's answer is not HTTP.") from None


class _Deadline:
    def __init__(self, seconds: float) -> None:
        self._end = monotonic() + seconds

    def left(self) -> float:
        """Seconds; raises `TimeoutError` when there are none."""
        left = self._end - monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class _Timed(io.RawIOBase):
    """Reads from a connection, each time for no longer than is left: many small pieces do not stretch the whole."""

    def __init__(self, connection: socket.socket, deadline: _Deadline) -> None:
        self._connection = connection
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]  # what BufferedReader passes
        self._connection.settimeout(self._deadline.left())
        return self._connection.recv_into(buffer)


class _TimedSocket:
    """As much of a socket as `http.client` uses."""

    def __init__(self, connection: socket.socket, deadline: _Deadline) -> None:
        self._connection = connection
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        self._connection.settimeout(self._deadline.left())
        self._connection.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        assert mode == "rb"
        return io.BufferedReader(_Timed(self._connection, self._deadline))

    def close(self) -> None:
        """Left to whoever opened the connection."""


def _connected(endpoints: tuple[Endpoint, ...], deadline: _Deadline) -> socket.socket:
    """A connection to the first of the addresses that takes one."""
    tried = endpoints[:_MOST_TRIED]
    for endpoint in tried[:-1]:
        try:
            # One that swallows everything must leave time for the next.
            return _connect(endpoint, deadline.left() / 2)
        except OSError:
            continue
    return _connect(tried[-1], deadline.left())


def _connect(endpoint: Endpoint, seconds: float) -> socket.socket:
    connection = socket.socket(endpoint.family, socket.SOCK_STREAM)
    try:
        connection.settimeout(seconds)
        connection.connect(endpoint.address)
    except BaseException:
        connection.close()
        raise
    return connection


def _secured(connection: socket.socket, parts: SplitResult, deadline: _Deadline) -> socket.socket:
    if parts.scheme == "http":
        return connection
    connection.settimeout(deadline.left())
    name = (parts.hostname or "").rstrip(".")
    return ssl.create_default_context().wrap_socket(connection, server_hostname=name)


def _exchange(connection: socket.socket, parts: SplitResult, form: bytes, deadline: _Deadline) -> Answer:
    with closing(connection):
        http = HTTPConnection(parts.hostname or "")
        http.sock = _TimedSocket(connection, deadline)
        http.request("POST", _target(parts), form, _headers(parts))
        with http.getresponse() as response:
            return Answer(response.status, response.read(LONGEST_ANSWER))


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _headers(parts: SplitResult) -> dict[str, str]:
    return {
        "Host": parts.netloc,
        "Content-Type": "application/x-www-form-urlencoded",
        "Accept": "application/json",
        "User-Agent": f"moderation/{__version__}",
        "Connection": "close",
    }
