"""The front of the application: each request is read on the event loop, and gets a thread when it is complete.

granian calls it by RSGI. A silent or slow sender therefore costs a connection, but no thread.
docs/decisions/0012-bodies-before-threads.md has the measurements.
"""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from math import ceil
from multiprocessing import parent_process
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from flask import Flask
from werkzeug.exceptions import BadRequest, HTTPException, RequestEntityTooLarge, RequestTimeout, TooManyRequests

from moderation.domain.errors import AuthenticationFailed, ModerationError
from moderation.settings import Settings
from moderation.web.admission import Admissions
from moderation.web.connections import ConnectionCaps
from moderation.web.forwarding import TrustedProxies, network_of
from moderation.web.rate_limits import TokenBuckets
from moderation.web.requests import (
    AUTHENTICATED,
    BODY_KEYED_PATHS,
    KEYED_PATHS,
    REFUSAL,
    app_state,
    calling_site,
    is_below,
)
from moderation.web.rsgi import Response, call_wsgi, header_values, peer, wsgi_environ

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from granian._granian import RSGIHTTPProtocol as HTTPProtocol
    from granian.rsgi import Scope

THREADS = 8
"""Threads for requests. Python code runs on one at a time; the others wait for the disk, whose flush they share."""

PAGE_THREADS = 2
"""Threads for pages. Sign-in computes a slow hash for any caller, and must not take the threads of comments."""

MAX_KEYLESS_BODY_BYTES = 2**16
"""Size limit of a body without a valid key in its header, in bytes. A moderator's form has a few hundred bytes."""

MAX_FORM_BODY_BYTES = 2**19
"""Size limit of an Akismet form or a request of Coral, whose key is known only when it is read, in bytes.

Discourse's longest post has 32,000 characters of up to 4 bytes, which percent-encoding turns into 384 kB.
"""

WRONG_KEYS_PER_MINUTE = 30
"""Requests with a wrong key that an address is answered at once, in a minute."""

STRANGERS_PAGES_PER_MINUTE = 60
"""Pages, the sign-in among them, for an address without a valid key or session of late, in a minute without delay."""

MAX_DELAY_SECONDS = 4.0
"""Longest delay of the answer to a wrong key, or of a page."""

_PARENT_CHECK_SECONDS = 0.5
_HEALTH_PATHS = ("/readyz", "/metrics")
_Result = TypeVar("_Result")
_Refusal = HTTPException | ModerationError


class _Answer(NamedTuple):
    """A response that the loop sends, at once or after some seconds."""

    response: Response
    is_authentic: bool = False
    delay_seconds: float = 0.0


class Threads:
    """Some daemon threads that run calls in the order of their arrival."""

    def __init__(self, loop: asyncio.AbstractEventLoop, size: int) -> None:
        self._loop = loop
        self._calls: SimpleQueue[tuple[Callable[[], Any], asyncio.Future[Any]]] = SimpleQueue()
        for _ in range(size):
            threading.Thread(target=self._work, daemon=True, name="request").start()

    def submit(self, call: Callable[[], _Result]) -> "asyncio.Future[_Result]":
        """Run a call on a thread. Returns the future of its result, for the loop."""
        future: asyncio.Future[_Result] = self._loop.create_future()
        self._calls.put((call, future))
        return future

    def _work(self) -> None:
        while True:
            call, future = self._calls.get()
            try:
                result, error = call(), None
            except BaseException as raised:  # noqa: BLE001 - the caller gets it
                result, error = None, raised
            # A loop that is closed: the process ends.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(_resolve, future, result, error)


class Front:
    """The RSGI application around a Flask application."""

    def __init__(self, app: Flask, settings: Settings) -> None:
        self._app = app
        self._max_body_bytes = settings.max_body_bytes
        self._body_seconds = settings.body_timeout_seconds
        self._proxies = TrustedProxies(settings.proxy_networks)
        self._admissions = Admissions()
        self._wrong_keys = TokenBuckets(WRONG_KEYS_PER_MINUTE)
        self._pages = TokenBuckets(STRANGERS_PAGES_PER_MINUTE)

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start the threads, as granian starts the worker."""
        self._threads = Threads(loop, THREADS)
        self._page_threads = Threads(loop, PAGE_THREADS)
        # A separate one, so that a supervisor's question never waits behind comments.
        self._health_thread = Threads(loop, 1)
        threading.Thread(target=_end_with_parent, daemon=True, name="parent").start()
        with self._app.app_context():
            on_close = app_state().metrics.connections_closed.inc
        ConnectionCaps(self._network_of_peer, on_close).start()

    async def __rsgi__(self, scope: "Scope", protocol: "HTTPProtocol") -> None:
        """Answer a request."""
        if scope.path == "/livez":
            # On the loop itself: it needs neither the database nor a thread.
            protocol.response_bytes(*self._answer(scope, b"").response)
            return
        network = self._client_network(scope)
        refusal: _Refusal | None = self._admissions.enter(network)
        if refusal is not None:
            protocol.response_bytes(*self._answer(scope, b"", refusal).response)
            return
        try:
            if network is not None and self._threads_for(scope.path) is self._page_threads:
                await self._delay_page(network)
            body = await self._read_body(scope, protocol)
        except (HTTPException, ModerationError) as error:
            body, refusal = b"", error
        except BaseException:
            self._admissions.leave(network)
            raise
        answered = self._threads_for(scope.path).submit(lambda: self._answer(scope, body, refusal, network))
        answered.add_done_callback(lambda future: self._leave(network, future))
        # granian cancels this task when the client leaves; the thread then still works on the request.
        answer = await asyncio.shield(answered)
        if answer.delay_seconds:
            await asyncio.sleep(answer.delay_seconds)
        # Here, as a thread would have to wake granian's runtime in addition to this loop.
        protocol.response_bytes(*answer.response)

    def _threads_for(self, path: str) -> Threads:
        if path in _HEALTH_PATHS:
            return self._health_thread
        return self._threads if is_below(KEYED_PATHS, path) else self._page_threads

    def _leave(self, network: str | None, answered: "asyncio.Future[_Answer]") -> None:
        self._admissions.leave(network)
        if answered.exception() is None and answered.result().is_authentic:
            self._admissions.recognise(network)

    def _network_of_peer(self, address: str) -> str | None:
        return None if self._proxies.trusts(address) else network_of(address)

    def _client_network(self, scope: "Scope") -> str | None:
        address = self._proxies.client_address(peer(scope), ",".join(header_values(scope, "x-forwarded-for")))
        return None if address is None else network_of(address)

    async def _delay_page(self, network: str) -> None:
        """Wait before a page if a stranger asks for too many. Raises `TooManyRequests` (429), also late."""
        if self._admissions.is_known(network):
            return
        delay = self._pages.take(network, 1, MAX_DELAY_SECONDS)
        await asyncio.sleep(min(delay, MAX_DELAY_SECONDS))
        if delay > MAX_DELAY_SECONDS:
            raise TooManyRequests("Too many pages for this address.", retry_after=ceil(delay))

    async def _read_body(self, scope: "Scope", protocol: "HTTPProtocol") -> bytes:
        """Return the whole body.

        Raises `RequestTimeout` (408), `RequestEntityTooLarge` (413) and, for one that is cut off, `BadRequest` (400).
        A large body without a valid key raises the errors of `calling_site`.
        """
        headers = scope.headers
        announced = headers.get("content-length")
        length = None if announced is None else int(announced)
        if length is None and "transfer-encoding" not in headers:
            return b""
        limit = await self._body_limit(scope, length)
        if length is not None and length > limit:
            raise RequestEntityTooLarge(f"The body may have at most {limit} bytes.")
        try:
            async with asyncio.timeout(self._body_seconds):
                return await (_collect(protocol, limit) if length is None else protocol())
        except TimeoutError:
            raise RequestTimeout(f"The body was not complete after {self._body_seconds:g} seconds.") from None
        except RuntimeError:
            raise BadRequest("The body ended before its announced length.") from None

    async def _body_limit(self, scope: "Scope", length: int | None) -> int:
        if is_below(BODY_KEYED_PATHS, scope.path):
            return min(self._max_body_bytes, MAX_FORM_BODY_BYTES)
        small = min(self._max_body_bytes, MAX_KEYLESS_BODY_BYTES)
        if (length is not None and length <= small) or not is_below(KEYED_PATHS, scope.path):
            return small
        await self._threads.submit(lambda: self._check_key(scope))
        return self._max_body_bytes

    def _check_key(self, scope: "Scope") -> None:
        with self._app.request_context(wsgi_environ(scope, b"")):
            # Without the database, the site's `on_error` answers a large comment as it does a small one.
            calling_site(None, recall=True)

    def _answer(
        self, scope: "Scope", body: bytes, refusal: _Refusal | None = None, network: str | None = None
    ) -> _Answer:
        """Return the application's response, or another to a wrong key of which the network has sent too many.

        A delay keeps no thread and no place of the network, whose other callers may have valid keys.
        """
        environ = wsgi_environ(scope, body)
        response = self._respond(environ, refusal)
        is_wrong_key = environ.get(AUTHENTICATED) is False or isinstance(refusal, AuthenticationFailed)
        delay = self._wrong_keys.take(network, 1, MAX_DELAY_SECONDS) if is_wrong_key and network is not None else 0.0
        if delay > MAX_DELAY_SECONDS:
            too_many = TooManyRequests("Too many requests with a wrong key from this address.", retry_after=ceil(delay))
            response = self._respond(wsgi_environ(scope, b""), too_many)
            delay = 0.0
        return _Answer(response, environ.get(AUTHENTICATED, False), delay)

    def _respond(self, environ: "WSGIEnvironment", refusal: _Refusal | None) -> Response:
        environ[REFUSAL] = refusal
        if refusal is not None:
            # The page of an error would look the moderator's session up in the database, maybe on the event loop.
            environ.pop("HTTP_COOKIE", None)
        response = call_wsgi(self._app, environ)
        if refusal is not None:
            # The rest of the body must not be taken for the next request.
            response[1].append(("Connection", "close"))
        return response


def _end_with_parent() -> None:
    """End this worker when the main process dies, so that no orphan keeps the port and answers with old settings."""
    parent = parent_process()
    while parent is not None:
        if os.getppid() != parent.pid:
            # Not a graceful stop, which would wait for slow clients. Every acknowledged decision is on disk.
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(_PARENT_CHECK_SECONDS)


async def _collect(protocol: "HTTPProtocol", limit: int) -> bytes:
    """Return a body of unknown length. Raises `RequestEntityTooLarge`, and `BadRequest` for one that is cut off.

    granian ends each body with an empty part, and puts one more in the place of an error.
    """
    parts, size, empty = [], 0, 0
    async for part in protocol:
        parts.append(part)
        size += len(part)
        empty += not part
        if size > limit:
            raise RequestEntityTooLarge(f"The body may have at most {limit} bytes.")
    if empty > 1:
        raise BadRequest("The body was cut off.")
    return b"".join(parts)


def _resolve(future: "asyncio.Future[object]", result: object, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
