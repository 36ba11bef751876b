"""Codes at the sign-in: those of an authenticator app (TOTP, RFC 6238), and the recovery codes in their place.

A code is found first and used within the transaction that needs it: computing one decrypts the secret, which must not
hold up other writes.
"""

import re
import secrets
from hashlib import sha256
from typing import NamedTuple

import pyotp
from pyotp.exceptions import OTPVerificationError
from sqlalchemy import Connection

from moderation.actions.encryption import decrypt
from moderation.actions.services import Services
from moderation.domain.act_log import RECOVERY_CODE_USED
from moderation.domain.decision import QUEUE_CHANNEL, Moderator
from moderation.domain.errors import AuthenticationFailed
from moderation.storage import moderators, totp
from moderation.storage.engine import read_transaction

RECOVERY_CODES = 10
SKEW_STEPS = 1
"""Steps of 30 seconds by which the clock of an app may differ."""

_WRONG = "The code is wrong, or was used already."
_MAX_LENGTH = 100
_SEPARATORS = re.compile(r"[\s-]+")
_APP_CODE = re.compile("[0-9]{6}")
# Without letters and digits that look like others. Sixteen of them cannot be guessed from a digest.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_RECOVERY_CODE = re.compile(f"[{_LETTERS}]{{16}}")


class FoundCode(NamedTuple):
    """A right code, which may have been used: the time step of a secret, or the digest of a recovery code."""

    encrypted_secret: str
    step: int
    digest: str = ""


def find_code(services: Services, moderator: Moderator, code: str) -> FoundCode:
    """Return a code of a moderator with TOTP. Raises `AuthenticationFailed` for a wrong one.

    Any text is a code, with spaces and hyphens anywhere; most are wrong.
    """
    compact = compact_code(code)
    if _RECOVERY_CODE.fullmatch(compact):
        return FoundCode("", 0, digest_of(compact))
    with read_transaction(services.engine) as connection:
        stored = totp.find(connection, moderator.id)
    if stored is None or stored.encrypted_secret is None:
        raise AuthenticationFailed(_WRONG)
    return FoundCode(stored.encrypted_secret, find_step(services, stored.encrypted_secret, compact))


def use_code(services: Services, connection: Connection, moderator: Moderator, found: FoundCode) -> None:
    """Use a code, within a transaction. Raises `AuthenticationFailed` for one that was used, in any process."""
    if not found.digest:
        is_used = totp.use_step(connection, moderator.id, found.encrypted_secret, found.step)
    else:
        is_used = totp.use_recovery_code(connection, moderator.id, found.digest)
        log = (RECOVERY_CODE_USED, moderator.name, moderator.name, QUEUE_CHANNEL)
        moderators.log_change(connection, *log, services.clock())
    if not is_used:
        raise AuthenticationFailed(_WRONG)


def find_step(services: Services, encrypted_secret: str, compact: str) -> int:
    """Return the time step of a secret that has a code, of now or at most `SKEW_STEPS` away.

    Raises `AuthenticationFailed` for a code of no such step.
    """
    if not _APP_CODE.fullmatch(compact):
        raise AuthenticationFailed(_WRONG)
    generator = pyotp.TOTP(decrypt(services, encrypted_secret))
    try:
        return generator.verify_and_get_timecode(compact, for_time=services.clock(), valid_window=SKEW_STEPS)
    except OTPVerificationError:
        raise AuthenticationFailed(_WRONG) from None


def compact_code(code: str) -> str:
    """Return a code without spaces and hyphens, in small letters; an empty text for one that is too long."""
    return "" if len(code) > _MAX_LENGTH else _SEPARATORS.sub("", code).lower()


def new_recovery_codes() -> list[str]:
    """Return random recovery codes, as people read them."""
    return ["-".join(_random_letters(4) for _ in range(4)) for _ in range(RECOVERY_CODES)]


def digest_of(recovery_code: str) -> str:
    """Return the digest of a recovery code, with or without hyphens."""
    return sha256(compact_code(recovery_code).encode()).hexdigest()


def _random_letters(number: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(number))
