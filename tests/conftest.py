"""Shared fixtures: services on a real database with a small real model, sites, a clock and a moderator."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from argon2 import PasswordHasher
from flask import Flask
from jinja2 import FileSystemBytecodeCache

from moderation.actions import moderators
from moderation.actions.moderators import add_moderator
from moderation.actions.services import Services
from moderation.actions.sites import add_site, set_thresholds
from moderation.domain.decision import Moderator
from moderation.domain.people import Grant, Role
from moderation.domain.site import Site
from moderation.domain.thresholds import Thresholds
from moderation.registry.live_model import LiveModel
from moderation.registry.model_registry import ModelRegistry
from moderation.settings import Settings
from moderation.storage.migrate import upgrade
from moderation.wiring import prepare
from tests.models import small_model_registry
from tests.postgresql import CHOSEN as ON_POSTGRESQL
from tests.postgresql import NOT_DURABLE, PostgresServer, find_binaries, running_server

# A random draw would open a queue item in one test of a hundred. Tests of the audit set their own share.
os.environ["MODERATION_AUDIT_SHARE"] = "0"

# No deadline: a slow machine is not a failure.
hypothesis.settings.register_profile("house", derandomize=True, deadline=None)
hypothesis.settings.register_profile("fuzz", deadline=None, max_examples=20_000)
hypothesis.settings.register_profile("fuzz-ci", derandomize=True, deadline=None, max_examples=1_000)
hypothesis.settings.load_profile("house")

PASSWORD = "correct horse battery"
HOLD_ALL = Thresholds(review=1e-12, spam=1.0, discard=1.0)
SLOW_PASSWORD_HASHER = moderators.password_hasher


_SERVER = pytest.StashKey[PostgresServer]()


def pytest_configure(config: pytest.Config) -> None:
    """Start one PostgreSQL server for all workers of the run, if the run is about PostgreSQL."""
    if hasattr(config, "workerinput"):
        folder = config.workerinput["postgresql"]
        if folder is not None:
            config.stash[_SERVER] = PostgresServer(Path(folder))
    elif ON_POSTGRESQL and find_binaries() is not None:
        stack = ExitStack()
        config.add_cleanup(stack.close)
        config.stash[_SERVER] = stack.enter_context(running_server(NOT_DURABLE))
        config.stash[_SERVER].create_template()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of xdist where the server is."""
    server = node.config.stash.get(_SERVER, None)
    node.workerinput["postgresql"] = server and str(server.folder)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL, leave out the tests that use no database: they would show again what they show on SQLite."""
    if not ON_POSTGRESQL:
        return
    fixtures = {"new_database", "database_url", "postgres_server"}
    chosen = [item for item in items if fixtures & set(getattr(item, "fixturenames", ()))]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
    items[:] = chosen


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip the tests that are about the other database."""
    about_sqlite = item.get_closest_marker("sqlite")
    if ON_POSTGRESQL and about_sqlite:
        pytest.skip(f"About SQLite: {about_sqlite.args[0]}")
    if not ON_POSTGRESQL and item.get_closest_marker("postgresql"):
        pytest.skip("About PostgreSQL: run `make test-postgres`.")


class Clock:
    """A clock that stands at noon until a test moves it."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 2, 12, 0, 0, 345678, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture(autouse=True, scope="session")
def cheap_password_hasher() -> Iterator[None]:
    """Hash passwords with the least memory and time: the real hasher takes 64 MiB and a tenth of a second each time."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        monkeypatch.setattr(moderators, "password_hasher", cheap)
        yield


@pytest.fixture(autouse=True, scope="session")
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compile each template once, and not again for the application of each test."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        cache = FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))
        monkeypatch.setitem(Flask.jinja_options, "bytecode_cache", cache)
        yield


@pytest.fixture
def clock() -> Clock:
    """Return the clock of the services."""
    return Clock()


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> ModelRegistry:
    """Return a registry with the small model, shared by all tests: a test that promotes makes its own."""
    return small_model_registry(tmp_path_factory.mktemp("models"))


@pytest.fixture
def postgres_server(request: pytest.FixtureRequest) -> PostgresServer:
    """Return the server of this run. Skips the test where PostgreSQL is not installed."""
    server = request.config.stash.get(_SERVER, None)
    return server or pytest.skip("PostgreSQL's programs are not installed.")


@pytest.fixture
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Return a function that creates an empty database and returns its URL."""
    with ExitStack() as stack:

        def create(name: str = "new") -> str:
            if not ON_POSTGRESQL:
                return f"sqlite:///{tmp_path}/{name}.db"
            server: PostgresServer = request.getfixturevalue("postgres_server")
            return stack.enter_context(server.database("template0"))

        yield create


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Return the setting of the database: empty for SQLite in the `var` folder, else a migrated database."""
    if not ON_POSTGRESQL:
        yield ""
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    with server.database() as url:
        yield url


@pytest.fixture
def settings(tmp_path: Path, registry: ModelRegistry, database_url: str) -> Settings:
    """Return settings for a new `var` folder, with any database URL in the environment ignored.

    A write waits long for its turn: a busy machine may hold up a flush for more than the second of the default.
    """
    var = tmp_path / "var"
    return Settings(var=var, models=registry.folder, database_url=database_url, busy_timeout_seconds=10)


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an SQLite database that was migrated once: to do that for each test takes minutes of processor time."""
    path = tmp_path_factory.mktemp("migrated") / "moderation.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def migrated_settings(settings: Settings, migrated_database: Path) -> Settings:
    """Return `settings`, whose database is migrated.

    The secret is always the same: it keys short hashes, and a test that counts must not depend on whether two collide.
    """
    settings.var.mkdir(mode=0o700)
    secret = settings.var / "secret"
    secret.touch(0o600)
    secret.write_bytes(sha256(b"the secret of the tests").digest())
    if not settings.database_url:
        shutil.copyfile(migrated_database, settings.var / "moderation.db")
    return settings


@pytest.fixture
def services(migrated_settings: Settings, clock: Clock) -> Iterator[Services]:
    """Yield the services of the application, with a clock that the test moves."""
    opened = replace(prepare(migrated_settings), clock=clock)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def services_without_model(services: Services, tmp_path: Path) -> Services:
    """Return the same services with an empty model registry."""
    empty = tmp_path / "empty"
    empty.mkdir()
    registry = ModelRegistry(empty)
    return replace(services, registry=registry, live_model=LiveModel(registry))


@pytest.fixture
def site(services: Services) -> Site:
    """Return a site without thresholds or calibration."""
    return add_site(services, "https://blog.example", None)[0]


@pytest.fixture
def other_site(services: Services) -> Site:
    """Return another owner's site on the same service, which must not see the data of `site`."""
    return add_site(services, "https://teammate.example/notes", None)[0]


@pytest.fixture
def hold_all_site(services: Services) -> Site:
    """Return a site whose comments all go to review."""
    add_site(services, "https://careful.example", None)
    return set_thresholds(services, "https://careful.example", HOLD_ALL)


@pytest.fixture
def moderator(services: Services) -> Moderator:
    """Return the moderator mara, whose password is `PASSWORD`, owner of all sites."""
    return add_moderator(services, "mara", PASSWORD, Grant(Role.OWNER))
