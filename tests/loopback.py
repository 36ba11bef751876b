"""A real HTTP server on loopback for a block of a test. It waits for its threads, so that nothing is left running."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class _Server(ThreadingHTTPServer):
    # Closing the server waits for its threads.
    daemon_threads = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore callers that hang up."""


@contextmanager
def serving(
    endpoint: type[BaseHTTPRequestHandler],
    host: str,
    release: Callable[[], None],
    context: ssl.SSLContext | None = None,
) -> Iterator[int]:
    """Serve an endpoint, over TLS with a context, and yield the port. `release` ends the waits of its threads."""
    server = _Server((host, 0), endpoint)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port
    finally:
        release()
        server.shutdown()
        server.server_close()
        thread.join()
