"""What a command works on, opened from the settings."""

from collections.abc import Iterator
from contextlib import contextmanager

from moderation.actions.desk import Desk
from moderation.assembly import open_desk
from moderation.settings import Settings


@contextmanager
def the_desk(settings: Settings | None = None) -> Iterator[Desk]:
    """The desk, closed behind the block. Raises `StorageUnavailable` before `moderation init` was run."""
    desk = open_desk(settings or Settings.from_environment())
    try:
        yield desk
    finally:
        desk.engine.dispose()
