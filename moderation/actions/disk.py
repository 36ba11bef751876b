"""Free space of the disks that hold the state, so that an operator learns of a full one beforehand."""

import shutil
from contextlib import suppress

from moderation.actions.services import Services
from moderation.storage.engine import database_folder

LOW_DISK_BYTES = 500_000_000
"""At 1.5 kB a decision, room for a hundred thousand decisions with their comments."""
FULL_DISK_BYTES = 20_000_000
"""About four times the -wal file that SQLite writes back by itself: less may not take the next decisions."""


def free_bytes(services: Services) -> dict[str, int]:
    """Return the free bytes on the disks of the database, the secret and the models, as far as they can be read.

    The disk of a PostgreSQL server is not among them.
    """
    folders = {
        "database": database_folder(services.engine),
        "secret": services.secret_path.parent,
        "models": services.registry.folder,
    }
    found = {}
    for name, folder in folders.items():
        with suppress(OSError):
            if folder is not None:
                found[name] = shutil.disk_usage(folder).free
    return found


def low_disk_warning(services: Services) -> str | None:
    """Return a sentence about the fullest disk, or `None` while every disk has `LOW_DISK_BYTES` free."""
    free = free_bytes(services)
    name = min(free, key=free.__getitem__, default=None)
    if name is None or free[name] >= LOW_DISK_BYTES:
        return None
    return f"{free[name] / 1e6:,.0f} MB are free on the disk of the {name}: free some space soon."
