"""Sessions of moderators: rows of the database, so that ending one ends it for every copy of its cookie."""

import secrets
from datetime import timedelta
from hashlib import sha256

from sqlalchemy import Connection

from moderation.actions.moderators import require_moderator, require_unchanged
from moderation.actions.services import Services
from moderation.actions.totp import find_code, use_code
from moderation.domain.decision import Moderator
from moderation.storage import identities, sessions
from moderation.storage.engine import read_transaction

_TOKEN_BYTES = 32


def start_session(
    services: Services, moderator: Moderator, lifetime: timedelta, code: str = "", *, has_second_factor: bool = False
) -> str:
    """Store a session that ends after `lifetime` at the latest, and return its secret token.

    With TOTP it takes a code, which is used up. `has_second_factor` says that the OIDC provider asked for one.

    Raises `AuthenticationFailed` for a wrong code, and if the moderator was removed, got another password, or turned
    TOTP on or off meanwhile.
    """
    found = find_code(services, moderator, code) if moderator.has_totp else None
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    expires_at = services.clock() + lifetime

    def add(connection: Connection) -> None:
        require_unchanged(connection, moderator)
        if found:
            use_code(services, connection, moderator, found)
        sessions.add(connection, _digest(token), moderator.id, expires_at, has_second_factor=has_second_factor)

    services.writer.run(add)
    return token


def session_moderator(services: Services, token: str) -> Moderator | None:
    """Return the moderator whose session this is; `None` if the session has ended."""
    with read_transaction(services.engine) as connection:
        return sessions.find_moderator(connection, _digest(token), services.clock())


def has_second_factor(services: Services, token: str) -> bool:
    """Return whether the OIDC provider asked for a second factor when this session began."""
    with read_transaction(services.engine) as connection:
        return sessions.has_second_factor(connection, _digest(token))


def end_session(services: Services, token: str) -> None:
    """End one session."""
    services.writer.run(lambda connection: sessions.remove(connection, _digest(token)))


def end_sessions(services: Services, name: str) -> int:
    """End all sessions of the moderator. Returns how many had not been ended. Raises `NotFound`."""
    return services.writer.run(
        lambda connection: sessions.remove_of(connection, require_moderator(connection, name).id)
    )


def end_other_sessions(connection: Connection, moderator: Moderator, token: str) -> None:
    """End all sessions of a moderator but one, within a transaction."""
    sessions.remove_others(connection, moderator.id, _digest(token))


def purge_expired(services: Services) -> int:
    """Delete the sessions that have expired, and the ended sign-ins at the provider. Returns how many sessions."""
    now = services.clock()

    def purge(connection: Connection) -> int:
        identities.purge_states(connection, now)
        return sessions.purge(connection, now)

    return services.writer.run(purge, slow=True)


def _digest(token: str) -> str:
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
