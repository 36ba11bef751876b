"""Store webhooks, and the messages that wait for them: in the transaction of the event, until the receiver has them."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, and_, delete, func, insert, or_, select, update

from moderation.domain.webhooks import Webhook, WebhookEvent
from moderation.storage.callbacks import MAX_DELAY
from moderation.storage.claims import claim_unchanged, is_due, update_unchanged
from moderation.storage.operator_tables import webhook_messages, webhooks
from moderation.storage.tables import sites

_UNSENT = webhook_messages.c.next_attempt_at.is_not(None)
_ABANDONED = webhook_messages.c.next_attempt_at.is_(None)
_COMPARED = ("id", "next_attempt_at", "attempts")


class DueMessage(NamedTuple):
    """A message with all that its delivery needs."""

    id: str
    webhook_id: int
    event: str
    data: str
    created_at: datetime
    attempts: int
    next_attempt_at: datetime
    url: str
    allow_private: bool
    encrypted_secret: str
    former_secret: str | None
    former_until: datetime | None


def add(
    connection: Connection,
    url: str,
    events: Iterable[WebhookEvent],
    site_id: int | None,
    allow_private: bool,
    encrypted_secret: str,
    at: datetime,
) -> int:
    """Store a webhook and return its id."""
    row = {
        "url": url,
        "events": " ".join(event.value for event in events),
        "site_id": site_id,
        "allow_private": allow_private,
        "encrypted_secret": encrypted_secret,
        "created_at": at,
    }
    return int(connection.execute(insert(webhooks).returning(webhooks.c.id), row).scalar_one())


def list_all(connection: Connection) -> list[Webhook]:
    """Return all webhooks with the state of their messages, in the order of their ids."""
    messages = webhook_messages.c
    statement = (
        select(
            webhooks,
            sites.c.url.label("site_url"),
            func.count(messages.next_attempt_at).label("pending"),
            (func.count(messages.id) - func.count(messages.next_attempt_at)).label("abandoned"),
            func.coalesce(func.max(messages.last_error), "").label("last_error"),
        )
        .select_from(
            webhooks.outerjoin(sites, sites.c.id == webhooks.c.site_id).outerjoin(
                webhook_messages, messages.webhook_id == webhooks.c.id
            )
        )
        .group_by(webhooks.c.id, sites.c.url)
        .order_by(webhooks.c.id)
    )
    return [
        Webhook(
            id=row.id,
            url=row.url,
            events=tuple(map(WebhookEvent, row.events.split())),
            site_url=row.site_url,
            allow_private=row.allow_private,
            created_at=row.created_at,
            pending=row.pending,
            abandoned=row.abandoned,
            last_error=row.last_error,
        )
        for row in connection.execute(statement)
    ]


def rotate(connection: Connection, webhook_id: int, encrypted_secret: str, former_until: datetime) -> bool:
    """Replace the secret; the former one signs, too, until `former_until`. Returns false if there is no webhook."""
    values = {
        "former_secret": webhooks.c.encrypted_secret,
        "former_until": former_until,
        "encrypted_secret": encrypted_secret,
    }
    return connection.execute(update(webhooks).where(webhooks.c.id == webhook_id).values(values)).rowcount == 1


def remove(connection: Connection, webhook_id: int) -> bool:
    """Delete a webhook with its messages. Returns false if there is none."""
    connection.execute(delete(webhook_messages).where(webhook_messages.c.webhook_id == webhook_id))
    return connection.execute(delete(webhooks).where(webhooks.c.id == webhook_id)).rowcount == 1


def receivers(connection: Connection, event: WebhookEvent, site_id: int) -> list[int]:
    """Return the ids of the webhooks that want an event of a site."""
    of_site = or_(webhooks.c.site_id.is_(None), webhooks.c.site_id == site_id)
    rows = connection.execute(select(webhooks.c.id, webhooks.c.events).where(of_site))
    return [row.id for row in rows if event.value in row.events.split()]


def site_url(connection: Connection, site_id: int) -> str:
    """Return the URL of a site, for a message."""
    return str(connection.execute(select(sites.c.url).where(sites.c.id == site_id)).scalar_one())


def enqueue(connection: Connection, ids: Mapping[str, int], event: WebhookEvent, data: str, at: datetime) -> None:
    """Store a message about an event for each webhook, by the ids of the messages."""
    values = {"event": event.value, "data": data, "created_at": at, "next_attempt_at": at}
    rows = [{"id": message_id, "webhook_id": webhook_id, **values} for message_id, webhook_id in ids.items()]
    connection.execute(insert(webhook_messages), rows)


def due(connection: Connection, now: datetime, limit: int, limit_per_webhook: int) -> list[DueMessage]:
    """Return at most `limit` due messages, and `limit_per_webhook` of one webhook, the longest due first."""
    messages = webhook_messages.c
    place = func.row_number().over(partition_by=messages.webhook_id, order_by=messages.next_attempt_at)
    ranked = (
        select(messages.id, place.label("place"))
        .where(_UNSENT, is_due(messages.next_attempt_at, now, MAX_DELAY))
        .subquery()
    )
    columns = {**dict(webhooks.c.items()), **dict(messages.items())}
    statement = (
        select(*(columns[name] for name in DueMessage._fields))
        .select_from(webhook_messages.join(webhooks, webhooks.c.id == messages.webhook_id))
        .join(ranked, and_(ranked.c.id == messages.id, ranked.c.place <= limit_per_webhook))
        .order_by(messages.next_attempt_at)
        .limit(limit)
    )
    return [DueMessage(*row) for row in connection.execute(statement)]


def claim(connection: Connection, message: DueMessage, until: datetime) -> DueMessage | None:
    """Reserve a due message for this process until `until`. Returns `None` if another process was faster."""
    claimed = message._replace(next_attempt_at=until, attempts=message.attempts + 1)
    values = {"next_attempt_at": until, "attempts": claimed.attempts}
    return claimed if claim_unchanged(connection, webhook_messages, message, _COMPARED, **values) else None


def mark_delivered(connection: Connection, claimed: DueMessage) -> bool:
    """Delete a message that the receiver has. Returns false if it is gone already."""
    return connection.execute(delete(webhook_messages).where(webhook_messages.c.id == claimed.id)).rowcount == 1


def mark_failed(connection: Connection, claimed: DueMessage, last_error: str, again_at: datetime | None) -> bool:
    """Record an error and retry at `again_at`, or never with `None`. Returns false if another process claimed it."""
    values = {"next_attempt_at": again_at, "last_error": last_error}
    return update_unchanged(connection, webhook_messages, claimed, _COMPARED, **values)


def retry(connection: Connection, webhook_id: int, at: datetime) -> int:
    """Schedule the abandoned messages of a webhook from `at` on. Returns how many."""
    abandoned = (webhook_messages.c.webhook_id == webhook_id, _ABANDONED)
    statement = update(webhook_messages).where(*abandoned).values(next_attempt_at=at, attempts=0)
    return connection.execute(statement).rowcount


def count(connection: Connection, *, abandoned: bool) -> int:
    """Return how many messages are still to be delivered, or how many are abandoned."""
    statement = select(func.count()).select_from(webhook_messages).where(_ABANDONED if abandoned else _UNSENT)
    return connection.execute(statement).scalar_one()


def purge(connection: Connection, before: datetime) -> int:
    """Delete the abandoned messages of events before `before`. Returns how many."""
    statement = delete(webhook_messages).where(_ABANDONED, webhook_messages.c.created_at < before)
    return connection.execute(statement).rowcount
