"""Moderators sign in with a name and a password, and passwords are not stored."""

import os
import sys
from pathlib import Path
from threading import get_native_id
from typing import Literal

import pytest
from argon2 import PasswordHasher

from moderation.actions import moderators
from moderation.actions.moderators import (
    add_moderator,
    authenticate_moderator,
    list_moderators,
    remove_moderator,
    reset_password,
)
from moderation.actions.services import Services
from moderation.domain.decision import Moderator
from moderation.domain.errors import AuthenticationFailed, Conflict, InvalidInput, NotFound
from moderation.settings import Settings
from tests.conftest import PASSWORD, SLOW_PASSWORD_HASHER


def test_a_moderator_signs_in(services: Services, moderator: Moderator) -> None:
    """Name and password together authenticate."""
    assert authenticate_moderator(services, "mara", PASSWORD) == moderator
    assert list_moderators(services) == [moderator]


@pytest.mark.parametrize(
    ("name", "password"),
    [("mara", "wrong"), ("nobody", PASSWORD), ("mara", ""), ("\x00", "\ud800"), ("Mara", PASSWORD)],
)
def test_a_wrong_name_or_password_gets_one_message(
    services: Services, moderator: Moderator, name: str, password: str
) -> None:
    """A wrong password and an unknown name get the same answer."""
    with pytest.raises(AuthenticationFailed, match=r"^The name or the password is wrong\.$"):
        authenticate_moderator(services, name, password)
    assert list_moderators(services) == [moderator]


@pytest.mark.sqlite("it reads the database file")
def test_no_password_is_stored(services: Services, moderator: Moderator, settings: Settings) -> None:
    """The database files hold an argon2id hash, not the password."""
    stored = b"".join(file.read_bytes() for file in Path(settings.var).glob("moderation.db*"))
    assert PASSWORD.encode() not in stored
    assert b"$argon2id$" in stored


def test_a_password_can_be_reset(services: Services, moderator: Moderator) -> None:
    """The new password works, the old one does not; any characters are allowed."""
    reset_password(services, "mara", "\ud800 ein längeres\x00")
    assert authenticate_moderator(services, "mara", "\ud800 ein längeres\x00").id == moderator.id
    with pytest.raises(AuthenticationFailed):
        authenticate_moderator(services, "mara", PASSWORD)
    with pytest.raises(NotFound):
        reset_password(services, "nobody", PASSWORD)


def test_a_short_password_is_refused(services: Services, moderator: Moderator) -> None:
    """Eight characters are required for a new and for a changed password."""
    with pytest.raises(InvalidInput, match="at least 8"):
        add_moderator(services, "ben", "sevench")
    with pytest.raises(InvalidInput, match="at least 8"):
        reset_password(services, "mara", "sevench")


@pytest.mark.parametrize("name", ["", " mara", "ma\nra", "x" * 101, "\u202emara", "\ud800"])
def test_a_name_that_could_mislead_is_refused(services: Services, name: str) -> None:
    """Names are shown beside decisions: no invisible characters, no spaces around them."""
    with pytest.raises(InvalidInput, match="name"):
        add_moderator(services, name, PASSWORD)


def test_a_name_is_taken_once(services: Services, moderator: Moderator) -> None:
    """A second moderator with the name is refused, and the first keeps the password."""
    with pytest.raises(Conflict):
        add_moderator(services, "mara", "another password")
    assert authenticate_moderator(services, "mara", PASSWORD) == moderator


def test_a_removed_moderator_stays_removed(services: Services, moderator: Moderator) -> None:
    """Neither password nor id works afterwards, and the id is never reused."""
    remove_moderator(services, "mara")
    with pytest.raises(AuthenticationFailed):
        authenticate_moderator(services, "mara", PASSWORD)
    again = add_moderator(services, "mara", PASSWORD)
    assert again.id != moderator.id
    with pytest.raises(NotFound):
        remove_moderator(services, "nobody")


@pytest.mark.sqlite("it reads the database file")
def test_the_real_hasher_is_slow_enough(
    services: Services, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hasher that tests replace uses argon2id with at least the 64 MiB of RFC 9106's second recommendation."""
    monkeypatch.setattr(moderators, "password_hasher", SLOW_PASSWORD_HASHER)
    ben = add_moderator(services, "ben", PASSWORD)
    assert authenticate_moderator(services, "ben", PASSWORD) == ben
    stored = b"".join(file.read_bytes() for file in Path(settings.var).glob("moderation.db*"))
    assert b"$argon2id$v=19$m=65536,t=3,p=1$" in stored


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux has priorities of threads.")
def test_passwords_are_checked_at_low_priority(
    services: Services, moderator: Moderator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A right password, a wrong one and one of an unknown name; the caller's thread keeps its priority."""
    seen = []

    class Hasher(PasswordHasher):
        def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
            seen.append(priority())
            return super().hash(password, salt=salt)

        def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002 - as in argon2
            seen.append(priority())
            return super().verify(hash, password)

    def priority() -> int:
        return os.getpriority(os.PRIO_PROCESS, get_native_id())

    before = priority()
    monkeypatch.setattr(moderators, "password_hasher", Hasher(time_cost=1, memory_cost=8, parallelism=1))
    assert authenticate_moderator(services, "mara", PASSWORD) == moderator
    for name in ("mara", "nobody"):
        with pytest.raises(AuthenticationFailed):
            authenticate_moderator(services, name, "wrong password")
    assert len(seen) == 3 and set(seen) == {max(10, before)} and priority() == before
