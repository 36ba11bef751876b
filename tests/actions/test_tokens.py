"""Tokens for parts of the API: of one site, for their purposes, until they end."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event

from moderation.actions.act_log import read_all
from moderation.actions.services import Services
from moderation.actions.sites import add_site, remove_site
from moderation.actions.tokens import (
    PREFIX,
    USE_PRECISION,
    add_token,
    authenticate_token,
    is_token,
    list_tokens,
    revoke_token,
)
from moderation.domain.act_log import LogFilter
from moderation.domain.errors import AuthenticationFailed, InvalidInput, NotFound
from moderation.domain.people import SiteScope
from moderation.domain.site import Site
from moderation.domain.tokens import Purpose
from moderation.settings import Settings
from moderation.wiring import open_services
from tests.conftest import Clock


@pytest.fixture
def other_process(services: Services, settings: Settings, clock: Clock) -> Iterator[Services]:
    """Services with their own connections, as those of another process."""
    opened = replace(open_services(settings), clock=clock)
    yield opened
    opened.engine.dispose()


def test_a_token_opens_its_site(services: Services, site: Site, other_site: Site) -> None:
    """With its purposes; each token is another text."""
    new = add_token(services, site.url, "export", [Purpose.READ, Purpose.LABEL], 90)
    known = authenticate_token(services, new.text)
    assert known.site == site and known.token == new.token
    assert known.token.purposes == {Purpose.READ, Purpose.LABEL}
    other = add_token(services, other_site.url, "export", [Purpose.READ], None)
    assert authenticate_token(services, other.text).site == other_site
    assert is_token(new.text) and not is_token("0123456789ab")


@pytest.mark.parametrize("text", ["", PREFIX, f"{PREFIX}\0\ud800", PREFIX + "x" * 10_000, "0123456789ab"])
def test_any_other_text_is_refused(services: Services, site: Site, text: str) -> None:
    """Also one that is a token but for a letter."""
    new = add_token(services, site.url, "export", [Purpose.READ], 90)
    for wrong in (text, new.text[:-1], new.text + "x", new.text.upper()):
        with pytest.raises(AuthenticationFailed):
            authenticate_token(services, wrong)


def test_a_token_ends(services: Services, site: Site, clock: Clock) -> None:
    """To the second, also while it is in memory; one without an end does not, and the list keeps both."""
    short, long = (add_token(services, site.url, "export", [Purpose.READ], days) for days in (1, None))
    clock.advance(86_399)
    authenticate_token(services, short.text)
    clock.advance(1)
    with pytest.raises(AuthenticationFailed, match="has expired"):
        authenticate_token(services, short.text)
    clock.advance(10**8)
    assert authenticate_token(services, long.text).site == site
    assert [each.is_valid(clock.now) for _, each in list_tokens(services)] == [False, True]


def test_a_revoked_token_is_refused_at_once(services: Services, other_process: Services, site: Site) -> None:
    """In the process that knows it too. Its number is not given to another."""
    new = add_token(services, site.url, "export", [Purpose.READ], 90)
    authenticate_token(services, new.text)
    revoke_token(other_process, new.token.id)
    with pytest.raises(AuthenticationFailed):
        authenticate_token(services, new.text)
    with pytest.raises(NotFound):
        revoke_token(services, new.token.id)
    assert list_tokens(services) == []
    assert add_token(services, site.url, "export", [Purpose.READ], 90).token.id != new.token.id


def test_the_tokens_of_a_removed_site_are_refused(services: Services, site: Site) -> None:
    """Also if a site with the same address is added again."""
    new = add_token(services, site.url, "export", [Purpose.READ], 90)
    authenticate_token(services, new.text)
    remove_site(services, site.url)
    add_site(services, site.url)
    with pytest.raises(AuthenticationFailed):
        authenticate_token(services, new.text)
    assert list_tokens(services) == []


def test_the_last_use_is_noted(services: Services, other_process: Services, site: Site, clock: Clock) -> None:
    """To ten minutes, so that most requests write nothing; by each process."""
    new = add_token(services, site.url, "export", [Purpose.READ], 90)

    def last_use() -> object:
        ((_, token),) = list_tokens(services)
        return token.last_used_at

    assert last_use() is None
    began = clock.now
    for seconds, expected in ((0, 0), (599, 0), (1, 600), (30, 600)):
        clock.advance(seconds)
        authenticate_token(services, new.text)
        assert last_use() == began + timedelta(seconds=expected)
    clock.advance(USE_PRECISION.total_seconds())
    authenticate_token(other_process, new.text)
    assert last_use() == clock.now


def test_a_known_token_takes_one_query(services: Services, site: Site) -> None:
    """As a key does: that of the version."""
    new = add_token(services, site.url, "export", [Purpose.READ], 90)
    for _ in range(2):
        authenticate_token(services, new.text)
    statements: list[str] = []
    event.listen(services.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    authenticate_token(services, new.text)
    assert len(statements) <= 1


def test_an_invalid_token_is_not_made(services: Services, site: Site) -> None:
    """Without a purpose, with a name that could mislead, or for a site that is not there."""
    for name, purposes in (("", [Purpose.READ]), (" a", [Purpose.READ]), ("\u202ea", [Purpose.READ]), ("a", [])):
        with pytest.raises(InvalidInput):
            add_token(services, site.url, name, purposes, 90)
    with pytest.raises(NotFound):
        add_token(services, "https://nowhere.example", "a", [Purpose.READ], 90)


def test_the_log_has_its_beginning_and_its_end(services: Services, site: Site, other_site: Site, clock: Clock) -> None:
    """With name and purposes, for people of the site alone; a use is no event, and neither is an expiry."""
    new = add_token(services, site.url, "export", [Purpose.SCORE, Purpose.READ], 1)
    clock.advance(60)
    authenticate_token(services, new.text)
    revoke_token(services, new.token.id)
    add_token(services, other_site.url, "other", [Purpose.LABEL], 1)
    clock.advance(90_000)
    of_site = replace(services, scope=SiteScope(frozenset({site.id})))
    revoked, added = read_all(of_site, LogFilter())
    assert (revoked.event, added.event) == ("token-revoke", "token-add")
    for each in (revoked, added):
        assert (each.person, each.channel, each.site_url) == ("cli", "cli", site.url)
    about = "export: read score"
    assert [each.detail for each in read_all(services, LogFilter("cli"))] == ["other: label", about, about]
    assert not list(read_all(services, LogFilter("mara")))


@pytest.mark.sqlite("it reads the database file")
def test_no_token_is_stored(services: Services, site: Site, settings: Settings) -> None:
    """A copy of the database opens no site."""
    new = add_token(services, site.url, "export", [Purpose.READ], 90)
    stored = b"".join(file.read_bytes() for file in Path(settings.var).glob("moderation.db*"))
    assert b"export" in stored and new.text.encode() not in stored
    assert new.text.partition("-")[2].encode() not in stored
