"""Turn the TOTP of a moderator on, renew it and turn it off, by the person; and reset it, by an operator."""

from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlsplit

import pyotp
from sqlalchemy import Connection

from moderation.actions.encryption import encrypt
from moderation.actions.moderators import (
    COMMAND_LINE,
    authenticate_moderator,
    require_moderator,
    require_unchanged,
)
from moderation.actions.services import Services
from moderation.actions.sessions import end_other_sessions
from moderation.actions.totp import (
    FoundCode,
    compact_code,
    digest_of,
    find_code,
    find_step,
    new_recovery_codes,
    use_code,
)
from moderation.domain.act_log import TOTP_DISABLED, TOTP_ENABLED, TOTP_RENEWED, TOTP_RESET
from moderation.domain.decision import QUEUE_CHANNEL, Moderator
from moderation.domain.errors import Conflict, NotFound
from moderation.storage import moderators, sessions, totp
from moderation.storage.engine import read_transaction

ISSUER = "Moderation"
"""Name of the service in an authenticator app, unless its public address has a host."""


class TotpState(NamedTuple):
    """Since when a moderator has TOTP, `None` without, and how many recovery codes are left."""

    enabled_at: datetime | None
    recovery_codes: int


class NewSecret(NamedTuple):
    """A secret for an authenticator app, and the address by which the app takes it."""

    secret: str
    address: str


def totp_state(services: Services, moderator: Moderator) -> TotpState:
    """Return the state of a moderator's TOTP."""
    with read_transaction(services.engine) as connection:
        stored = totp.find(connection, moderator.id)
        return TotpState(stored and stored.enabled_at, totp.count_recovery_codes(connection, moderator.id))


def start_totp(services: Services, moderator: Moderator, password: str, code: str = "") -> NewSecret:
    """Return a new secret, which is in force after `confirm_totp`. One in force stays until then, and takes a code.

    Raises `AuthenticationFailed` for a wrong password or code.
    """
    found = _authenticate(services, moderator, password, code)
    secret = pyotp.random_base32()
    encrypted = encrypt(services, secret)

    def put(connection: Connection) -> None:
        _begin(services, connection, moderator, found)
        totp.put_pending(connection, moderator.id, encrypted)

    services.writer.run(put)
    issuer = urlsplit(services.public_url).hostname or ISSUER
    return NewSecret(secret, pyotp.TOTP(secret).provisioning_uri(name=moderator.name, issuer_name=issuer))


def confirm_totp(services: Services, moderator: Moderator, code: str, session: str) -> list[str]:
    """Put the new secret in force by its first code, end the other sessions, and return the new recovery codes.

    Raises `AuthenticationFailed` for a wrong code, and `Conflict` without a new secret.
    """
    with read_transaction(services.engine) as connection:
        stored = totp.find(connection, moderator.id)
    pending = stored.pending_secret if stored else None
    if pending is None:
        raise Conflict("There is no new secret that waits for a code: start again.")
    step, codes, now = find_step(services, pending, compact_code(code)), new_recovery_codes(), services.clock()

    def enable(connection: Connection) -> None:
        _begin(services, connection, moderator, None)
        if not totp.enable(connection, moderator.id, pending, step, now):
            raise Conflict("Another new secret was made meanwhile: start again.")
        totp.put_recovery_codes(connection, moderator.id, [digest_of(each) for each in codes])
        end_other_sessions(connection, moderator, session)
        event = TOTP_RENEWED if moderator.has_totp else TOTP_ENABLED
        moderators.log_change(connection, event, moderator.name, moderator.name, QUEUE_CHANNEL, now)

    services.writer.run(enable)
    return codes


def disable_totp(services: Services, moderator: Moderator, password: str, code: str, session: str) -> None:
    """Turn TOTP off and end the other sessions.

    Raises `AuthenticationFailed` for a wrong password or code, and `Conflict` without TOTP.
    """
    if not moderator.has_totp:
        raise Conflict("There is nothing to turn off.")
    found = _authenticate(services, moderator, password, code)

    def disable(connection: Connection) -> None:
        _begin(services, connection, moderator, found)
        totp.remove(connection, moderator.id)
        end_other_sessions(connection, moderator, session)
        log = (TOTP_DISABLED, moderator.name, moderator.name, QUEUE_CHANNEL)
        moderators.log_change(connection, *log, services.clock())

    services.writer.run(disable)


def reset_totp(services: Services, name: str) -> int:
    """Turn the TOTP of a moderator off without a code, and end the sessions. Returns how many.

    Raises `NotFound` for an unknown name, and for a moderator without TOTP.
    """

    def reset(connection: Connection) -> int:
        moderator = require_moderator(connection, name)
        if not moderator.has_totp:
            raise NotFound("This moderator has no TOTP.")
        totp.remove(connection, moderator.id)
        moderators.log_change(connection, TOTP_RESET, name, COMMAND_LINE, COMMAND_LINE, services.clock())
        return sessions.remove_of(connection, moderator.id)

    return services.writer.run(reset)


def _authenticate(services: Services, moderator: Moderator, password: str, code: str) -> FoundCode | None:
    """Return the code that is to be used, `None` for a moderator without TOTP. Raises `AuthenticationFailed`."""
    authenticate_moderator(services, moderator.name, password)
    return find_code(services, moderator, code) if moderator.has_totp else None


def _begin(services: Services, connection: Connection, moderator: Moderator, found: FoundCode | None) -> None:
    require_unchanged(connection, moderator)
    if found:
        use_code(services, connection, moderator, found)
