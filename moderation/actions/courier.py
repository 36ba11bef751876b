"""Telling blogs what moderators decided of the comments that they hold.

`tell_blogs` is one round. A `Courier` makes rounds in the background of a serving process; what is to be told lies in
the database, so it survives any process, and several of them share the work.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from threading import Event
from time import monotonic

from moderation.actions.desk import Desk
from moderation.actions.journal import write_line
from moderation.actions.rounds import Rounds
from moderation.actions.seal import unseal
from moderation.domain.errors import StorageUnavailable
from moderation.domain.judgement import LabelValue
from moderation.domain.site import Site
from moderation.outbound.addresses import CallRefused, callback_fits
from moderation.outbound.post import Answer, post_form
from moderation.storage import callbacks
from moderation.storage.callbacks import Due
from moderation.storage.engine import reading, writing

KEPT_FOR = timedelta(days=30)
"""How long a blog can be told of another word, after it published the comment by itself."""

WAITS = tuple(timedelta(seconds=wait) for wait in (5, 30, 120, 600, 3_600, 21_600, *[43_200] * 6))
"""Between one attempt and the next; after the last, some three days in all, a blog is given up."""

_PAUSE = 2.0
_TIDYING = 3_600.0
_MOST_AT_ONCE = 50
_CONFIRMED = 200
_NEVER = Event()


class _NotTold(Exception):
    """The blog answered, but did not confirm this comment; the message says how."""


class _OutOfOrder(Exception):
    """The blog answered as it answers to none: an error, or a redirect."""


def tell_blogs(desk: Desk, *, seconds: float = 10.0, stopping: Event = _NEVER) -> int:
    """One round: tells every blog that is due, each comment within `seconds`; how many confirmed.

    A blog that is out of reach or out of order is not tried again in this round, and a slow one waits for the next, so
    that no blog keeps the others waiting for more than twice `seconds`. Ends early when `stopping` is set.
    Raises `StorageUnavailable`; what was being told is then told again, when its claim has run out.
    """
    with reading(desk.engine) as connection:
        due = callbacks.due(connection, desk.clock(), _MOST_AT_ONCE)
    by_site = groupby(sorted(due, key=_site_of), key=_site_of)
    return sum(_tell_one_blog(desk, list(found), seconds, stopping) for _, found in by_site)


def count_due(desk: Desk) -> int:
    """How many decisions blogs are still to be told of, those put off after a failure included."""
    with reading(desk.engine) as connection:
        return callbacks.count(connection)


def tell_again(desk: Desk, site: Site) -> int:
    """Lets a blog be told once more what it was given up on; how many decisions."""
    with writing(desk.engine) as connection:
        return callbacks.rearm(connection, site.id, desk.clock())


def forget_settled(desk: Desk) -> int:
    """Deletes what no blog will be told any more, with the keys it was told by; how many there were."""
    with writing(desk.engine) as connection:
        return callbacks.forget(connection, desk.clock() - KEPT_FOR)


class Courier(Rounds):
    """Tells blogs in a thread of its own, and tidies away what is settled."""

    def __init__(self, desk: Desk, *, pause: float = _PAUSE, seconds: float = 10.0) -> None:
        self._seconds = seconds
        self._tidy_at = 0.0
        trouble = "a round of telling blogs failed"
        super().__init__(desk, self._tell, name="courier", trouble=trouble, pause=lambda: pause, patience=seconds)

    def _tell(self, stopping: Event) -> None:
        tell_blogs(self._desk, seconds=self._seconds, stopping=stopping)
        if monotonic() >= self._tidy_at:
            self._tidy_at = monotonic() + _TIDYING
            forget_settled(self._desk)


def _site_of(found: Due) -> str:
    return found.site_url


def _tell_one_blog(desk: Desk, found: Sequence[Due], seconds: float, stopping: Event) -> int:
    told, until = 0, monotonic() + seconds
    for place, each in enumerate(found):
        if stopping.is_set() or monotonic() > until:
            break
        claimed = _claim(desk, [each], seconds)
        if not claimed:
            continue
        try:
            _tell(desk, claimed[0], seconds)
            told += _settle(desk, claimed[0])
        except _NotTold as trouble:
            _put_off(desk, claimed, str(trouble))
        except (CallRefused, _OutOfOrder) as trouble:
            # What fails for one comment fails for the next, and other blogs wait as well.
            _put_off(desk, [*claimed, *_claim(desk, found[place + 1 :], seconds)], str(trouble))
            break
    return told


def _claim(desk: Desk, found: Sequence[Due], seconds: float) -> list[Due]:
    # Well over what a call can take: no two processes tell the same at once.
    until = desk.clock() + timedelta(seconds=30 + 2 * seconds)
    with writing(desk.engine) as connection:
        return [claimed for each in found if (claimed := callbacks.claim(connection, each, until))]


def _tell(desk: Desk, claimed: Due, seconds: float) -> None:
    # Looked at when it was taken in, too; this is the last place where it can be.
    if not callback_fits(claimed.url, claimed.site_url):
        raise _NotTold("The address that the blog gave is not its own.")
    fields = {
        "key": _key(desk, claimed),
        "endpoint": "comment-check",
        "comments[0][guid]": claimed.guid,
        "comments[0][result]": "true" if claimed.result is LabelValue.SPAM else "false",
    }
    answer = post_form(claimed.url, fields, private_allowed=claimed.private_callback, seconds=seconds)
    if answer.status != _CONFIRMED:
        raise _OutOfOrder(f"The blog answered with status {answer.status}.")
    if not _confirms(answer, claimed.guid):
        raise _NotTold("The blog answered, but does not know the comment or is not ready for this call.")


def _key(desk: Desk, claimed: Due) -> str:
    try:
        return unseal(desk, claimed.sealed_key)
    except StorageUnavailable as error:
        raise _NotTold(str(error)) from None


def _confirms(answer: Answer, guid: str) -> bool:
    try:
        found = json.loads(answer.body)
        return bool(found["comments"][guid]["status"] == "success")
    except (ValueError, LookupError, TypeError, RecursionError):
        return False


def _settle(desk: Desk, claimed: Due) -> bool:
    now = desk.clock()
    with writing(desk.engine) as connection:
        return callbacks.told(connection, claimed, now)


def _put_off(desk: Desk, claimed: Sequence[Due], problem: str) -> None:
    now = desk.clock()
    with writing(desk.engine) as connection:
        for each in claimed:
            wait = _wait(each.attempts)
            callbacks.failed(connection, each, problem, None if wait is None else now + wait, now)
    _write_down(now, claimed, problem)


def _wait(attempts: int) -> timedelta | None:
    """How long to wait after this many attempts; `None` when there were enough."""
    return WAITS[attempts - 1] if attempts <= len(WAITS) else None


def _write_down(now: datetime, claimed: Sequence[Due], problem: str) -> None:
    waits = [_wait(each.attempts) for each in claimed]
    write_line(
        now,
        "warning",
        "a blog was not told",
        decision=claimed[0].decision_id,
        problem=problem,
        attempts=claimed[0].attempts,
        again_in_seconds=waits[0].total_seconds() if waits[0] else None,
        decisions=len(claimed),
        given_up=waits.count(None),
    )
