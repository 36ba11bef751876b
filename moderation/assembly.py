"""The wiring: the only module that knows every part."""

import os
import secrets
from datetime import UTC, datetime
from pathlib import Path

from moderation.actions.desk import Desk
from moderation.actions.neighbours import fill_in
from moderation.domain.errors import StorageUnavailable
from moderation.registry.live import LiveModel
from moderation.registry.shelf import Shelf
from moderation.settings import Settings
from moderation.storage.engine import open_engine
from moderation.storage.migrate import objection, upgrade

_SECRET_BYTES = 32


def open_desk(settings: Settings) -> Desk:
    """The desk over what `prepare` made.

    Raises `StorageUnavailable` when the database or the secret is missing or of another version.
    """
    engine = open_engine(settings.database, settings.busy_seconds)
    try:
        problem = objection(engine)
        if problem is not None:
            raise StorageUnavailable(problem)
        secret = _read_secret(_secret_path(settings))
    finally:
        # A server that forks after this must not hand its children an open connection.
        engine.dispose()
    shelf = open_shelf(settings)
    live = LiveModel(shelf)
    return Desk(engine=engine, shelf=shelf, live=live, secret=secret, budget=settings.budget, clock=_utc_now)


def prepare(settings: Settings) -> Desk:
    """Makes what is missing: the `var` folder, the secret, the database; brings an older one up to date. Then opens.

    Harmless when all is there. Raises `StorageUnavailable` when the folder or the database cannot be used.
    """
    try:
        settings.var.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make_secret(_secret_path(settings))
    except OSError as error:
        raise StorageUnavailable(f"The folder {settings.var} cannot be used: {error.strerror}.") from error
    upgrade(settings.database, settings.busy_seconds)
    desk = open_desk(settings)
    try:
        fill_in(desk)
    finally:
        desk.engine.dispose()
    return desk


def open_shelf(settings: Settings) -> Shelf:
    """The models alone, for what needs no database."""
    return Shelf(settings.models)


def _secret_path(settings: Settings) -> Path:
    return settings.var / "secret"


def _make_secret(path: Path) -> None:
    """Writes the secret under another name and links it: whole for whoever reads it, one for whoever raced us."""
    if path.exists():
        return
    draft = path.with_name(f"secret.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(_SECRET_BYTES))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _read_secret(path: Path) -> bytes:
    try:
        secret = path.read_bytes()
    except OSError:
        raise StorageUnavailable("The secret in the `var` folder cannot be read; run `moderation init`.") from None
    if len(secret) != _SECRET_BYTES:
        raise StorageUnavailable("The secret in the `var` folder is damaged; restore it from a backup.")
    return secret


def _utc_now() -> datetime:
    return datetime.now(UTC)
