"""Fixtures: a stub of the service, and the service itself on a database of the test."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import func, select

from moderation.actions.services import Services
from moderation.actions.sites import add_site
from moderation.settings import Settings
from moderation.storage import tables
from moderation.storage.engine import read_transaction
from tests.cli.conftest import environment_of
from tests.client.stub import KEY, Stub, stub_service
from tests.e2e.service import Served, Service, free_port, served

BLOG = "https://blog.example.org"


@pytest.fixture
def stub() -> Iterator[Stub]:
    """Serve a stub."""
    with stub_service() as opened:
        yield opened


@dataclass(frozen=True)
class Installed(Service):
    """The service on the database of a test, where `BLOG` has the key `KEY`. It has the same port at each start."""

    services: Services = field(kw_only=True)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.settings['PORT']}"

    def served(self) -> AbstractContextManager[Served]:
        """Serve until the block ends."""
        return served(self)

    def count(self, table: str) -> int:
        """Return the number of rows of a table."""
        with read_transaction(self.services.engine) as connection:
            statement = select(func.count()).select_from(tables.metadata.tables[table])
            return int(connection.execute(statement).scalar_one())


@pytest.fixture
def installed(services: Services, settings: Settings, tmp_path: Path) -> Installed:
    """Return a service that does not run yet."""
    add_site(services, BLOG, KEY)
    return Installed(tmp_path, {**environment_of(settings), "PORT": str(free_port())}, services=services)
