"""Who may call, and who may decide."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from moderation.domain.errors import InputRefused
from moderation.domain.policy import Policy

LETTER_TYPES = frozenset({"contact-form", "message", "signup"})
"""Types of comment that nobody looks for in a spam folder: a site's policy is one step milder for them."""

LONGEST_HOLD = 30 * 86_400
"""Seconds."""


class ReviewMeans(StrEnum):
    """What an Akismet client is told of a comment that waits for a person."""

    HOLD = "hold"
    SPAM_FOLDER = "spam-folder"
    PUBLISH = "publish"


@dataclass(frozen=True, slots=True)
class Holding:
    """How a site's Akismet client keeps what waits for a person.

    With `HOLD` the blog is asked to keep the comment back; one that cannot is told to use its spam folder.
    `seconds` is how long a person may take: the blog publishes by itself after twice that time.
    `private_callback` says that the blog may be called at a private or loopback address.
    Raises `InputRefused` when `seconds` is not within 60 and `LONGEST_HOLD`.
    """

    means: ReviewMeans = ReviewMeans.HOLD
    seconds: int = 86_400
    private_callback: bool = False

    def __post_init__(self) -> None:
        if not 60 <= self.seconds <= LONGEST_HOLD:
            raise InputRefused(f"A comment can be held for 60 to {LONGEST_HOLD} seconds; got {self.seconds}.")


@dataclass(frozen=True, slots=True)
class Site:
    """A blog that sends comments. `policy` is `None` where the site keeps the live model's own lines.

    `type_policies` has the lines of those types of comment that have their own.
    """

    id: int
    url: str
    policy: Policy | None
    created_at: datetime
    type_policies: Mapping[str, Policy] = field(default_factory=dict)
    holding: Holding = Holding()

    def policy_for(self, comment_type: str | None, fallback: Policy) -> Policy:
        """The lines for a type of comment; `fallback` stands in where the site has none of its own."""
        named = self.type_policies.get(comment_type or "")
        if named is not None:
            return named
        policy = self.policy or fallback
        return policy.milder() if comment_type in LETTER_TYPES else policy


@dataclass(frozen=True, slots=True)
class Callback:
    """Where a blog wants to be told what became of a comment that it holds, and the key it knows us by."""

    url: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Moderator:
    """A person who decides what was held."""

    id: int
    name: str
    created_at: datetime
