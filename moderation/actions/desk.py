"""All that an action may touch."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from moderation.domain.budget import Budget
from moderation.domain.errors import ModelRefused
from moderation.registry.live import LiveModel
from moderation.registry.shelf import Shelf
from moderation.scoring.model import Model


@dataclass(frozen=True, slots=True)
class Desk:
    """Opened once by `moderation.assembly`.

    `secret` is 32 bytes: it keys the digests of site keys and signs sessions. `budget` is that of the sites without one
    of their own. `clock` gives an aware UTC time.
    """

    engine: Engine
    shelf: Shelf
    live: LiveModel
    secret: bytes
    budget: Budget
    clock: Callable[[], datetime]

    def model(self) -> Model | None:
        """The model to judge by; `None` where no model could ever be loaded."""
        try:
            return self.live.current()
        except ModelRefused:
            return None
