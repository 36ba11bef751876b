"""Deliver the outcome of a review to the blog that holds the comment.

Pending callbacks are rows of the database, which `moderation.actions.deliveries` delivers.
"""

import json
from datetime import datetime, timedelta
from threading import Event
from typing import NamedTuple

from sqlalchemy import Connection

from moderation.actions.deliveries import (
    CALL_TIMEOUT_SECONDS,
    NEVER_SET,
    NotAccepted,
    Outbox,
    ReceiverUnavailable,
    deliver_round,
)
from moderation.actions.encryption import decrypt, encrypt
from moderation.actions.services import Services
from moderation.actions.sites import key_digest
from moderation.domain.comment_types import PRIVATE_TYPES
from moderation.domain.decision import Decision, Label, LabelOrigin, LabelValue
from moderation.domain.errors import StorageUnavailable
from moderation.domain.site import Callback, PluginState, ReviewAction, Site
from moderation.domain.thresholds import Verdict
from moderation.outbound.addresses import host_may_be_allowed, is_same_origin, split_callback_url
from moderation.outbound.post import Response, post_form
from moderation.storage import callbacks, sites
from moderation.storage.callbacks import DueCallback, PendingCallback
from moderation.storage.engine import read_transaction

GRACE = timedelta(seconds=10)
"""Time from a decision in the queue to the call of its blog: an undo within it costs no call."""
CALLBACK_RETENTION = timedelta(days=30)
"""Time after the blog published a comment itself during which a changed label is still delivered."""

_MAX_CALLBACKS_PER_ROUND = 50
_STATUS_OK = 200
_MAX_ORIGIN_LENGTH = 280
"""Above the length of any origin with a valid host, so that a made-up one cannot fill the queue page."""


class PluginChange(NamedTuple):
    """A plugin's new state, and its encrypted key."""

    state: PluginState
    encrypted_key: str
    is_new_key: bool


class CallbackPlan(NamedTuple):
    """All that is stored of a callback with a decision.

    `pending` is the callback of a comment that the blog holds. `is_known` is true if the blog holds nothing, and the
    callback is the last one of its plugin that may be called: the row is then made when there is an answer to deliver.
    """

    change: PluginChange | None = None
    pending: PendingCallback | None = None
    is_known: bool = False


NO_CALLBACK = CallbackPlan()


def deliver_due(services: Services, *, seconds: float = CALL_TIMEOUT_SECONDS, stop_event: Event = NEVER_SET) -> int:
    """Run a round of deliveries, as `deliver_round` does, and return how many callbacks were confirmed."""
    return deliver_round(services, _OUTBOX, seconds, stop_event)


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


def plan_callback(services: Services, site: Site, decision: Decision, sent: Callback) -> CallbackPlan:
    """Return what to store of the callback that came with the comment of a decision.

    The key is encrypted here, before the database is locked.
    """
    change = plugin_change(services, site, sent)
    is_final = not decision.degraded and decision.comment.type not in PRIVATE_TYPES
    if is_final and decision.verdict is Verdict.REVIEW and is_allowed(site, decision.comment.type, sent):
        publishes_at = decision.decided_at + 2 * timedelta(seconds=site.akismet_review.hold_seconds)
        pending = PendingCallback(decision.id, site.id, sent.url, encrypt(services, sent.key), publishes_at)
        return CallbackPlan(change, pending)
    last_url = (change.state if change else site.plugin).callback
    return CallbackPlan(change, None, is_final and bool(sent.url) and sent.url == last_url)


def answer_of(label: Label) -> LabelValue | None:
    """Return the answer for the blog whose comment has this label; `None` if it needs none."""
    # For a removed comment the blog has no other answer than that for spam.
    answer = LabelValue.SPAM if label.removes else label.value
    return None if label.channel == "akismet" else answer


def schedule_answer(
    connection: Connection, comment_id: int, label: Label, *, grace: bool = False, undecided_only: bool = False
) -> None:
    """Schedule the callback of a comment for its new label, with `grace` after `GRACE`.

    A comment that its blog does not hold gets a callback if the blog has it in another place than the answer says.
    With `undecided_only` a callback that has an answer already stays as it is.
    """
    at = label.created_at + (GRACE if grace else timedelta())
    answer = answer_of(label)
    callbacks.set_result(connection, comment_id, answer, at, undecided_only=undecided_only)
    if answer and label.origin is not LabelOrigin.IMPORT:
        callbacks.add_for_decision(connection, comment_id, answer, at)


def take_answer_back(connection: Connection, comment_id: int, restored: Label, at: datetime) -> None:
    """Cancel the callback of an undone label, or schedule the answer of the restored one if it was perhaps sent."""
    callbacks.take_back(connection, comment_id, answer_of(restored), at)


def plugin_change(services: Services, site: Site, sent: Callback) -> PluginChange | None:
    """Return the facts to store of a plugin's call; `None` if its key and its callback's origin are the last ones."""
    origin, url = site.plugin.rejected_origin, site.plugin.callback
    # The plugin's retries come without a callback, so they say nothing about its origin.
    if parts := split_callback_url(sent.url):
        rejected = not is_same_origin(sent.url, site.url)
        origin = f"{parts.scheme}://{parts.netloc.lower()}"[:_MAX_ORIGIN_LENGTH] if rejected else ""
        private = site.akismet_review.private_callback
        if not rejected and sent.url != url and host_may_be_allowed(sent.url, allow_private=private):
            url = sent.url
    state = PluginState(key_digest(services, sent.key), origin, url)
    if state == site.plugin:
        return None
    return PluginChange(state, encrypt(services, sent.key), state.key_digest != site.plugin.key_digest)


def store_plugin_change(connection: Connection, site: Site, change: PluginChange) -> None:
    """Store a plugin's state and give its key to the callbacks that wait, since a blog knows only its present key."""
    sites.set_plugin(connection, site.id, change.state, change.encrypted_key)
    if change.is_new_key:
        callbacks.replace_keys(connection, site.id, change.encrypted_key)


def describe_rejected_origin(site_url: str, origin: str) -> str:
    """Return what a rejected callback leads to, and what to do."""
    return (
        f"{site_url}: its plugin wants to be called at {origin}, so comments for review go to its spam folder. "
        f"Set the blog's own address to {site_url}, or add {origin} as a site and give the blog the new key."
    )


def _deliver(services: Services, claimed: DueCallback, seconds: float) -> None:
    # The origin was checked when the comment came in, but the site's settings may have changed since.
    if not is_same_origin(claimed.url, claimed.site_url):
        raise NotAccepted("The callback address is not on the blog's own host.")
    try:
        key = decrypt(services, claimed.encrypted_key)
    except StorageUnavailable as error:
        raise NotAccepted(str(error)) from None
    fields = {
        "key": key,
        "endpoint": "comment-check",
        "comments[0][guid]": claimed.guid,
        "comments[0][result]": "true" if claimed.result is LabelValue.SPAM else "false",
    }
    response = post_form(claimed.url, fields, allow_private=claimed.private_callback, seconds=seconds)
    if response.status != _STATUS_OK:
        raise ReceiverUnavailable(f"The blog answered with status {response.status}.")
    if not _confirms(response, claimed.guid):
        raise NotAccepted("The blog answered, but does not know the comment or is not ready for this call.")


def _confirms(response: Response, guid: str) -> bool:
    try:
        return bool(json.loads(response.body)["comments"][guid]["status"] == "success")
    except (ValueError, LookupError, TypeError, RecursionError):
        return False


_OUTBOX = Outbox(
    failure_event="callback failed",
    due=lambda connection, now: callbacks.due(connection, now, _MAX_CALLBACKS_PER_ROUND),
    receiver=lambda callback: callback.site_url,
    claim=callbacks.claim,
    deliver=_deliver,
    mark_delivered=callbacks.mark_delivered,
    mark_failed=callbacks.mark_failed,
    log_fields=lambda callback: {"decision": callback.decision_id},
)
