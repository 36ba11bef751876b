"""Tokens for parts of the API, beside the key of a site that opens all of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Purpose(StrEnum):
    """A part of the API: `SCORE` judges comments, `LABEL` changes labels and rules, `READ` shows decisions.

    `ADMIN` shows and erases all about a person, which the key of a site does not.
    """

    SCORE = "score"
    LABEL = "label"
    READ = "read"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token of a site, without its secret text. It has no end if `expires_at` is `None`.

    `last_used_at` is exact to ten minutes.
    """

    id: int
    site_id: int
    name: str
    purposes: frozenset[Purpose]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None

    def is_valid(self, at: datetime) -> bool:
        """Return whether the token has not expired."""
        return self.expires_at is None or at < self.expires_at
