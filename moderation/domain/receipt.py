"""The receipt of an erasure: numbers, and places where copies may be left, without any fact about the person."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from moderation.domain.errors import InvalidInput

FORMAT = 1
MAX_RECEIPT_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Receipt:
    """The work of an erasure.

    - `by`: the kind of identifier that named the person. `comments` were erased, `labels` of them taught before.
    - `rules`, `list_entries`, `views`: rules for the author, entries of the site's lists and saved searches, deleted.
    - `other_lists`: lists of all sites that have the mailbox still, as an operator entered it.
    - `database`: its kind; `rewritten` and `wal_emptied` say whether an SQLite database has no byte of it left.
    - `backups`: paths of backups that may hold the comments. `models`: models that may have been trained on the labels.
    """

    id: str
    installation: str
    site: str
    erased_at: str
    by: str
    comments: int
    labels: int
    rules: int
    list_entries: int
    views: int
    other_lists: Sequence[str]
    database: str
    rewritten: bool
    wal_emptied: bool
    backups: Sequence[str]
    models: Sequence[str]
    format: int = FORMAT

    def to_bytes(self) -> bytes:
        """Return the canonical form, which is signed."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":")).encode()


def parse_receipt(text: bytes) -> tuple[Receipt, str]:
    """Return a receipt and its signature from their JSON. Raises `InvalidInput` for any other text."""
    try:
        if len(text) > MAX_RECEIPT_BYTES:
            raise ValueError
        values = json.loads(text)
        signature = values.pop("signature")
        receipt = Receipt(**values)
        if not isinstance(signature, str) or receipt.format != FORMAT:
            raise ValueError
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        raise InvalidInput("This is no receipt of an erasure.") from None
    return receipt, signature
