"""A site is found in memory, and no change of it by any process is missed."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from sqlalchemy import event

from moderation.actions.rollout import set_budget
from moderation.actions.services import Services
from moderation.actions.sites import (
    add_site,
    authenticate_site,
    remove_site,
    rotate_key,
    set_akismet_review,
    set_thresholds,
    set_type_thresholds,
)
from moderation.domain.budget import Budget
from moderation.domain.errors import AuthenticationFailed
from moderation.domain.site import AkismetReviewSettings, ReviewAction
from moderation.domain.thresholds import Thresholds
from moderation.settings import Settings
from moderation.wiring import open_services, replace_secret

URL = "https://blog.example"
THRESHOLDS = Thresholds(0.1, 0.2, 0.3)


@pytest.fixture
def key(services: Services) -> str:
    return add_site(services, URL)[1]


@pytest.fixture
def other_process(settings: Settings) -> Iterator[Services]:
    """Services with their own connections, as those of another process."""
    opened = open_services(settings)
    yield opened
    opened.engine.dispose()


CHANGES: dict[str, Callable[[Services], object]] = {
    "thresholds": lambda services: set_thresholds(services, URL, THRESHOLDS),
    "type thresholds": lambda services: set_type_thresholds(services, URL, "trackback", THRESHOLDS),
    "Akismet": lambda services: set_akismet_review(services, URL, AkismetReviewSettings(ReviewAction.PUBLISH)),
    "budget": lambda services: set_budget(services, URL, Budget(0.001, 0.02, 0.9)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_counts_at_once(
    services: Services, other_process: Services, key: str, change: Callable[[Services], object]
) -> None:
    """The first request after a change, here or in another process, is judged by the changed site."""
    before = authenticate_site(services, key), authenticate_site(other_process, key)
    change(other_process)
    after = authenticate_site(services, key)
    assert after == authenticate_site(other_process, key)
    assert after != before[0] == before[1]


def test_a_retired_key_is_refused_at_once(services: Services, other_process: Services, key: str) -> None:
    """The second rotation retires the first key; the process that knew it refuses it."""
    authenticate_site(services, key)
    second = rotate_key(other_process, URL)
    assert authenticate_site(services, key) == authenticate_site(services, second)
    rotate_key(other_process, URL)
    with pytest.raises(AuthenticationFailed):
        authenticate_site(services, key)
    assert authenticate_site(services, second).url == URL


def test_a_removed_site_is_refused_at_once(services: Services, other_process: Services, key: str) -> None:
    """No request of a removed site is accepted."""
    authenticate_site(services, key)
    remove_site(other_process, URL)
    with pytest.raises(AuthenticationFailed):
        authenticate_site(services, key)


def test_a_new_secret_refuses_every_known_key(services: Services, settings: Settings, key: str) -> None:
    """A process that still has the former secret does not remember the keys of it."""
    authenticate_site(services, key)
    replace_secret(settings)
    with pytest.raises(AuthenticationFailed):
        authenticate_site(services, key)


def test_an_unknown_key_becomes_known(services: Services, key: str) -> None:
    """A refusal is not remembered."""
    with pytest.raises(AuthenticationFailed):
        authenticate_site(services, "0" * 12)
    add_site(services, "https://second.example", "0" * 12)
    assert authenticate_site(services, "0" * 12).url == "https://second.example"
    assert authenticate_site(services, key).url == URL


def test_a_known_site_is_not_read_again(services: Services, key: str) -> None:
    """The second request of a site compares versions on the driver, and sends no statement of SQLAlchemy."""
    authenticate_site(services, key)
    statements: list[str] = []
    event.listen(services.engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    authenticate_site(services, key)
    assert statements == []


def test_a_forked_process_finds_sites_on_its_own(services: Services, key: str) -> None:
    """The child opens its own connection, and the parent goes on."""
    authenticate_site(services, key)
    process_id = os.fork()
    if process_id == 0:
        os._exit(authenticate_site(services, key).url != URL)
    assert os.waitpid(process_id, 0)[1] == 0
    assert authenticate_site(services, key).url == URL


def test_disposing_the_engine_closes_the_connection(services: Services, settings: Settings, key: str) -> None:
    """SQLite removes its side files with the last connection, and the next request opens a new one."""
    authenticate_site(services, key)
    services.engine.dispose()
    assert not list(settings.var.glob("moderation.db-*"))
    assert authenticate_site(replace(services), key).url == URL
