"""Encrypt texts that the service has to send or compute with again, so that a copy of the database reveals none."""

import hmac
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import TYPE_CHECKING

from moderation.actions.services import Services
from moderation.domain.errors import StorageUnavailable

if TYPE_CHECKING:
    from cryptography.fernet import Fernet


def encrypt(services: Services, text: str) -> str:
    """Encrypt a text with the secret of the services."""
    return _fernet(services).encrypt(text.encode()).decode("ascii")


def decrypt(services: Services, encrypted: str) -> str:
    """Decrypt a text of `encrypt`. Raises `StorageUnavailable` if it was altered or encrypted with another secret."""
    from cryptography.fernet import InvalidToken

    try:
        return _fernet(services).decrypt(encrypted.encode()).decode()
    except InvalidToken:
        raise StorageUnavailable(
            "An encrypted key cannot be read: the database and the secret do not belong together."
        ) from None


def _fernet(services: Services) -> "Fernet":
    # Imported here, as it takes several megabytes, and some services never encrypt.
    from cryptography.fernet import Fernet

    # The input of the digest is part of the format: another one would make all stored keys unreadable.
    return Fernet(urlsafe_b64encode(hmac.new(services.secret, b"sealed keys", sha256).digest()))
