"""Feeds of held comments: each moderator may have one, which a token in its address opens."""

import hmac
import secrets
from hashlib import sha256

from sqlalchemy import Connection

from moderation.actions.digest_mail import EXCERPT_LENGTH
from moderation.actions.moderators import require_moderator
from moderation.actions.services import Services
from moderation.domain.decision import Moderator
from moderation.domain.errors import AuthenticationFailed
from moderation.domain.people import Permission
from moderation.domain.queue import HELD, ListedComment
from moderation.storage import feeds, queue_lists
from moderation.storage.engine import read_transaction

MAX_ENTRIES = 50

_TOKEN_BYTES = 32
_MAX_ID_DIGITS = 9


def create_feed(services: Services, name: str) -> str:
    """Give the moderator a feed and return its token; a former token stops working. Raises `NotFound`."""
    random_part = secrets.token_urlsafe(_TOKEN_BYTES)

    def put(connection: Connection) -> str:
        moderator_id = require_moderator(connection, name).id
        token = f"{moderator_id}-{random_part}"
        feeds.put(connection, moderator_id, _digest(token), services.clock())
        return token

    return services.writer.run(put)


def revoke_feed(services: Services, name: str) -> bool:
    """Revoke the token of the moderator's feed. Returns false if there is none. Raises `NotFound`."""
    return services.writer.run(lambda connection: feeds.remove(connection, require_moderator(connection, name).id))


def authenticate_feed(services: Services, token: str) -> Moderator:
    """Return the moderator whose feed a token opens. Raises `AuthenticationFailed`."""
    number = token.partition("-")[0]
    found = None
    if number.isascii() and number.isdecimal() and len(number) <= _MAX_ID_DIGITS:
        with read_transaction(services.engine) as connection:
            found = feeds.find(connection, int(number))
    # In constant time: the time of the answer must not tell how much of a token is right.
    if found is None or not hmac.compare_digest(found[1], _digest(token)):
        raise AuthenticationFailed("No feed has this token: `moderation moderator feed NAME` makes a new one.")
    return found[0]


def read_feed(services: Services, moderator: Moderator) -> list[ListedComment]:
    """Return the newest held comments that the moderator may read, with the beginnings of their texts."""
    scope = moderator.access.scope(Permission.READ)
    with read_transaction(services.engine) as connection:
        return queue_lists.page(connection, scope, HELD, "", MAX_ENTRIES, 4 * EXCERPT_LENGTH).comments


def _digest(token: str) -> str:
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
