"""Webhooks: the events that a receiver may ask for, and the signature of a message (Standard Webhooks 1.0)."""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

SECRET_PREFIX = "whsec_"
SECRET_BYTES = 32
ROTATION = timedelta(hours=24)
"""Time after a rotation during which the former secret signs, too."""


class WebhookEvent(StrEnum):
    """Events: a comment is held, a person labelled or removed one, or a site has a new alarm."""

    HELD = "held"
    DECIDED = "decided"
    ALARM = "alarm"


@dataclass(frozen=True, slots=True)
class Webhook:
    """A receiver of events of one site, or of all if `site_url` is `None`.

    `pending` messages will be delivered, `abandoned` ones will not. `last_error` is empty if no message failed.
    """

    id: int
    url: str
    events: tuple[WebhookEvent, ...]
    site_url: str | None
    allow_private: bool
    created_at: datetime
    pending: int = 0
    abandoned: int = 0
    last_error: str = ""


def secret_text(secret: bytes) -> str:
    """Return a secret in the form that receivers are given."""
    return SECRET_PREFIX + b64encode(secret).decode("ascii")


def signatures(secret_texts: Sequence[str], message_id: str, timestamp: int, body: bytes) -> str:
    """Return the header `webhook-signature`: an HMAC-SHA256 by each secret, over id, timestamp and body.

    `timestamp` is in seconds since 1970. Source: Standard Webhooks 1.0, symmetric signatures (`v1`).
    """
    signed = f"{message_id}.{timestamp}.".encode("ascii") + body
    digests = (hmac.new(b64decode(text.removeprefix(SECRET_PREFIX)), signed, sha256).digest() for text in secret_texts)
    return " ".join(f"v1,{b64encode(digest).decode('ascii')}" for digest in digests)
