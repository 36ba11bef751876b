"""Installations of `moderation serve` with folders and ports of their own, over one PostgreSQL."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from moderation.actions.services import Services
from moderation.settings import Settings
from moderation.wiring import open_services
from tests.e2e.prerequisites import skip_or_fail
from tests.e2e.service import ROOT, Service
from tests.models import small_model_registry
from tests.postgresql import NOT_DURABLE, find_binaries, running_server

KEY = "0123456789ab"
BLOG = "https://busy.example"


@contextmanager
def shared_database() -> Iterator[str]:
    """Yield the URL of an empty database on a server that stops at the end."""
    if find_binaries() is None:
        skip_or_fail("the programs of a PostgreSQL server (of the package postgresql)")
    with running_server(NOT_DURABLE) as server:
        yield server.url("postgres")


def first_replica(folder: Path, url: str, code: Path = ROOT, **settings: str) -> Service:
    """Create an installation with the small model live, the tables of a new database, and a site."""
    own = {"MODERATION_DATABASE_URL": url, "MODERATION_AUDIT_SHARE": "0", **settings}
    service = Service(folder / "first", own, code)
    small_model_registry(service.folder / "models")
    service.moderation("init", "--site", "https://first.example")
    service.moderation("site", "add", BLOG, "--key", KEY)
    return service


def further_replica(first: Service, name: str, *, has_models: bool = True) -> Service:
    """Create another installation over the same database: with copies of the secret and, if wanted, of the models."""
    service = replace(first, folder=first.folder.parent / name)
    (service.folder / "var").mkdir(mode=0o700, parents=True)
    shutil.copy(first.folder / "var" / "secret", service.folder / "var")
    if has_models:
        shutil.copytree(first.folder / "models", service.folder / "models")
    return service


@contextmanager
def services_of(service: Service) -> Iterator[Services]:
    """Open the services of an installation in this process, as its commands do."""
    settings = Settings(
        var=service.folder / "var",
        models=service.folder / "models",
        database_url=service.settings["MODERATION_DATABASE_URL"],
        model_source=service.settings.get("MODERATION_MODEL_SOURCE", "folder"),
    )
    services = open_services(settings)
    try:
        yield services
    finally:
        services.engine.dispose()
