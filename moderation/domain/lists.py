"""Lists of words, domains and mailboxes that an operator keeps: evidence that no model has to learn."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

LIST_CODES = LISTED, ALLOWED = ("LISTED", "ALLOWED")
"""The codes of the reasons that lists give."""

DEFAULT_WEIGHT = 6.0
"""The weight of a list whose operator sets none, in logits: the odds of spam times 400."""
MAX_WEIGHT = 20.0

MAX_ENTRIES = 200_000
"""Entries of one list. A process takes some 500 bytes of memory for each."""


class EntryKind(StrEnum):
    """The rule by which an entry of a list matches."""

    WORDS = "words"
    SUBSTRING = "substring"
    DOMAIN = "domain"
    MAILBOX = "mailbox"


class ListEntry(NamedTuple):
    """One entry. `key` is canonical; from `expires_at` on the entry matches nothing, `None` means never."""

    kind: EntryKind
    key: str
    expires_at: datetime | None = None

    def is_expired(self, now: datetime) -> bool:
        """Return whether the entry has stopped to match."""
        return self.expires_at is not None and self.expires_at <= now


@dataclass(frozen=True, slots=True)
class OperatorList:
    """A named list. `weight` is added to the logit of a comment once, however many entries match; below zero allows.

    `site_url` is `None` for a list of all sites. `is_active` is false if its site was removed.
    """

    name: str
    site_url: str | None
    weight: float
    created_at: datetime
    entries: Sequence[ListEntry] = field(default=(), repr=False)
    is_active: bool = True

    @property
    def allows(self) -> bool:
        """Whether a match is evidence of ham."""
        return self.weight < 0
