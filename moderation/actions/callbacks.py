"""Deliver the outcome of a review to the blog that holds the comment.

Pending callbacks are rows of the database, so they survive a process, and several processes share the work.
`deliver_due` runs one round of deliveries; `moderation.actions.background` repeats it.
"""

import hmac
import json
import logging
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import timedelta
from hashlib import sha256
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Connection

from moderation.actions.services import Services
from moderation.actions.sites import key_digest
from moderation.domain.comment_types import PRIVATE_TYPES
from moderation.domain.decision import Decision, LabelValue
from moderation.domain.errors import StorageUnavailable
from moderation.domain.site import Callback, PluginState, ReviewAction, Site
from moderation.domain.thresholds import Verdict
from moderation.outbound.addresses import DeliveryError, host_may_be_allowed, is_same_origin, split_callback_url
from moderation.outbound.post import Response, post_form
from moderation.storage import callbacks, sites
from moderation.storage.callbacks import DueCallback, PendingCallback
from moderation.storage.engine import read_transaction

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

logger = logging.getLogger(__name__)

CALL_TIMEOUT_SECONDS = 10.0
MAX_ROUND_SECONDS = 30.0
"""Time after which a round begins no further call, so that slow blogs cannot delay other jobs for longer."""
CALLBACK_RETENTION = timedelta(days=30)
"""Time after the blog published a comment itself during which a changed label is still delivered."""
RETRY_DELAYS = tuple(timedelta(seconds=delay) for delay in (5, 30, 120, 600, 3_600, 21_600, *[43_200] * 6))
"""Delays between the attempts. After the last one, some three days in all, a callback is abandoned."""

_MAX_CALLBACKS_PER_ROUND = 50
_CLAIM_MARGIN_SECONDS = 30.0
_STATUS_OK = 200
_MAX_ORIGIN_LENGTH = 280
"""Above the length of any origin with a valid host, so that a made-up one cannot fill the queue page."""
_NEVER_SET = Event()


class PluginChange(NamedTuple):
    """A plugin's new state, and its encrypted key."""

    state: PluginState
    encrypted_key: str


class _NotConfirmed(Exception):
    """The blog answered, but did not confirm this comment."""


class _BlogUnavailable(Exception):
    """The blog answers every call with an error or a redirect."""


def deliver_due(services: Services, *, seconds: float = CALL_TIMEOUT_SECONDS, stop_event: Event = _NEVER_SET) -> int:
    """Deliver the due callbacks, each call within `seconds`, and return how many were confirmed.

    A blog that fails is not called again in this round, and no blog takes longer than twice `seconds`. No call begins
    after `MAX_ROUND_SECONDS` or once `stop_event` is set. Raises `StorageUnavailable`: callbacks that were being
    delivered are then delivered again when their claim has expired.
    """
    with read_transaction(services.engine) as connection:
        due = callbacks.due(connection, services.clock(), _MAX_CALLBACKS_PER_ROUND)
    by_site: dict[str, list[DueCallback]] = {}
    # In the order of `due`: a blog that was left out by a long round comes first in the next one.
    for callback in due:
        by_site.setdefault(callback.site_url, []).append(callback)
    end = monotonic() + MAX_ROUND_SECONDS
    return sum(_deliver_to_blog(services, blog, seconds, end, stop_event) for blog in by_site.values())


def count_pending(services: Services) -> int:
    """Return how many callbacks are still to be delivered, including callbacks that wait for a retry."""
    with read_transaction(services.engine) as connection:
        return callbacks.count(connection)


def retry_failed(services: Services, site: Site) -> int:
    """Schedule the site's abandoned callbacks again and return how many."""
    return services.writer.run(lambda connection: callbacks.retry(connection, site.id, services.clock()))


def purge_settled(services: Services) -> int:
    """Delete settled callbacks, with their keys, and return how many."""
    before = services.clock() - CALLBACK_RETENTION
    return services.writer.run(lambda connection: callbacks.purge(connection, before), slow=True)


def is_allowed(site: Site, comment_type: str | None, callback: Callback) -> bool:
    """Return whether the site's settings hold comments of this type and the callback's URL may be called."""
    if site.akismet_review.action is not ReviewAction.HOLD or comment_type in PRIVATE_TYPES:
        return False
    private = site.akismet_review.private_callback
    return is_same_origin(callback.url, site.url) and host_may_be_allowed(callback.url, allow_private=private)


def prepare_callback(services: Services, site: Site, decision: Decision, callback: Callback) -> PendingCallback | None:
    """Return the callback to store with a decision; `None` if the blog does not hold the comment.

    The key is encrypted here, before the database is locked.
    """
    is_held = decision.verdict is Verdict.REVIEW and not decision.degraded
    if not is_held or not is_allowed(site, decision.comment.type, callback):
        return None
    publishes_at = decision.decided_at + 2 * timedelta(seconds=site.akismet_review.hold_seconds)
    return PendingCallback(decision.id, site.id, callback.url, encrypt(services, callback.key), publishes_at)


def plugin_change(services: Services, site: Site, sent: Callback) -> PluginChange | None:
    """Return the facts to store of a plugin's call; `None` if its key and its callback's origin are the last ones."""
    origin = site.plugin.rejected_origin
    # The plugin's retries come without a callback, so they say nothing about its origin.
    if parts := split_callback_url(sent.url):
        rejected = not is_same_origin(sent.url, site.url)
        origin = f"{parts.scheme}://{parts.netloc.lower()}"[:_MAX_ORIGIN_LENGTH] if rejected else ""
    state = PluginState(key_digest(services, sent.key), origin)
    return None if state == site.plugin else PluginChange(state, encrypt(services, sent.key))


def store_plugin_change(connection: Connection, site: Site, change: PluginChange) -> None:
    """Store a plugin's state and give its key to the callbacks that wait, since a blog knows only its present key."""
    sites.set_plugin(connection, site.id, change.state)
    callbacks.replace_keys(connection, site.id, change.encrypted_key)


def describe_rejected_origin(site_url: str, origin: str) -> str:
    """Return what a rejected callback leads to, and what to do."""
    return (
        f"{site_url}: its plugin wants to be called at {origin}, so comments for review go to its spam folder. "
        f"Set the blog's own address to {site_url}, or add {origin} as a site and give the blog the new key."
    )


def encrypt(services: Services, text: str) -> str:
    """Encrypt a text with the secret of the services."""
    return _fernet(services).encrypt(text.encode()).decode("ascii")


def decrypt(services: Services, encrypted: str) -> str:
    """Decrypt a text of `encrypt`. Raises `StorageUnavailable` if it was altered or encrypted with another secret."""
    from cryptography.fernet import InvalidToken

    try:
        return _fernet(services).decrypt(encrypted.encode()).decode()
    except InvalidToken:
        raise StorageUnavailable(
            "An encrypted key cannot be read: the database and the secret do not belong together."
        ) from None


def _deliver_to_blog(
    services: Services, due: Sequence[DueCallback], seconds: float, round_end: float, stop_event: Event
) -> int:
    delivered, end = 0, min(monotonic() + seconds, round_end)
    for place, callback in enumerate(due):
        if stop_event.is_set() or monotonic() > end:
            break
        claimed = _claim(services, [callback], seconds)
        if not claimed:
            continue
        try:
            _deliver(services, claimed[0], seconds)
            delivered += _mark_delivered(services, claimed[0])
        except _NotConfirmed as error:
            _postpone(services, claimed, str(error))
        except (DeliveryError, _BlogUnavailable) as error:
            # The next call would fail like this one, while other blogs wait.
            _postpone(services, [*claimed, *_claim(services, due[place + 1 :], seconds)], str(error))
            break
    return delivered


def _claim(services: Services, due: Sequence[DueCallback], seconds: float) -> list[DueCallback]:
    # A claim lasts longer than any call, or two processes would deliver the same callback at once.
    until = services.clock() + timedelta(seconds=_CLAIM_MARGIN_SECONDS + 2 * seconds)

    def claim(connection: Connection) -> list[DueCallback]:
        return [claimed for callback in due if (claimed := callbacks.claim(connection, callback, until))]

    return services.writer.run(claim)


def _deliver(services: Services, claimed: DueCallback, seconds: float) -> None:
    # The origin was checked when the comment came in, but the site's settings may have changed since.
    if not is_same_origin(claimed.url, claimed.site_url):
        raise _NotConfirmed("The callback address is not on the blog's own host.")
    try:
        key = decrypt(services, claimed.encrypted_key)
    except StorageUnavailable as error:
        raise _NotConfirmed(str(error)) from None
    fields = {
        "key": key,
        "endpoint": "comment-check",
        "comments[0][guid]": claimed.guid,
        "comments[0][result]": "true" if claimed.result is LabelValue.SPAM else "false",
    }
    response = post_form(claimed.url, fields, allow_private=claimed.private_callback, seconds=seconds)
    if response.status != _STATUS_OK:
        raise _BlogUnavailable(f"The blog answered with status {response.status}.")
    if not _confirms(response, claimed.guid):
        raise _NotConfirmed("The blog answered, but does not know the comment or is not ready for this call.")


def _confirms(response: Response, guid: str) -> bool:
    try:
        return bool(json.loads(response.body)["comments"][guid]["status"] == "success")
    except (ValueError, LookupError, TypeError, RecursionError):
        return False


def _mark_delivered(services: Services, claimed: DueCallback) -> bool:
    return services.writer.run(lambda connection: callbacks.mark_delivered(connection, claimed, services.clock()))


def _postpone(services: Services, claimed: Sequence[DueCallback], problem: str) -> None:
    now = services.clock()
    delays = [_retry_delay(callback.attempts) for callback in claimed]

    def mark_failed(connection: Connection) -> None:
        for callback, delay in zip(claimed, delays, strict=True):
            callbacks.mark_failed(connection, callback, problem, now + delay if delay else None, now)

    services.writer.run(mark_failed)
    logger.warning(
        "callback failed",
        extra={
            "decision": claimed[0].decision_id,
            "problem": problem,
            "attempts": claimed[0].attempts,
            "retry_in_seconds": delays[0].total_seconds() if delays[0] else None,
            "decisions": len(claimed),
            "given_up": delays.count(None),
        },
    )


def _retry_delay(attempts: int) -> timedelta | None:
    """Return the delay after this many attempts; `None` after the last one."""
    return RETRY_DELAYS[attempts - 1] if attempts <= len(RETRY_DELAYS) else None


def _fernet(services: Services) -> "Fernet":
    # Imported here, as it takes several megabytes and only sites that hold comments need it.
    from cryptography.fernet import Fernet

    # The input of the digest is part of the format: another one would make all stored keys unreadable.
    return Fernet(urlsafe_b64encode(hmac.new(services.secret, b"sealed keys", sha256).digest()))
