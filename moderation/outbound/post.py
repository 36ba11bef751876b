"""Post one body to one host, or get one: one DNS look-up, no redirects, no proxies, one deadline for the whole call."""

import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from http.client import HTTPException
from threading import Timer
from time import monotonic
from typing import NamedTuple
from urllib.parse import SplitResult, urlencode

from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError, ProtocolError, ReadTimeoutError

from moderation import __version__
from moderation.outbound.addresses import DeliveryError, Resolver, effective_port, resolve, split_callback_url

MAX_RESPONSE_BYTES = 64 * 1024

_MAX_ADDRESSES_TRIED = 4
_TIMEOUT_MESSAGE = "The host did not answer in time."
_DISCONNECTED_MESSAGE = "The host could not be connected to, or broke the connection off."


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
    """Post a form, as `post` does."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    body = urlencode(fields).encode("ascii")
    return post(url, body, headers, allow_private=allow_private, seconds=seconds, resolver=resolver)


def get(
    url: str,
    headers: Mapping[str, str],
    *,
    allow_private: bool,
    seconds: float,
    resolver: Resolver = socket.getaddrinfo,
) -> Response:
    """Get a body, as `post` does."""
    return _call(url, None, headers, allow_private=allow_private, seconds=seconds, resolver=resolver)


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    allow_private: bool,
    seconds: float,
    resolver: Resolver = socket.getaddrinfo,
) -> Response:
    """Post a body with its own headers and return the response with any status; a redirect is not followed.

    The host name is looked up once, and only allowed addresses among the results are called. Proxies of the environment
    are ignored. An address that refuses the connection is skipped. So is one whose connection and TLS handshake take
    more than half of the time left, unless it is the last one. A TLS error, such as an invalid certificate, ends
    the call.

    The call ends `seconds` after it began, even if the host answers byte by byte. Only the look-up may take longer, and
    then nothing is sent. Raises `DeliveryError`.
    """
    return _call(url, body, headers, allow_private=allow_private, seconds=seconds, resolver=resolver)


def _call(
    url: str,
    body: bytes | None,
    headers: Mapping[str, str],
    *,
    allow_private: bool,
    seconds: float,
    resolver: Resolver,
) -> Response:
    parts = split_callback_url(url)
    if parts is None:
        raise DeliveryError("The address cannot be used: give an http or https URL.")
    end = monotonic() + seconds
    addresses = resolve(_host(parts), effective_port(parts), allow_private=allow_private, resolver=resolver)
    try:
        with closing(_connect(addresses[:_MAX_ADDRESSES_TRIED], parts, end)) as connection:
            return _send(connection, parts, body, headers, end)
    except (HTTPError, HTTPException, OSError, ValueError) as error:
        late = monotonic() >= end
        raise DeliveryError(_TIMEOUT_MESSAGE if late else _describe(error)) from None


def _host(parts: SplitResult) -> str:
    return (parts.hostname or "").rstrip(".")


def _connect(addresses: tuple[str, ...], parts: SplitResult, end: float) -> HTTPConnection:
    """Connect to the first address that accepts, with the TLS handshake if the scheme asks for it."""
    context = _tls_context() if parts.scheme == "https" else None
    *others, last = addresses
    for address in others:
        # An address that never answers must leave time for the next one.
        half = monotonic() + _remaining(end) / 2
        try:
            return _open(address, parts, context, half)
        except ssl.SSLError:
            raise
        except OSError:
            continue
    return _open(last, parts, context, end)


def _tls_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def _open(address: str, parts: SplitResult, context: ssl.SSLContext | None, end: float) -> HTTPConnection:
    # urllib3 would grant the whole timeout to the connection, and again to the handshake.
    opened = socket.create_connection((address, effective_port(parts)), _remaining(end))
    try:
        # Else the body of the request waits until the host has acknowledged the headers.
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened.settimeout(_remaining(end))
        connection = HTTPConnection(address, effective_port(parts))
        connection.sock = context.wrap_socket(opened, server_hostname=_host(parts)) if context else opened
    except BaseException:
        opened.close()
        raise
    return connection


def _send(
    connection: HTTPConnection, parts: SplitResult, body: bytes | None, own_headers: Mapping[str, str], end: float
) -> Response:
    headers = {
        **own_headers,
        "Host": parts.netloc,
        "Accept": "application/json",
        "User-Agent": f"moderation/{__version__}",
        "Connection": "close",
    }
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection.timeout = _remaining(end)
    with _disconnect_at(end, connection):
        method = "GET" if body is None else "POST"
        connection.request(method, target, body, headers, preload_content=False, decode_content=False)
        response = connection.getresponse()
        received = response.read(MAX_RESPONSE_BYTES)
    # Without a length, a body that the deadline cut looks like a complete one.
    _remaining(end)
    return Response(response.status, received)


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
        case TimeoutError() | ReadTimeoutError():
            return _TIMEOUT_MESSAGE
        case ssl.SSLCertVerificationError():
            return "The host's TLS certificate does not match its host; see SSL_CERT_FILE."
        case ssl.SSLError():
            return "No TLS connection to the host could be agreed on."
        case OSError() | ProtocolError():
            return _DISCONNECTED_MESSAGE
        case _:
            return "The host's answer is not HTTP."
