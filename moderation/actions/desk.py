"""All that an action may touch."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from moderation.registry.live import LiveModel
from moderation.registry.shelf import Shelf


@dataclass(frozen=True, slots=True)
class Desk:
    """Opened once by `moderation.assembly`.

    `secret` is 32 bytes: it keys the digests of site keys and signs sessions. `clock` gives an aware UTC time.
    """

    engine: Engine
    shelf: Shelf
    live: LiveModel
    secret: bytes
    clock: Callable[[], datetime]
