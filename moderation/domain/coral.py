"""The signature of a request by Coral: HMAC-SHA256 over the body, by a secret that Coral made for the phase."""

import hmac
import re
from hashlib import sha256

from moderation.domain.errors import InvalidInput

MAX_SECRET_LENGTH = 200
"""Characters of a signing secret. Coral's have some eighty."""
MAX_SIGNATURES = 8
"""Signatures of a request that are compared. Coral sends one for each secret in force: two during a rotation."""

_PREFIX = "sha256="
_SECRET_PATTERN = re.compile(rf"[!-~]{{16,{MAX_SECRET_LENGTH}}}")


def validate_secret(text: str) -> str:
    """Return a signing secret without the white space around it. Raises `InvalidInput` for a text that is none."""
    secret = text.strip()
    if not _SECRET_PATTERN.fullmatch(secret):
        raise InvalidInput(
            f"A signing secret is 16 to {MAX_SECRET_LENGTH} printable ASCII characters without spaces: "
            "copy it from the phase's page in Coral."
        )
    return secret


def is_signed(secret: str, header: str, body: bytes) -> bool:
    """Return whether a signature in the header is that of the body, in constant time for each.

    `header` is `X-Coral-Signature`: `sha256=` and 64 hexadecimal digits, several with commas between.
    """
    expected = f"{_PREFIX}{hmac.new(secret.encode(), body, sha256).hexdigest()}".encode()
    sent = header.encode("utf-8", "replace").split(b",")[:MAX_SIGNATURES]
    return any(hmac.compare_digest(expected, signature.strip()) for signature in sent)
