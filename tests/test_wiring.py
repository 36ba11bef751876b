"""`prepare` creates, `open_services` opens, and each names what is missing."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from moderation.actions.check import CheckRequest, check_comment
from moderation.actions.labelling import label_decision
from moderation.actions.readiness import readiness
from moderation.actions.services import Services
from moderation.actions.sites import add_site, authenticate_site, set_thresholds
from moderation.domain.comment import Comment
from moderation.domain.decision import LabelValue
from moderation.domain.errors import StorageUnavailable
from moderation.domain.site import Callback, Site
from moderation.settings import Settings
from moderation.storage import installation
from moderation.storage.engine import read_transaction, write_transaction
from moderation.storage.locks import lock_installation
from moderation.storage.migrate import HEAD
from moderation.storage.tables import installation as installation_table
from moderation.storage.tables import label_features
from moderation.wiring import open_services, prepare, replace_secret
from tests.conftest import HOLD_ALL

LIST_IMPORTS = """
import sys
from moderation.wiring import open_services
from moderation.settings import Settings
open_services(Settings.from_environment())
print(*sorted(name for name in sys.modules if name.split('.')[0] in {'alembic', 'mako', 'sklearn', 'pandas'}))
"""
OTHER_SECRET = b"x" * 32


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def forget_check_value(services: Services) -> None:
    """Make the database that of a version without check value."""
    with write_transaction(services.engine) as connection:
        connection.execute(installation_table.update().values(secret_digest=None))
    services.engine.dispose()


@pytest.mark.sqlite("it lists the database file")
def test_preparing_creates_all_that_opening_needs(settings: Settings) -> None:
    """On a fresh machine: folder and secret for this user only, the database, and a clock in UTC."""
    services = prepare(settings)
    assert (mode(settings.var), mode(settings.var / "secret")) == (0o700, 0o600)
    assert len(services.secret) == 32
    assert services.clock().utcoffset() is not None
    assert not services.clock().utcoffset()
    assert sorted(path.name for path in settings.var.iterdir()) == ["moderation.db", "secret"]
    services.engine.dispose()


def test_preparing_twice_changes_nothing(settings: Settings) -> None:
    """A second start finds the same secret and the same rows: keys continue to work."""
    first = prepare(settings)
    site, key = add_site(first, "https://blog.example", None)
    first.engine.dispose()
    second = prepare(settings)
    assert authenticate_site(second, key) == site
    second.engine.dispose()


def test_concurrent_preparations_agree(settings: Settings) -> None:
    """Two processes that start on a fresh machine end up with one secret and one database."""
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(prepare, [settings, settings])
    assert first.secret == second.secret
    assert sorted(path.name for path in settings.var.glob("secret*")) == ["secret"]
    first.engine.dispose()
    second.engine.dispose()


def test_opening_creates_nothing(settings: Settings) -> None:
    """Serving before `moderation init` is an error and leaves no file behind."""
    with pytest.raises(StorageUnavailable, match="moderation init"):
        open_services(settings)
    assert not settings.var.exists()


@pytest.mark.parametrize(
    ("lose", "problem"),
    [
        (Path.unlink, "is missing"),
        (lambda path: path.write_bytes(b"short"), "is damaged"),
        (lambda path: path.write_bytes(OTHER_SECRET), "belongs to another database"),
    ],
)
def test_a_lost_secret_is_never_replaced_silently(
    settings: Settings, lose: Callable[[Path], object], problem: str
) -> None:
    """Preparing and opening name the number of sites whose keys no longer work."""
    services = prepare(settings)
    add_site(services, "https://blog.example", None)
    services.engine.dispose()
    path = settings.var / "secret"
    lose(path)
    left = path.read_bytes() if path.exists() else None
    for start in (prepare, open_services):
        with pytest.raises(StorageUnavailable, match=f"{problem}: the keys of 1 site no longer work"):
            start(settings)
    assert (path.read_bytes() if path.exists() else None) == left


def test_a_secret_without_keys_is_replaced(settings: Settings) -> None:
    """A lost secret costs nothing before the first site: serving asks for `moderation init`, which makes a new one."""
    prepare(settings).engine.dispose()
    (settings.var / "secret").unlink()
    with pytest.raises(StorageUnavailable, match="no site key depends on it: run `moderation init"):
        open_services(settings)
    prepare(settings).engine.dispose()
    (settings.var / "secret").write_bytes(OTHER_SECRET)
    services = prepare(settings)
    assert services.secret == OTHER_SECRET
    services.engine.dispose()


@pytest.mark.parametrize("has_callback", [False, True])
def test_an_older_database_adopts_the_secret(settings: Settings, has_callback: bool) -> None:
    """Without a check value the secret is taken, unless it cannot decrypt a stored callback key."""
    services = prepare(settings)
    site, key = add_site(services, "https://blog.example", None)
    if has_callback:
        held = set_thresholds(services, site.url, HOLD_ALL)
        check_comment(
            services,
            held,
            CheckRequest(Comment("Hello"), callback=Callback("https://blog.example/hook", "0123456789ab")),
        )
    forget_check_value(services)
    with pytest.raises(StorageUnavailable, match="no check value of its secret: run `moderation init`"):
        open_services(settings)
    right_secret = (settings.var / "secret").read_bytes()
    if has_callback:
        (settings.var / "secret").write_bytes(OTHER_SECRET)
        with pytest.raises(StorageUnavailable, match="the keys of 1 site no longer work"):
            prepare(settings)
        (settings.var / "secret").write_bytes(right_secret)
    services = prepare(settings)
    assert authenticate_site(services, key).id == site.id
    services.engine.dispose()
    (settings.var / "secret").write_bytes(OTHER_SECRET)
    with pytest.raises(StorageUnavailable, match="belongs to another database"):
        prepare(settings)


def test_a_new_secret_retires_every_key(services: Services, settings: Settings) -> None:
    """The numbers of lost keys and callbacks are returned; a service with the former secret is not ready."""
    site = add_site(services, "https://blog.example", None)[0]
    add_site(services, "https://second.example", None)
    held = set_thresholds(services, site.url, HOLD_ALL)
    check_comment(
        services, held, CheckRequest(Comment("Hello"), callback=Callback("https://blog.example/hook", "0123456789ab"))
    )
    assert replace_secret(settings) == (2, 1, 0)
    assert {check.name for check in readiness(services) if not check.ready} == {"secret"}
    renewed = prepare(settings)
    assert renewed.secret != services.secret and all(check.ready for check in readiness(renewed))
    with write_transaction(renewed.engine) as connection:
        assert installation.count_keyed_sites(connection) == 0
    renewed.engine.dispose()


def test_a_failed_replacement_keeps_the_secret(settings: Settings) -> None:
    """A locked database costs neither the secret nor its check value."""
    services = prepare(settings)
    hurried = settings.model_copy(update={"busy_timeout_seconds": 0.01})
    with write_transaction(services.engine) as connection:
        lock_installation(connection)
        with pytest.raises(StorageUnavailable, match="locked"):
            replace_secret(hurried)
    services.engine.dispose()
    assert sorted(path.name for path in settings.var.glob("secret*")) == ["secret"]
    opened = open_services(settings)
    assert opened.secret == services.secret
    opened.engine.dispose()


def test_an_unusable_folder_is_named(tmp_path: Path, settings: Settings) -> None:
    """A wrong `MODERATION_VAR` is a sentence, not a traceback."""
    (tmp_path / "file").touch()
    with pytest.raises(StorageUnavailable, match="cannot be used"):
        prepare(settings.model_copy(update={"var": tmp_path / "file" / "var"}))


def test_serving_imports_no_tools(settings: Settings) -> None:
    """A worker opens its services without Alembic, pandas or scikit-learn: it stays small and starts fast."""
    prepare(settings).engine.dispose()
    variables = {
        "MODERATION_VAR": str(settings.var),
        "MODERATION_MODELS": str(settings.models),
        "MODERATION_DATABASE_URL": settings.database_url,
    }
    run = subprocess.run(
        [sys.executable, "-c", LIST_IMPORTS],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == ""


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """A compose file passes unset variables as empty ones; an empty folder would be the working directory."""
    monkeypatch.setenv("MODERATION_VAR", "")
    monkeypatch.setenv("MODERATION_MODELS", "")
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    monkeypatch.delenv("MODERATION_DATABASE_URL", raising=False)
    settings = Settings.from_environment()
    assert (settings.var.name, settings.models.name, settings.metrics_folder) == ("var", "models", None)
    assert settings.var.is_absolute()


def test_an_older_program_leaves_the_features_of_a_newer_one(
    settings: Settings, services: Services, site: Site
) -> None:
    """Its `moderation init` runs at each start of a container, also after a newer version has migrated the database."""
    decision = check_comment(services, site, CheckRequest(Comment("The soup was good"))).decision
    label_decision(services, site, decision.id, LabelValue.HAM, "mara", "api")
    with write_transaction(services.engine) as connection:
        connection.execute(installation_table.update().values(oldest_program=HEAD))
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        connection.execute(label_features.update().values(features_version=9999))
    prepare(settings).engine.dispose()
    with read_transaction(services.engine) as connection:
        assert connection.execute(label_features.select()).one().features_version == 9999
