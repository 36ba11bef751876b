"""Post one form to one blog: one DNS look-up, no redirects, no proxies, one deadline for the whole call."""

import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from http.client import HTTPException
from threading import Timer
from time import monotonic
from typing import NamedTuple
from urllib.parse import SplitResult, urlencode

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ProtocolError, ReadTimeoutError

from moderation import __version__
from moderation.outbound.addresses import DeliveryError, Resolver, effective_port, resolve, split

MAX_RESPONSE_BYTES = 64 * 1024

_MAX_ADDRESSES_TRIED = 4
_TIMEOUT_MESSAGE = "The blog did not answer in time."
_DISCONNECTED_MESSAGE = "The blog could not be connected to, or broke the connection off."


class Response(NamedTuple):
    """The status and the first `MAX_RESPONSE_BYTES` bytes of the body."""

    status: int
    body: bytes


def post_form(
    url: str,
    fields: Mapping[str, str],
    *,
    allow_private: bool,
    seconds: float,
    resolver: Resolver = socket.getaddrinfo,
) -> Response:
    """Post a form and return the response with any status; a redirect is not followed.

    The host name is looked up once, and only allowed addresses among the results are called. Proxies of the environment
    are ignored. The call ends `seconds` after it began, even if the blog answers byte by byte. Only the look-up
    may take longer, and then nothing is sent. Raises `DeliveryError`.
    """
    parts = split(url)
    if parts is None:
        raise DeliveryError("The address that the blog gave cannot be used.")
    end = monotonic() + seconds
    addresses = resolve(_host(parts), effective_port(parts), allow_private=allow_private, resolver=resolver)
    try:
        with closing(_connect(addresses[:_MAX_ADDRESSES_TRIED], parts, end)) as connection:
            return _send(connection, parts, urlencode(fields), end)
    except (HTTPError, HTTPException, OSError, ValueError) as error:
        late = monotonic() >= end
        raise DeliveryError(_TIMEOUT_MESSAGE if late else _describe(error)) from None


def _host(parts: SplitResult) -> str:
    return (parts.hostname or "").rstrip(".")


def _connect(addresses: tuple[str, ...], parts: SplitResult, end: float) -> HTTPConnection:
    """Connect to the first address that accepts, with the TLS handshake if the scheme asks for it."""
    *others, last = addresses
    for address in others:
        # An address that never answers must leave time for the next one. A refusal is a `ConnectTimeoutError` too.
        connection = _open(address, parts, _remaining(end) / 2)
        with suppress(ConnectTimeoutError):
            connection.connect()
            return connection
    connection = _open(last, parts, _remaining(end))
    connection.connect()
    return connection


def _open(address: str, parts: SplitResult, timeout_seconds: float) -> HTTPConnection:
    if parts.scheme == "http":
        return HTTPConnection(address, effective_port(parts), timeout=timeout_seconds)
    return HTTPSConnection(
        address,
        effective_port(parts),
        timeout=timeout_seconds,
        ssl_context=ssl.create_default_context(),
        server_hostname=_host(parts),
    )


def _send(connection: HTTPConnection, parts: SplitResult, form: str, end: float) -> Response:
    headers = {
        "Host": parts.netloc,
        "Content-Type": "application/x-www-form-urlencoded",
        "Accept": "application/json",
        "User-Agent": f"moderation/{__version__}",
        "Connection": "close",
    }
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection.timeout = _remaining(end)
    with _disconnect_at(end, connection):
        connection.request("POST", target, form, headers, preload_content=False, decode_content=False)
        response = connection.getresponse()
        body = response.read(MAX_RESPONSE_BYTES)
    # Without a length, a body that the deadline cut looks like a complete one.
    _remaining(end)
    return Response(response.status, body)


@contextmanager
def _disconnect_at(end: float, connection: HTTPConnection) -> Iterator[None]:
    # A timeout of the socket starts anew with each byte: only this ends a header that drips in without end.
    timer = Timer(_remaining(end), _disconnect, [connection.sock])
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def _disconnect(connection: socket.socket) -> None:
    with suppress(OSError):
        # `SSLSocket.shutdown` would switch a reading thread to the unencrypted stream.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def _remaining(end: float) -> float:
    """Return the seconds left; raise `TimeoutError` if there are none."""
    remaining = end - monotonic()
    if remaining <= 0:
        raise TimeoutError
    return remaining


def _describe(error: Exception) -> str:
    match error:
        case NewConnectionError():  # a subclass of `ConnectTimeoutError`, but raised for a refused connection
            return _DISCONNECTED_MESSAGE
        case TimeoutError() | ConnectTimeoutError() | ReadTimeoutError():
            return _TIMEOUT_MESSAGE
        case ssl.SSLCertVerificationError():
            return "The blog's TLS certificate does not match its host; see SSL_CERT_FILE."
        case ssl.SSLError():
            return "No TLS connection to the blog could be agreed on."
        case OSError() | ProtocolError():
            return _DISCONNECTED_MESSAGE
        case _:
            return "The blog's answer is not HTTP."
