"""The client: ask for a verdict, send a label, and deliver later what could not be sent."""

import json
import logging
import re
import ssl
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from os import PathLike
from pathlib import Path
from time import monotonic, sleep
from typing import Literal, TypedDict, TypeVar, Unpack
from uuid import uuid4

from moderation.client.answers import (
    Answer,
    ClientError,
    NoAnswer,
    OnError,
    Response,
    Unavailable,
    read_answer,
    read_receipt,
)
from moderation.client.breaker import CircuitBreaker
from moderation.client.connection import Request, Service
from moderation.client.delivery import Delivery, OnAnswer, deliver
from moderation.client.spool import DEFAULT_MAX_BYTES, Spool

FIRST_TRY_SHARE = 0.6
"""Share of the deadline after which the first try is given up, so that a lost connection leaves time for another."""
PAUSE_SHARE = 0.1
"""Share of the deadline before which no second try is made: a service that restarts is back a moment later."""

_DECISION_ID = re.compile(r"[0-9a-f]{32}")
_IDEMPOTENCY_KEY = re.compile(r"[A-Za-z0-9._~:+/=-]{1,255}")
_Read = TypeVar("_Read")

logger = logging.getLogger("moderation.client")


class CommentFields(TypedDict, total=False):
    """The fields of a comment beside its text. One that the blog does not have is left out, or `None`."""

    author: str | None
    url: str | None
    email: str | None
    permalink: str | None
    context: str | None
    type: str | None
    lang: str | None
    date: str | None
    comment_id: str | None
    author_id: str | None
    author_roles: str | None


class Client:
    """A blog's way to the service, for the site with this key. Threads may share it.

    Each call ends `timeout_seconds` after it began. `on_error` is `publish`, `hold` or `raise`. `spool` is a folder for
    comments and labels that could not be sent, of at most `max_spool_bytes`; without one nothing is kept. `tls` is for
    a private authority. Raises `ConfigurationError` for an address or a key that cannot be right.
    """

    def __init__(
        self,
        address: str,
        key: str,
        *,
        timeout_seconds: float = 3.0,
        on_error: str = OnError.HOLD,
        spool: str | PathLike[str] | None = None,
        max_spool_bytes: int = DEFAULT_MAX_BYTES,
        breaker: CircuitBreaker | None = None,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._service = Service(address, key, tls)
        self._timeout_seconds = _positive(timeout_seconds)
        self._on_error = OnError(on_error)
        self._breaker = breaker or CircuitBreaker()
        self._clock = clock
        self._spool = None if spool is None else Spool(Path(spool), key, max_spool_bytes, clock)

    def score(
        self,
        text: str,
        *,
        idempotency_key: str | None = None,
        timeout_seconds: float | None = None,
        on_error: str | None = None,
        **fields: Unpack[CommentFields],
    ) -> Answer:
        """Return the verdict on a comment, within the deadline. docs/http.md describes the fields.

        Without an answer the verdict is that of `on_error`, and the spool keeps the comment. A comment that the service
        refuses is held even if `on_error` is `publish`: else a text that is too long would pass. With `raise`, nothing
        is kept, and `NoAnswer` is raised. `ConfigurationError` is raised in any case.
        """
        choice = OnError(on_error or self._on_error)
        request = Request("POST", "/v1/score", _comment_body(text, fields), _checked_key(idempotency_key))
        began = self._clock()
        try:
            answer = self._call(request, read_answer, timeout_seconds)
        except NoAnswer as error:
            return self._without_answer(request, error, choice, began)
        if answer.decision_id is None and choice is not OnError.RAISE:
            answer = replace(answer, is_kept=self._keep_comment(request, began))
        return answer

    def label(
        self,
        decision_id: str,
        label: Literal["ham", "spam"],
        *,
        labelled_by: str | None = None,
        reason: str | None = None,
        timeout_seconds: float | None = None,
        on_error: str | None = None,
    ) -> bool:
        """Label the comment of a decision. Return whether the service has the label: if not, the spool keeps it.

        Raises `Unavailable` if the spool cannot keep it, or with `on_error="raise"`. Raises `Refused` if no decision of
        the site has that id.
        """
        if not _DECISION_ID.fullmatch(decision_id):
            raise ValueError("The id of a decision has 32 hexadecimal digits.")
        body = {"label": label, "labelled_by": labelled_by, "reason": reason}
        content = json.dumps({name: value for name, value in body.items() if value is not None})
        request = Request("PUT", f"/v1/decisions/{decision_id}/label", content)
        choice = OnError(on_error or self._on_error)
        began = self._clock()
        older = self._spool.waiting(decision_id) if self._spool else []
        try:
            if older:
                # Sent past the older label, which may be on its way, this one would not be the last to arrive.
                raise Unavailable("An older label of this comment waits in the spool.", may_have_arrived=False)
            self._call(request, read_receipt, timeout_seconds)
        except Unavailable as error:
            is_to_keep = older or choice is not OnError.RAISE
            if not (is_to_keep and self._keep_label(decision_id, request, began if error.may_have_arrived else 0)):
                raise
            return False
        return True

    def deliver(self, on_answer: OnAnswer | None = None, *, max_seconds: float = 60.0) -> Delivery:
        """Send the content of the spool, oldest first, for some time. Any number of processes may call this.

        `on_answer` takes the fields of each comment and its answer, before the comment leaves the spool: if it raises,
        the comment stays and has the same answer the next time. Raises `ConfigurationError`.
        """
        if self._spool is None:
            return Delivery()
        end = monotonic() + max_seconds
        exchange = partial(self._exchange, seconds=self._timeout_seconds)
        delivery = deliver(self._spool, exchange, on_answer, self._clock(), end)
        if delivery.comments or delivery.labels:
            self._breaker.succeed()
        return delivery

    def _call(self, request: Request, read: Callable[[Response], _Read], timeout_seconds: float | None) -> _Read:
        seconds = self._timeout_seconds if timeout_seconds is None else _positive(timeout_seconds)
        if not self._breaker.allows():
            raise Unavailable("The service failed before, and is left alone for a while.", may_have_arrived=False)
        try:
            result = self._exchange(request, read, seconds=seconds)
        except Unavailable as error:
            self._breaker.fail(error.retry_after or 0.0 if error.status == 429 else 0.0)
            raise
        except ClientError:
            self._breaker.succeed()
            raise
        self._breaker.succeed()
        return result

    def _exchange(self, request: Request, read: Callable[[Response], _Read], *, seconds: float) -> _Read:
        """Send a request, and once more if that may help and there is time. Both have the same key."""
        began = monotonic()
        end = began + seconds
        try:
            return read(self._service.send(request, began + FIRST_TRY_SHARE * seconds))
        except Unavailable as error:
            first = error
        wait = first.retry_after
        if wait is None:
            wait = max(0.0, began + PAUSE_SHARE * seconds - monotonic())
        if not first.may_retry or monotonic() + wait >= end:
            raise first
        sleep(wait)
        try:
            return read(self._service.send(request, end))
        except Unavailable as error:
            error.may_have_arrived |= first.may_have_arrived
            raise

    def _without_answer(self, request: Request, error: NoAnswer, on_error: OnError, began: float) -> Answer:
        if on_error is OnError.RAISE:
            raise error
        logger.warning("No verdict on a comment: %s", error)
        if not isinstance(error, Unavailable):
            return Answer("review", error=error)
        is_kept = self._keep_comment(request, began if error.may_have_arrived else 0)
        return Answer("publish" if on_error is OnError.PUBLISH else "review", error=error, is_kept=is_kept)

    def _keep_comment(self, request: Request, sent_at: float) -> bool:
        return self._spool is not None and self._spool.keep("comment", uuid4().hex, request, sent_at)

    def _keep_label(self, decision_id: str, request: Request, sent_at: float) -> bool:
        if self._spool is None:
            return False
        older = self._spool.waiting(decision_id)
        is_kept = self._spool.keep("label", decision_id, request, sent_at)
        for entry in older if is_kept else ():
            self._spool.remove(entry)
        return is_kept


def _comment_body(text: str, fields: CommentFields) -> str:
    unknown = sorted(fields.keys() - CommentFields.__annotations__.keys())
    if unknown:
        raise TypeError(f"A comment has no {', '.join(unknown)}.")
    comment = {"text": text, **{name: value for name, value in fields.items() if value is not None}}
    # Escaped, a text in another script would be up to three times as long, and reach the limit of the service sooner.
    body = json.dumps(comment, ensure_ascii=False)
    try:
        body.encode()
    except UnicodeEncodeError:
        # Half of an emoji, cut by a form, is no text in UTF-8.
        return json.dumps(comment)
    return body


def _positive(seconds: float) -> float:
    if not seconds > 0:
        raise ValueError("A deadline is more than 0 seconds.")
    return seconds


def _checked_key(key: str | None) -> str:
    if key is None:
        return str(uuid4())
    if not _IDEMPOTENCY_KEY.fullmatch(key):
        raise ValueError("An idempotency key has 1 to 255 letters, digits and . _ ~ : + / = -")
    return key
