"""The cast: a desk on a real SQLite file and a real small model, two sites of two owners, a moderator."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import hypothesis
import pytest

from moderation.actions.access import add_moderator, add_site, set_policy
from moderation.actions.desk import Desk
from moderation.assembly import prepare
from moderation.domain.policy import Policy
from moderation.domain.site import Moderator, Site
from moderation.registry.live import LiveModel
from moderation.registry.shelf import Shelf
from moderation.settings import Settings
from tests.models import small_model_shelf

# A slow machine is not a broken law.
hypothesis.settings.register_profile("house", derandomize=True, deadline=None)
hypothesis.settings.register_profile("fuzz", deadline=None, max_examples=5_000)
hypothesis.settings.load_profile("house")

PASSWORD = "correct horse battery"
HOLD_ALL = Policy(review=1e-12, spam=1.0, discard=1.0)


class Clock:
    """Stands still at noon until a test moves it."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 2, 12, 0, 0, 345678, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    """The desk's clock."""
    return Clock()


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """The small model, shared by all: a test that promotes makes a shelf of its own."""
    return small_model_shelf(tmp_path_factory.mktemp("models"))


@pytest.fixture
def settings(tmp_path: Path, shelf: Shelf) -> Settings:
    """A fresh `var` folder with SQLite in it, whatever database the environment names."""
    return Settings(var=tmp_path / "var", models=shelf.folder, database_url="")


@pytest.fixture
def desk(settings: Settings, clock: Clock) -> Iterator[Desk]:
    """What the application opens, with a clock that the test moves."""
    opened = replace(prepare(settings), clock=clock)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def modelless_desk(desk: Desk, tmp_path: Path) -> Desk:
    """The same desk over a shelf that holds nothing."""
    empty = tmp_path / "empty"
    empty.mkdir()
    shelf = Shelf(empty)
    return replace(desk, shelf=shelf, live=LiveModel(shelf))


@pytest.fixture
def site(desk: Desk) -> Site:
    """Our blog; it has earned nothing yet."""
    return add_site(desk, "https://blog.example", None)[0]


@pytest.fixture
def teammate_site(desk: Desk) -> Site:
    """Somebody else's blog on the same service; it may not see what is ours."""
    return add_site(desk, "https://teammate.example/notes", None)[0]


@pytest.fixture
def holding_site(desk: Desk) -> Site:
    """A blog that has every comment held for a person."""
    add_site(desk, "https://careful.example", None)
    return set_policy(desk, "https://careful.example", HOLD_ALL)


@pytest.fixture
def moderator(desk: Desk) -> Moderator:
    """Mara, whose password is `PASSWORD`."""
    return add_moderator(desk, "mara", PASSWORD)
