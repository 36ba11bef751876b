"""The secret in the `var` folder, and its check value in the database.

The secret keys the digests of site keys, encrypts callback keys and signs sessions. The check value identifies the
right secret, so that no command replaces a lost one silently.
"""

import hmac
import os
import secrets
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from moderation.actions.encryption import decrypt
from moderation.actions.services import Services
from moderation.domain.errors import StorageUnavailable
from moderation.storage import appearances, installation
from moderation.storage.engine import read_transaction, write_transaction
from moderation.storage.locks import lock_installation

SECRET_LENGTH_BYTES = 32


class ReplacedSecret(NamedTuple):
    """Numbers of sites, of held comments and of moderators with TOTP that depended on the former secret."""

    sites: int
    callbacks: int
    totp: int


def create_secret(engine: Engine, path: Path) -> None:
    """Create the secret if the file is missing and no site has a key. Several processes agree on one secret.

    Raises `OSError`, or `StorageUnavailable` where a key depends on the missing secret.
    """
    if path.exists():
        return
    if _count_keyed_sites(engine):
        raise StorageUnavailable(_describe_loss(engine, "is missing"))
    draft = _write_draft(path)
    try:
        os.link(draft, path)
    except FileExistsError:
        # Another process was faster: its secret is the one to read.
        pass
    finally:
        draft.unlink()


def read_secret(engine: Engine, path: Path) -> bytes:
    """Return the secret. Raises `StorageUnavailable` if the file is missing or damaged."""
    try:
        secret = path.read_bytes()
    except FileNotFoundError:
        raise StorageUnavailable(_describe_loss(engine, "is missing")) from None
    except OSError as error:
        raise StorageUnavailable(
            f"The file var/secret cannot be read ({error.strerror}): check its owner and mode."
        ) from None
    if len(secret) != SECRET_LENGTH_BYTES:
        raise StorageUnavailable(_describe_loss(engine, "is damaged"))
    return secret


def adopt_secret(services: Services) -> None:
    """Store the check value of the secret if the database has none, or if no site has a key.

    A database without check value takes a secret that decrypts its newest callback key. If it stores no callback key,
    it takes any secret. Raises `StorageUnavailable` for another secret.
    """

    def adopt(connection: Connection) -> None:
        lock_installation(connection)
        stored = installation.secret_digest(connection)
        if stored is not None and installation.count_keyed_sites(connection):
            return
        encrypted = installation.newest_encrypted_key(connection)
        if stored is None and encrypted is not None:
            _try_to_decrypt(services, encrypted)
        installation.set_secret_digest(connection, check_value(services.secret))

    services.writer.run(adopt)


def secret_problem(services: Services) -> str | None:
    """Return why the secret does not fit the database, in a sentence that says what to do, or `None` if it fits.

    Compares the file and the secret in memory. Raises `StorageUnavailable`.
    """
    problem = secret_file_problem(services.engine, services.secret_path)
    if problem is None and not hmac.compare_digest(read_secret(services.engine, services.secret_path), services.secret):
        return "The secret was replaced while the service was running: restart the service."
    return problem


def secret_file_problem(engine: Engine, path: Path) -> str | None:
    """Return why the secret's file does not fit the database, or `None` if it fits. Raises `StorageUnavailable`."""
    try:
        secret = read_secret(engine, path)
    except StorageUnavailable as error:
        return str(error)
    with read_transaction(engine) as connection:
        stored = installation.secret_digest(connection)
    if stored is None:
        return "The database has no check value of its secret: run `moderation init`."
    if not hmac.compare_digest(stored, check_value(secret)):
        return _describe_loss(engine, "belongs to another database")
    return None


def replace_secret(engine: Engine, path: Path, at: datetime) -> ReplacedSecret:
    """Replace the secret by a new one and retire every site key. Returns how much depended on the former secret.

    Raises `OSError` and `StorageUnavailable`.
    """
    draft = _write_draft(path)
    try:
        with write_transaction(engine) as connection:
            lock_installation(connection)
            replaced = ReplacedSecret(
                installation.count_keyed_sites(connection),
                installation.count_undelivered_callbacks(connection),
                installation.count_totp(connection),
            )
            installation.retire_all_keys(connection, at)
            installation.set_secret_digest(connection, check_value(draft.read_bytes()))
            # Its keys are hashes by the former secret, which no comment has any longer.
            appearances.clear(connection)
        # After the commit: a full disk must not cost the former secret.
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return replaced


def check_value(secret: bytes) -> str:
    """Return the value by which a database recognizes its secret."""
    return hmac.new(secret, b"secret check value", sha256).hexdigest()


def _write_draft(path: Path) -> Path:
    draft = path.with_name(f"secret.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(SECRET_LENGTH_BYTES))
        file.flush()
        os.fsync(file.fileno())
    return draft


def _try_to_decrypt(services: Services, encrypted: str) -> None:
    try:
        decrypt(services, encrypted)
    except StorageUnavailable:
        raise StorageUnavailable(_describe_loss(services.engine, "belongs to another database")) from None


def _count_keyed_sites(engine: Engine) -> int:
    with read_transaction(engine) as connection:
        return installation.count_keyed_sites(connection)


def _describe_loss(engine: Engine, problem: str) -> str:
    number = _count_keyed_sites(engine)
    if not number:
        return f"The file var/secret {problem}; no site key depends on it: run `moderation init --new-secret`."
    sites = "1 site" if number == 1 else f"{number} sites"
    return (
        f"The file var/secret {problem}: the keys of {sites} no longer work. Restore the file from a backup, or run "
        "`moderation init --new-secret` and then `moderation site rotate-key` for each site."
    )
