"""One request to the service: no redirects, no proxies, and one deadline for look-up, TLS, request and answer."""

import io
import re
import socket
import ssl
from contextlib import closing, suppress
from http.client import HTTPException, HTTPResponse, IncompleteRead
from ipaddress import ip_address
from threading import Event, Lock, Thread
from time import monotonic
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from moderation import __version__
from moderation.client.answers import ConfigurationError, Response, Unavailable

MAX_RESPONSE_BYTES = 2 * 1024 * 1024
"""Limit of the bytes that are read of a response, its head included."""

_MAX_ADDRESSES_TRIED = 4
_MAX_LOOKUP_SECONDS = 30.0
_ADDRESS = re.compile(r"https?://[!-~]+")
_KEY = re.compile(r"[!-~]+")
_SECONDS = re.compile(r"[0-9]{1,9}")
_DEFAULT_PORTS = {"http": 80, "https": 443}

AddressRow = tuple[Any, Any, int, str, Any]
"""A row of `socket.getaddrinfo`."""


class Request(NamedTuple):
    """A request with a JSON body. `path` begins with `/v1`."""

    method: str
    path: str
    body: str
    idempotency_key: str | None = None


class _TooLong(Exception):
    """The response exceeds `MAX_RESPONSE_BYTES`."""


class Service:
    """The service at an address, called with the key of a site. `tls` replaces the context of the standard library."""

    def __init__(self, address: str, key: str, tls: ssl.SSLContext | None = None) -> None:
        scheme, host, port, self._netloc, self._prefix = _split(address)
        if not _KEY.fullmatch(key):
            raise ConfigurationError("The key has a character that no key has.")
        self._host = host
        self._key = key
        self._tls = (tls or ssl.create_default_context()) if scheme == "https" else None
        self._lookup = _Lookup(host, port)

    def send(self, request: Request, end: float) -> Response:
        """Send a request and return its response, until a moment of the monotonic clock. Raises `Unavailable`."""
        is_open = False
        try:
            with closing(self._connect(end)) as connection:
                is_open = True
                return self._exchange(_TimedStream(connection, end), request)
        except (OSError, HTTPException, ValueError, _TooLong) as error:
            may_retry = isinstance(error, OSError | IncompleteRead) and not isinstance(
                error, ssl.SSLCertVerificationError
            )
            message = _describe(error, is_late=monotonic() >= end)
            raise Unavailable(message, may_retry=may_retry, may_have_arrived=is_open) from None

    def _connect(self, end: float) -> socket.socket:
        """Connect to the first address that accepts, with the TLS handshake if the scheme asks for it."""
        *others, last = self._lookup.rows(end)[:_MAX_ADDRESSES_TRIED]
        for row in others:
            # An address that never answers must leave time for the next one.
            half = monotonic() + _remaining(end) / 2
            try:
                return self._open(row, half)
            except ssl.SSLError:
                raise
            except OSError:
                continue
        return self._open(last, end)

    def _open(self, row: AddressRow, end: float) -> socket.socket:
        family, kind, protocol, _, address = row
        opened = socket.socket(family, kind, protocol)
        try:
            opened.settimeout(_remaining(end))
            opened.connect(address)
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            opened.settimeout(_remaining(end))
            return self._tls.wrap_socket(opened, server_hostname=self._host) if self._tls else opened
        except BaseException:
            opened.close()
            raise

    def _exchange(self, stream: "_TimedStream", request: Request) -> Response:
        body = request.body.encode()
        # A server may answer without reading the whole body: its answer then says more than the broken connection.
        with suppress(ConnectionError):
            stream.send_all(self._head(request, len(body)) + body)
        with HTTPResponse(stream) as response:  # type: ignore[arg-type]  # takes any object with `makefile`
            response.begin()
            # With a limit, so that a false length in the head allocates no memory.
            content = response.read(MAX_RESPONSE_BYTES)
            if response.length:
                raise ConnectionError
            wait = response.headers.get("Retry-After", "")
            seconds = float(wait) if _SECONDS.fullmatch(wait) else None
            return Response(response.status, response.headers.get_content_type(), seconds, content)

    def _head(self, request: Request, length: int) -> bytes:
        lines = [
            f"{request.method} {self._prefix}{request.path} HTTP/1.1",
            f"Host: {self._netloc}",
            f"Authorization: Bearer {self._key}",
            "Content-Type: application/json",
            f"Content-Length: {length}",
            "Accept: application/json",
            f"User-Agent: moderation-client/{__version__}",
            "Connection: close",
        ]
        if request.idempotency_key is not None:
            lines.append(f"Idempotency-Key: {request.idempotency_key}")
        return "\r\n".join([*lines, "", ""]).encode("ascii")


class _TimedStream(io.RawIOBase):
    """A socket whose operations end at one deadline: a timeout of the socket starts anew with each byte."""

    def __init__(self, connection: socket.socket, end: float) -> None:
        self._socket = connection
        self._end = end
        self._left = MAX_RESPONSE_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._socket.settimeout(_remaining(self._end))
        count = self._socket.recv_into(buffer)
        self._left -= count
        if self._left < 0:
            raise _TooLong
        return count

    def send_all(self, content: bytes) -> None:
        """Send everything before the deadline."""
        view = memoryview(content)
        while view:
            self._socket.settimeout(_remaining(self._end))
            view = view[self._socket.send(view) :]

    def makefile(self, mode: str) -> io.BufferedReader:
        """Return the file that `HTTPResponse` reads."""
        return io.BufferedReader(self)


class _Question:
    """A look-up of a host. `rows` stays empty if there is no such host."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self.began = monotonic()
        self.ended = Event()
        self.rows: list[AddressRow] = []

    def start(self) -> None:
        """Run in a thread. Without one, because the process may have no more, the look-up finds nothing."""
        try:
            Thread(target=self.run, daemon=True).start()
        except RuntimeError:
            self.ended.set()

    def run(self) -> None:
        """Ask the resolver."""
        with suppress(OSError, UnicodeError):
            self.rows = list(socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM))
        self.ended.set()


class _Lookup:
    """Looks the host up for each call. `getaddrinfo` takes no time limit, so it runs in a thread.

    Calls share a look-up that is under way, so that a resolver that hangs keeps one thread and not one for each call.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._lock = Lock()
        self._question: _Question | None = None

    def rows(self, end: float) -> list[AddressRow]:
        """Return the addresses of the host. Raises `OSError` if there are none in time."""
        question = self._ask()
        if not question.ended.wait(_remaining(end)):
            raise TimeoutError
        if not question.rows:
            raise socket.gaierror
        return question.rows

    def _ask(self) -> _Question:
        if _is_number(self._host):
            numeric = _Question(self._host, self._port)
            numeric.run()
            return numeric
        with self._lock:
            question = self._question
            if question is None or question.ended.is_set() or monotonic() > question.began + _MAX_LOOKUP_SECONDS:
                question = self._question = _Question(self._host, self._port)
                question.start()
        return question


def _split(address: str) -> tuple[str, str, int, str, str]:
    """Return scheme, host, port, host with port as in the address, and path without a slash at its end."""
    try:
        parts = urlsplit(address if _ADDRESS.fullmatch(address) else "")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or "@" in parts.netloc or parts.query or parts.fragment:
        raise ConfigurationError("The address cannot be used: give one such as https://moderation.example.org.")
    return parts.scheme, host, port or _DEFAULT_PORTS[parts.scheme], parts.netloc, parts.path.rstrip("/")


def _is_number(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _remaining(end: float) -> float:
    """Return the seconds left; raise `TimeoutError` if there are none."""
    remaining = end - monotonic()
    if remaining <= 0:
        raise TimeoutError
    return remaining


def _describe(error: Exception, *, is_late: bool) -> str:
    if is_late or isinstance(error, TimeoutError):
        return "The service did not answer in time."
    match error:
        case _TooLong():
            return "The response is too long."
        case socket.gaierror():
            return "The name of the service's host could not be looked up."
        case ssl.SSLCertVerificationError():
            return "The TLS certificate of the service does not match its host, or its authority is not known."
        case ssl.SSLError():
            return "No TLS connection to the service could be agreed on."
        case OSError() | IncompleteRead():
            return "The service could not be connected to, or broke the connection off."
        case _:
            return "The response is not HTTP: check the address."
