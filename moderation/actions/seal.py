"""Secrets that have to be read again: sealed with the desk's own secret, so the database alone gives nothing away."""

import hmac
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import TYPE_CHECKING

from moderation.actions.desk import Desk
from moderation.domain.errors import StorageUnavailable

if TYPE_CHECKING:
    from cryptography.fernet import Fernet


def seal(desk: Desk, text: str) -> str:
    """The text in a form that only `unseal` with the same secret can read."""
    return _fernet(desk).encrypt(text.encode()).decode("ascii")


def unseal(desk: Desk, sealed: str) -> str:
    """The text that was sealed; raises `StorageUnavailable` when the secret is another or the seal is broken."""
    from cryptography.fernet import InvalidToken

    try:
        return _fernet(desk).decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise StorageUnavailable(
            "A sealed key cannot be read: the database and the secret do not belong together."
        ) from None


def _fernet(desk: Desk) -> "Fernet":
    # Imported here: several megabytes a worker, and only blogs that hold comments need it.
    from cryptography.fernet import Fernet

    return Fernet(urlsafe_b64encode(hmac.new(desk.secret, b"sealed keys", sha256).digest()))
