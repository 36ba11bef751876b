"""Sessions end on the server: by sign-out, with the password, with the moderator, and by their age."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from moderation.actions.moderators import add_moderator, authenticate_moderator, remove_moderator, reset_password
from moderation.actions.services import Services
from moderation.actions.sessions import (
    end_session,
    end_sessions,
    purge_expired,
    session_moderator,
    start_session,
)
from moderation.domain.decision import Moderator
from moderation.domain.errors import AuthenticationFailed, NotFound
from moderation.settings import Settings
from tests.conftest import PASSWORD, Clock

HOUR = timedelta(hours=1)


def test_a_session_ends_alone(services: Services, moderator: Moderator) -> None:
    """Ending one session leaves the others; an unknown token is no session."""
    first, second = (start_session(services, moderator, HOUR) for _ in range(2))
    assert session_moderator(services, first) == session_moderator(services, second) == moderator
    end_session(services, first)
    assert session_moderator(services, first) is None and session_moderator(services, second) == moderator
    assert session_moderator(services, "\ud800") is None


def test_all_sessions_of_a_name_end(services: Services, moderator: Moderator) -> None:
    """The sessions of others stay; an unknown name is an error."""
    other = add_moderator(services, "Ana", PASSWORD)
    tokens = [start_session(services, moderator, HOUR) for _ in range(3)]
    kept = start_session(services, other, HOUR)
    assert end_sessions(services, "mara") == 3
    assert {session_moderator(services, token) for token in tokens} == {None}
    assert session_moderator(services, kept) == other
    with pytest.raises(NotFound):
        end_sessions(services, "stranger")


def test_a_password_change_and_a_removal_end_sessions(services: Services, moderator: Moderator) -> None:
    """Sessions of the old password end, those of the new one too once the moderator is removed."""
    old = start_session(services, moderator, HOUR)
    reset_password(services, "mara", "another password")
    assert session_moderator(services, old) is None
    renewed = authenticate_moderator(services, "mara", "another password")
    new = start_session(services, renewed, HOUR)
    remove_moderator(services, "mara")
    assert session_moderator(services, new) is None


def test_a_sign_in_that_is_overtaken_starts_no_session(services: Services, moderator: Moderator) -> None:
    """Between the check of the password and the session, the password changed or the moderator was removed."""
    reset_password(services, "mara", "another password")
    with pytest.raises(AuthenticationFailed):
        start_session(services, moderator, HOUR)
    remove_moderator(services, "mara")
    with pytest.raises(AuthenticationFailed):
        start_session(services, replace(moderator, password_version=""), HOUR)


def test_expired_sessions_are_purged(services: Services, moderator: Moderator, clock: Clock) -> None:
    """Only those whose time is over."""
    short, long = (start_session(services, moderator, hours * HOUR) for hours in (1, 3))
    clock.advance(3600)
    assert session_moderator(services, short) is None
    assert (purge_expired(services), purge_expired(services)) == (1, 0)
    assert session_moderator(services, long) == moderator


def test_no_token_is_stored(services: Services, moderator: Moderator, settings: Settings) -> None:
    """A copy of the database does not sign its reader in."""
    token = start_session(services, moderator, HOUR)
    assert token.encode() not in b"".join(file.read_bytes() for file in Path(settings.var).glob("moderation.db*"))
