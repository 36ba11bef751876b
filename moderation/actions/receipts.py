"""Sign the receipts of erasures with the secret, and check them."""

import hmac
import json
from dataclasses import asdict
from hashlib import sha256
from typing import Any

from moderation.actions.services import Services
from moderation.domain.errors import InvalidInput
from moderation.domain.receipt import Receipt, parse_receipt


def signed(services: Services, receipt: Receipt) -> dict[str, Any]:
    """Return a receipt with its signature, as plain values."""
    return asdict(receipt) | {"signature": _signature(services, receipt.to_bytes())}


def verify_receipt(services: Services, text: bytes) -> Receipt:
    """Return the receipt in a JSON text. Raises `InvalidInput` if this installation did not write it like this."""
    receipt, signature = parse_receipt(text)
    try:
        canonical = receipt.to_bytes()
        matches = hmac.compare_digest(signature, _signature(services, canonical))
    except (TypeError, ValueError, RecursionError):
        matches = False
    if not matches:
        raise InvalidInput("The receipt was changed, or comes from an installation with another secret.")
    return receipt


def as_text(services: Services, receipt: Receipt) -> str:
    """Return a signed receipt as JSON for a file."""
    return json.dumps(signed(services, receipt), indent=2) + "\n"


def _signature(services: Services, canonical: bytes) -> str:
    # The input of the first digest is part of the format: another one would refuse all earlier receipts.
    key = hmac.digest(services.secret, b"receipts of erasures", sha256)
    return hmac.new(key, canonical, sha256).hexdigest()
