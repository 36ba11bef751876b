"""Who may call, and who may decide."""

from dataclasses import dataclass
from datetime import datetime

from moderation.domain.policy import Policy


@dataclass(frozen=True, slots=True)
class Site:
    """A blog that sends comments. `policy` is `None` where the site keeps the live model's own lines."""

    id: int
    url: str
    policy: Policy | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Moderator:
    """A person who decides what was held."""

    id: int
    name: str
    created_at: datetime
