"""Moderators and their passwords."""

import os
import secrets
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from threading import get_native_id
from typing import ParamSpec, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy import Connection

from moderation.actions.services import Services
from moderation.domain.decision import Moderator
from moderation.domain.errors import AuthenticationFailed, InvalidInput, NotFound
from moderation.domain.people import Access, Grant, Role
from moderation.storage import (
    digests,
    feeds,
    grants,
    identities,
    moderators,
    notes,
    open_comments,
    saved_views,
    sessions,
    totp,
)
from moderation.storage.engine import read_transaction

MIN_PASSWORD_LENGTH = 8
MAX_NAME_LENGTH = 100
MODERATOR_OF_ALL_SITES = Grant(Role.MODERATOR)
COMMAND_LINE = "cli"
"""Name, in the log, of the person at the command line, whom the service does not know."""

# On one thread: a check leaves the other processors to comments.
password_hasher = PasswordHasher(parallelism=1)

_NO_PASSWORD = "none:"
_NO_PASSWORD_BYTES = 16
_NICENESS = 10
"""Priority of the thread that checks passwords: a tenth of a processor that comments need, all of one that is free."""

_Result = TypeVar("_Result")
_Parameters = ParamSpec("_Parameters")


def add_moderator(services: Services, name: str, password: str, grant: Grant = MODERATOR_OF_ALL_SITES) -> Moderator:
    """Store a new moderator with a role, on all sites unless `grant` names one.

    Raises `InvalidInput` for an invalid name or password, `Conflict` if the name is taken.
    """
    check_name(name)
    password_hash = hash_password(password)
    return services.writer.run(
        lambda connection: store_moderator(connection, name, password_hash, grant, services.clock())
    )


def store_moderator(connection: Connection, name: str, password_hash: str, grant: Grant, at: datetime) -> Moderator:
    """Store a new moderator with a role. Raises `Conflict` if the name is taken."""
    moderator = moderators.add(connection, name, password_hash, at)
    grants.add(connection, moderator.id, name, grant, COMMAND_LINE, at)
    return replace(moderator, access=Access((grant,)))


def list_moderators(services: Services) -> list[Moderator]:
    """Return all moderators by name."""
    with read_transaction(services.engine) as connection:
        return moderators.list_all(connection)


def find_moderator(services: Services, name: str) -> Moderator | None:
    """Return the moderator with this name."""
    with read_transaction(services.engine) as connection:
        found = moderators.find(connection, name)
    return found[0] if found else None


def reset_password(services: Services, name: str, password: str) -> None:
    """Replace the moderator's password and end the sessions of the old one.

    Raises `NotFound`, or `InvalidInput` if the password is too short.
    """
    password_hash = hash_password(password)

    def replace(connection: Connection) -> None:
        moderator = require_moderator(connection, name)
        moderators.set_password_hash(connection, moderator.id, password_hash)
        sessions.remove_of(connection, moderator.id)

    services.writer.run(replace)


def remove_moderator(services: Services, name: str) -> None:
    """Remove a moderator with all sessions, roles, views, TOTP, link, digest and feed. Labels and notes keep the name.

    Comments that wait for this person's opinion then wait for anybody's. Raises `NotFound`.
    """
    now = services.clock()

    def remove(connection: Connection) -> None:
        moderator = require_moderator(connection, name)
        sessions.remove_of(connection, moderator.id)
        totp.remove(connection, moderator.id)
        identities.remove(connection, moderator.id)
        digests.remove(connection, moderator.id)
        feeds.remove(connection, moderator.id)
        saved_views.remove_all(connection, moderator.id)
        grants.revoke_all(connection, moderator.id, COMMAND_LINE, now)
        notes.ask_anybody(connection, name, None)
        open_comments.remove(connection, moderator.id)
        moderators.remove(connection, moderator.id)

    services.writer.run(remove)


def require_moderator(connection: Connection, name: str) -> Moderator:
    """Return the moderator with this name, locked for the transaction. Raises `NotFound`."""
    found = moderators.find(connection, name, lock=True)
    if found is None:
        raise NotFound("There is no moderator with this name.")
    return found[0]


def require_unchanged(connection: Connection, moderator: Moderator) -> None:
    """Lock a moderator for the transaction.

    Raises `AuthenticationFailed` if the moderator was removed, or got another password, or TOTP was turned on or off.
    """
    found = moderators.find(connection, moderator.name, lock=True)
    if found is None or found[0] != moderator:
        raise AuthenticationFailed("The moderator was removed or got another password.")


def authenticate_moderator(services: Services, name: str, password: str) -> Moderator:
    """Return the moderator with this name and password.

    Raises `AuthenticationFailed` if either is wrong. Both cases take the same time.
    """
    with read_transaction(services.engine) as connection:
        found = moderators.find(connection, name)
    if found is None or found[1].startswith(_NO_PASSWORD):
        # Hashing takes as long as verifying: the response time must not reveal which names exist.
        _run_at_low_priority(password_hasher.hash, _encode_password(password))
    elif _run_at_low_priority(_password_matches, found[1], password):
        return found[0]
    raise AuthenticationFailed("The name or the password is wrong.")


def hash_of_no_password() -> str:
    """Return what stands in the place of a hash, for a moderator whom only the OIDC provider signs in.

    Each is another, so that everything that depends on the password before ends with it.
    """
    return _NO_PASSWORD + secrets.token_hex(_NO_PASSWORD_BYTES)


def check_name(name: str) -> None:
    """Raise `InvalidInput` for a name that could mislead where it is shown."""
    if not name.isprintable() or name != name.strip() or not 0 < len(name) <= MAX_NAME_LENGTH:
        raise InvalidInput(
            f"A moderator's name is 1 to {MAX_NAME_LENGTH} printable characters without spaces around it."
        )


def hash_password(password: str) -> str:
    """Return the salted hash of a password. Raises `InvalidInput` if it is too short."""
    if len(password) < MIN_PASSWORD_LENGTH:
        raise InvalidInput(f"A password needs at least {MIN_PASSWORD_LENGTH} characters.")
    return password_hasher.hash(_encode_password(password))


def _lower_priority() -> None:
    # Elsewhere the number of a thread may be that of a process.
    if sys.platform == "linux":
        thread = get_native_id()
        # Never back to a higher priority than the service has, which is refused.
        os.setpriority(os.PRIO_PROCESS, thread, max(_NICENESS, os.getpriority(os.PRIO_PROCESS, thread)))


_password_thread = ThreadPoolExecutor(1, "password", _lower_priority)


def _run_at_low_priority(
    call: Callable[_Parameters, _Result], *args: _Parameters.args, **kwargs: _Parameters.kwargs
) -> _Result:
    """Return the result of a call on a thread that yields to all others, as a flood of sign-ins must to comments.

    A hash takes a processor for a tenth of a second.
    """
    return _password_thread.submit(call, *args, **kwargs).result()


def _password_matches(password_hash: str, password: str) -> bool:
    try:
        return password_hasher.verify(password_hash, _encode_password(password))
    except VerificationError:
        return False


def _encode_password(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
