"""Who may call, and who may decide."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from urllib.parse import SplitResult, urlsplit

from moderation.domain.budget import OBSERVING, Budget, Earned, Standing
from moderation.domain.errors import InputRefused
from moderation.domain.policy import Policy

LETTER_TYPES = frozenset({"contact-form", "message", "signup"})
"""Types of comment that nobody looks for in a spam folder: a site's policy is one step milder for them."""

LONGEST_HOLD = 30 * 86_400
"""Seconds."""

_DEFAULT_PORTS = {"http": 80, "https": 443}


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
    """A blog that sends comments. `policy` is `None` where the site has no lines of its own: it climbs the ladder then.

    `type_policies` has the lines of those types of comment that have their own. `budget` is `None` where that of all
    sites holds. `earned` is the newest standing, under whatever model and budget that was.
    """

    id: int
    url: str
    policy: Policy | None
    created_at: datetime
    type_policies: Mapping[str, Policy] = field(default_factory=dict)
    holding: Holding = Holding()
    budget: Budget | None = None
    earned: Earned | None = None

    def standing_for(self, comment_type: str | None, model: str, for_all: Budget) -> Standing | None:
        """Where the site stands with a live model; `None` where it has lines of its own for this type of comment.

        What was earned under another model, or another budget than the site's own or that `for_all`, does not count.
        """
        if self.policy is not None or (comment_type or "") in self.type_policies:
            return None
        earned = self.earned
        if earned is None or (earned.model, earned.budget) != (model, self.budget or for_all):
            return OBSERVING
        return earned.standing

    def policy_for(self, comment_type: str | None, suggested: Policy, standing: Standing | None) -> Policy:
        """The lines for a type of comment: the site's own, else those of its standing where the model suggests some."""
        named = self.type_policies.get(comment_type or "")
        if named is not None:
            return named
        policy = self.policy or (standing or OBSERVING).lines(suggested)
        return policy.milder() if comment_type in LETTER_TYPES else policy


@dataclass(frozen=True, slots=True)
class Callback:
    """Where a blog wants to be told what became of a comment that it holds, and the key it knows us by."""

    url: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Moderator:
    """A person who decides what was held. `stamp` is another one after each change of the password."""

    id: int
    name: str
    created_at: datetime
    stamp: str = field(repr=False)


def normal_url(url: str) -> str:
    """The one way to write a blog's address: host in lower case, no default port, no slash at the end.

    Raises `InputRefused` for what is not an http(s) address, or has a query, a fragment or a user in it.
    """
    parts = _split(url)
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    shown_port = "" if parts.port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{host}{shown_port}{parts.path.rstrip('/')}"


def _split(url: str) -> SplitResult:
    refusal = InputRefused(
        "A site's address must look like https://blog.example or https://example.org/blog, without ? or #."
    )
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _DEFAULT_PORTS and parts.hostname and parts.port != 0
    except ValueError:
        raise refusal from None
    if not usable or not url.isprintable() or any(mark in url for mark in "?#@ \\"):
        raise refusal
    return parts
