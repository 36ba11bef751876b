"""Facts about an author that the blog vouches for, and how an operator or moderator stands to such an author."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

AUTHOR_CODES = TRUSTED_AUTHOR, BLOCKED_AUTHOR = ("TRUSTED_AUTHOR", "BLOCKED_AUTHOR")
"""The codes of the reasons that author rules give."""

MAX_FACT_LENGTH = 200
"""Code points of an author's id or role."""
FACT_PATTERN = r"^[^,]*[^,\s\x00-\x1f\x7f-\xa0][^,]*$"
"""An id or role has something to read, and no comma, which separates roles."""


class VouchedAuthor(NamedTuple):
    """An author's id at the blog and roles there, separated by commas. `None` if the blog does not vouch for them.

    A blog knows both from its own sign-in: unlike a name or an e-mail address, an author cannot forge them.
    """

    id: str | None = None
    roles: str | None = None

    @property
    def facts(self) -> list[tuple["AuthorFact", str]]:
        """The facts by which rules are found, the id first. Letter case does not count in a role."""
        roles = [role.strip().lower() for role in (self.roles or "").split(",")]
        found = [(AuthorFact.ID, (self.id or "").strip()), *((AuthorFact.ROLE, role) for role in roles)]
        return [(fact, value) for fact, value in found if value and len(value) <= MAX_FACT_LENGTH]


UNKNOWN_AUTHOR = VouchedAuthor()


class AuthorFact(StrEnum):
    """The fact by which a rule recognizes an author."""

    ID = "id"
    ROLE = "role"


class Standing(StrEnum):
    """Whether comments of an author are published or blocked."""

    TRUSTED = "trusted"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class AuthorRule:
    """A site trusts or blocks an author, or all authors of a role, until `expires_at`; `None` means for good.

    `set_by` is the person, `channel` as that of a `Label`, `reason` empty if none was given.
    """

    fact: AuthorFact
    value: str
    standing: Standing
    set_by: str
    channel: str
    created_at: datetime
    expires_at: datetime | None = None
    reason: str = ""

    def is_expired(self, now: datetime) -> bool:
        """Return whether the rule has ended."""
        return self.expires_at is not None and self.expires_at <= now

    @property
    def is_by_site_key(self) -> bool:
        """Whether the blog set the rule with its key, which may have leaked: such a rule blocks no comment."""
        return self.channel in ("api", "akismet")
