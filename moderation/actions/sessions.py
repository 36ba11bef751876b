"""Sessions of moderators: rows of the database, so that ending one ends it for every copy of its cookie."""

import secrets
from datetime import timedelta
from hashlib import sha256

from sqlalchemy import Connection

from moderation.actions.moderators import require_moderator
from moderation.actions.services import Services
from moderation.domain.decision import Moderator
from moderation.domain.errors import AuthenticationFailed
from moderation.storage import moderators, sessions
from moderation.storage.engine import read_transaction

_TOKEN_BYTES = 32


def start_session(services: Services, moderator: Moderator, lifetime: timedelta) -> str:
    """Store a session that ends after `lifetime` at the latest, and return its secret token.

    Raises `AuthenticationFailed` if the moderator was removed or got another password meanwhile.
    """
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    expires_at = services.clock() + lifetime

    def add(connection: Connection) -> None:
        found = moderators.find(connection, moderator.name, lock=True)
        if found is None or found[0] != moderator:
            raise AuthenticationFailed("The moderator was removed or got another password.")
        sessions.add(connection, _digest(token), moderator.id, expires_at)

    services.writer.run(add)
    return token


def session_moderator(services: Services, token: str) -> Moderator | None:
    """Return the moderator whose session this is; `None` if the session has ended."""
    with read_transaction(services.engine) as connection:
        return sessions.find_moderator(connection, _digest(token), services.clock())


def end_session(services: Services, token: str) -> None:
    """End one session."""
    services.writer.run(lambda connection: sessions.remove(connection, _digest(token)))


def end_sessions(services: Services, name: str) -> int:
    """End all sessions of the moderator. Returns how many had not been ended. Raises `NotFound`."""
    return services.writer.run(
        lambda connection: sessions.remove_of(connection, require_moderator(connection, name).id)
    )


def purge_expired(services: Services) -> int:
    """Delete the sessions that have expired. Returns how many."""
    now = services.clock()
    return services.writer.run(lambda connection: sessions.purge(connection, now), slow=True)


def _digest(token: str) -> str:
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
