"""Send the comments and labels of the spool, each once."""

import json
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

from moderation.client.answers import Answer, Refused, Response, Unavailable, read_answer, read_receipt
from moderation.client.connection import Request
from moderation.client.spool import Entry, Spool

KEY_SECONDS = 23 * 3600
"""Time after its first sending for which a comment may be sent again. The service forgets a key after 24 hours."""
MAX_FAILURES = 3
"""Entries in a row that may fail before a delivery ends: one that the service never takes must not hold up the rest."""

_ASIDE = "aside"
_FAILED = "failed"
_GONE = "gone"

Exchange = Callable[[Request, Callable[[Response], Any]], Any]
"""Sends a request and returns its response as the function reads it. Raises `ClientError`."""
OnAnswer = Callable[[Mapping[str, Any], Answer], object]
"""Takes the fields of a comment and the answer to it."""

logger = logging.getLogger("moderation.client")


@dataclass(frozen=True, slots=True)
class Delivery:
    """The numbers of comments and labels that were sent, of entries that were set aside, and of entries that wait.

    `is_busy` is true if another process delivers: this one has then sent nothing.
    """

    comments: int = 0
    labels: int = 0
    set_aside: int = 0
    waiting: int = 0
    is_busy: bool = False


def deliver(spool: Spool, exchange: Exchange, on_answer: OnAnswer | None, now: float, end: float) -> Delivery:
    """Send the entries of the spool, oldest first, and begin none after `end` by the monotonic clock.

    A crash may happen at any point: an entry is removed after its answer, and sent again with the same key until then.
    """
    with spool.claimed() as is_mine:
        if not is_mine:
            return Delivery(waiting=len(spool.waiting()), is_busy=True)
        results: Counter[str] = Counter()
        failures = 0
        for entry in spool.waiting():
            if failures == MAX_FAILURES or monotonic() >= end:
                break
            result = _deliver_entry(spool, entry, exchange, on_answer, now)
            results[result] += 1
            failures = failures + 1 if result == _FAILED else 0
        return Delivery(results["comment"], results["label"], results[_ASIDE], len(spool.waiting()))


def _deliver_entry(spool: Spool, entry: Entry, exchange: Exchange, on_answer: OnAnswer | None, now: float) -> str:
    """Send an entry and return its kind, or why it was not sent."""
    try:
        request = spool.read(entry)
    except FileNotFoundError:
        return _GONE
    except ValueError:
        return _set_aside(spool, entry, "its file is damaged")
    if entry.kind == "comment" and entry.sent_at and now - entry.sent_at > KEY_SECONDS:
        return _set_aside(spool, entry, "the service may have it, and has forgotten its key")
    entry = spool.mark_sent(entry)
    try:
        if entry.kind == "label":
            exchange(request, read_receipt)
        else:
            answer = exchange(request, read_answer)
            if answer.decision_id is None:
                return _FAILED
            if on_answer is not None:
                on_answer(json.loads(request.body), answer)
    except Unavailable:
        return _FAILED
    except Refused as error:
        return _set_aside(spool, entry, str(error))
    spool.remove(entry)
    return entry.kind


def _set_aside(spool: Spool, entry: Entry, reason: str) -> str:
    logger.error("The spool's file %s is not sent: %s", entry.name, reason)
    spool.set_aside(entry)
    return _ASIDE
