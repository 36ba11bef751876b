"""Tell other programs what happened: signed messages about held comments, labels and alarms.

A message is a row of the database, stored in the transaction of its event and delivered at least once. It carries no
text of a comment and no fact about its author.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from threading import Event
from typing import NamedTuple
from uuid import uuid4

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
from moderation.actions.sites import find_site
from moderation.domain.alarms import AlarmKind
from moderation.domain.decision import Decision, Label, LabelOrigin
from moderation.domain.errors import InvalidInput, NotFound, StorageUnavailable
from moderation.domain.invisible import quoted
from moderation.domain.thresholds import Verdict
from moderation.domain.urls import item_url
from moderation.domain.webhooks import ROTATION, SECRET_BYTES, Webhook, WebhookEvent, secret_text, signatures
from moderation.outbound.addresses import host_may_be_allowed, split_callback_url
from moderation.outbound.post import post
from moderation.storage import webhooks
from moderation.storage.engine import read_transaction
from moderation.storage.webhooks import DueMessage

MESSAGE_RETENTION = timedelta(days=30)
"""Time for which an abandoned message is kept, so that an operator who mended the receiver can retry."""

_MAX_PER_ROUND = 100
_MAX_PER_WEBHOOK = 20


class NewSecret(NamedTuple):
    """A webhook's id, and the secret that its receiver verifies messages with. It is shown only once."""

    webhook_id: int
    secret: str


def add_webhook(
    services: Services,
    url: str,
    events: Sequence[WebhookEvent],
    *,
    site_url: str | None = None,
    allow_private: bool = False,
) -> NewSecret:
    """Store a receiver of events of one site, or of all. Raises `InvalidInput` for an unusable URL, and `NotFound`."""
    if split_callback_url(url) is None:
        raise InvalidInput("A webhook's address must look like https://host.example/path, without a user name.")
    if not host_may_be_allowed(url, allow_private=allow_private):
        raise InvalidInput("This is a private address: use --private if it is meant.")
    if not events:
        raise InvalidInput("A webhook needs at least one event.")
    site_id = find_site(services, site_url).id if site_url else None
    secret = secret_text(secrets.token_bytes(SECRET_BYTES))
    encrypted, wanted = encrypt(services, secret), dict.fromkeys(events)
    webhook_id = services.writer.run(
        lambda connection: webhooks.add(connection, url, wanted, site_id, allow_private, encrypted, services.clock())
    )
    return NewSecret(webhook_id, secret)


def list_webhooks(services: Services) -> list[Webhook]:
    """Return all webhooks with the state of their messages."""
    with read_transaction(services.engine) as connection:
        return webhooks.list_all(connection)


def rotate_secret(services: Services, webhook_id: int) -> NewSecret:
    """Replace a webhook's secret. The former one signs, too, for `ROTATION`. Raises `NotFound`."""
    secret = secret_text(secrets.token_bytes(SECRET_BYTES))
    encrypted, until = encrypt(services, secret), services.clock() + ROTATION
    if not services.writer.run(lambda connection: webhooks.rotate(connection, webhook_id, encrypted, until)):
        raise _unknown(webhook_id)
    return NewSecret(webhook_id, secret)


def remove_webhook(services: Services, webhook_id: int) -> None:
    """Remove a webhook with its waiting messages. Raises `NotFound`."""
    if not services.writer.run(lambda connection: webhooks.remove(connection, webhook_id)):
        raise _unknown(webhook_id)


def retry_webhook(services: Services, webhook_id: int) -> int:
    """Schedule the abandoned messages of a webhook again and return how many. Raises `NotFound`."""
    if all(webhook.id != webhook_id for webhook in list_webhooks(services)):
        raise _unknown(webhook_id)
    return services.writer.run(lambda connection: webhooks.retry(connection, webhook_id, services.clock()))


def count_messages(services: Services, *, abandoned: bool = False) -> int:
    """Return how many messages are still to be delivered, or how many are abandoned."""
    with read_transaction(services.engine) as connection:
        return webhooks.count(connection, abandoned=abandoned)


def purge_messages(services: Services) -> int:
    """Delete abandoned messages after `MESSAGE_RETENTION` and return how many."""
    before = services.clock() - MESSAGE_RETENTION
    return services.writer.run(lambda connection: webhooks.purge(connection, before), slow=True)


def announce_held(connection: Connection, decided: Sequence[Decision]) -> None:
    """Queue the messages about the decisions that wait for a person; none for the others."""
    for decision in decided:
        if decision.verdict is Verdict.REVIEW:
            data = {
                "decision": decision.id,
                "probability": None if decision.degraded else round(decision.score.probability, 4),
                "review_threshold": decision.thresholds.review,
                "degraded": decision.degraded,
            }
            _announce(connection, WebhookEvent.HELD, decision.site_id, data, decision.decided_at)


def announce_decided(connection: Connection, site_id: int, label: Label) -> None:
    """Queue the messages about a label, a removal or a withdrawal; none for the labels of a file."""
    if label.origin is LabelOrigin.IMPORT:
        return
    data = {
        "decision": label.decision_id,
        "act": label.verb,
        # A blog may send any name with its label.
        "by": quoted(label.labelled_by),
        "channel": label.channel,
        "origin": label.origin.value,
    }
    _announce(connection, WebhookEvent.DECIDED, site_id, data, label.created_at)


def announce_alarm(services: Services, connection: Connection, site_id: int, kind: AlarmKind, detail: str) -> None:
    """Queue the messages about an alarm that a site did not have before."""
    data = {"alarm": kind.value, "detail": detail}
    _announce(connection, WebhookEvent.ALARM, site_id, data, services.clock())


def deliver_messages(
    services: Services, *, seconds: float = CALL_TIMEOUT_SECONDS, stop_event: Event = NEVER_SET
) -> int:
    """Run a round of deliveries, as `deliver_round` does, and return how many messages their receivers have."""
    return deliver_round(services, _OUTBOX, seconds, stop_event)


def _announce(
    connection: Connection, event: WebhookEvent, site_id: int, data: Mapping[str, object], at: datetime
) -> None:
    receivers = webhooks.receivers(connection, event, site_id)
    if receivers:
        facts = json.dumps({"site": webhooks.site_url(connection, site_id), **data}, separators=(",", ":"))
        webhooks.enqueue(connection, {f"msg_{uuid4().hex}": receiver for receiver in receivers}, event, facts, at)


def _deliver(services: Services, claimed: DueMessage, seconds: float) -> None:
    now = services.clock()
    body = _body(services.public_url, claimed)
    try:
        texts = [decrypt(services, claimed.encrypted_secret)]
        if claimed.former_secret and claimed.former_until and claimed.former_until > now:
            texts.append(decrypt(services, claimed.former_secret))
    except StorageUnavailable:
        problem = f"Its secret cannot be read: run `moderation webhook rotate {claimed.webhook_id}`."
        raise ReceiverUnavailable(problem) from None
    timestamp = int(now.timestamp())
    headers = {
        "Content-Type": "application/json",
        "webhook-id": claimed.id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signatures(texts, claimed.id, timestamp, body),
    }
    response = post(claimed.url, body, headers, allow_private=claimed.allow_private, seconds=seconds)
    if 200 <= response.status < 300:
        return
    problem = f"The receiver answered with status {response.status}."
    raise NotAccepted(problem) if 400 <= response.status < 500 else ReceiverUnavailable(problem)


def _body(public_url: str, message: DueMessage) -> bytes:
    facts = json.loads(message.data)
    if "decision" in facts:
        facts["url"] = item_url(public_url, facts["decision"]) if public_url and facts["decision"] else None
    value = {"type": message.event, "timestamp": message.created_at.isoformat(), "data": facts}
    return json.dumps(value, separators=(",", ":")).encode("ascii")


def _unknown(webhook_id: int) -> NotFound:
    return NotFound(f"There is no webhook {webhook_id}: `moderation webhook list` shows them.")


_OUTBOX = Outbox(
    failure_event="webhook failed",
    due=lambda connection, now: webhooks.due(connection, now, _MAX_PER_ROUND, _MAX_PER_WEBHOOK),
    receiver=lambda message: message.webhook_id,
    claim=webhooks.claim,
    deliver=_deliver,
    mark_delivered=lambda connection, claimed, _: webhooks.mark_delivered(connection, claimed),
    mark_failed=lambda connection, claimed, problem, again_at, _: webhooks.mark_failed(
        connection, claimed, problem, again_at
    ),
    log_fields=lambda message: {"webhook": message.webhook_id, "message_id": message.id},
)
