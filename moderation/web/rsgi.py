"""The WSGI side of a request that granian hands over by RSGI."""

import io
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from granian.rsgi import Scope

Response = tuple[int, list[tuple[str, str]], bytes]
"""Status, headers and content."""

_SERVER = {
    "SCRIPT_NAME": "",
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "http",
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": True,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
}


def wsgi_environ(scope: "Scope", body: bytes) -> "WSGIEnvironment":
    """Return the WSGI environment of a request (PEP 3333)."""
    environ: WSGIEnvironment = {
        **_SERVER,
        "REQUEST_METHOD": scope.method,
        # WSGI has bytes as Latin-1.
        "PATH_INFO": scope.path.encode("utf-8", "surrogateescape").decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": peer(scope),
        "wsgi.input": io.BytesIO(body),
    }
    environ["SERVER_NAME"], _, environ["SERVER_PORT"] = scope.server.rpartition(":")
    for name, value in scope.headers.items():
        variable = "HTTP_" + name.upper().replace("-", "_")
        if variable in environ:
            value = f"{environ[variable]}{';' if name == 'cookie' else ','}{value}"
        environ[variable] = value
    environ.pop("HTTP_CONTENT_LENGTH", None)
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    environ["CONTENT_TYPE"] = environ.pop("HTTP_CONTENT_TYPE", "")
    environ["CONTENT_LENGTH"] = str(len(body))
    return environ


def call_wsgi(app: Flask, environ: "WSGIEnvironment") -> Response:
    """Return the application's response to a request."""
    started: list[tuple[int, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> Callable[[bytes], object]:
        started.append((int(status[:3]), headers))
        return lambda _: None

    parts: Iterable[bytes] = app(environ, start_response)
    try:
        content = b"".join(parts)
    finally:
        close = getattr(parts, "close", None)
        if close is not None:
            close()
    status, headers = started[-1]
    return status, headers, content


def peer(scope: "Scope") -> str:
    """Return the address at the other end of the connection."""
    return scope.client.rpartition(":")[0].strip("[]")


def header_values(scope: "Scope", name: str) -> list[str]:
    """Return the values of all headers with a name."""
    # `get` returns the first of several lines only, which the caller may have written.
    return [value for other, value in scope.headers.items() if other == name] if name in scope.headers else []
