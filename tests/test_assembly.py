"""The wiring: made once, opened often, and refused with a sentence when it is not ready."""

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from moderation.actions.access import add_site, site_of_key
from moderation.assembly import open_desk, prepare
from moderation.domain.errors import StorageUnavailable
from moderation.settings import Settings

LIST_IMPORTS = """
import sys
from moderation.assembly import open_desk
from moderation.settings import Settings
open_desk(Settings.from_environment())
print(*sorted(name for name in sys.modules if name.split('.')[0] in {'alembic', 'mako', 'sklearn', 'pandas'}))
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_preparing_makes_what_opening_needs(settings: Settings) -> None:
    """On a fresh machine: the folder and the secret for our eyes only, the database, and a clock in UTC."""
    desk = prepare(settings)
    assert (mode(settings.var), mode(settings.var / "secret")) == (0o700, 0o600)
    assert len(desk.secret) == 32
    assert desk.clock().utcoffset() is not None
    assert not desk.clock().utcoffset()
    assert sorted(path.name for path in settings.var.iterdir()) == ["moderation.db", "secret"]
    desk.engine.dispose()


def test_preparing_twice_changes_nothing(settings: Settings) -> None:
    """A second start finds the same secret and the same rows: keys go on working."""
    first = prepare(settings)
    site, key = add_site(first, "https://blog.example", None)
    first.engine.dispose()
    second = prepare(settings)
    assert site_of_key(second, key) == site
    second.engine.dispose()


def test_two_who_prepare_at_once_agree(settings: Settings) -> None:
    """Two processes that start on a fresh machine end up with one secret and one database."""
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(prepare, [settings, settings])
    assert first.secret == second.secret
    assert sorted(path.name for path in settings.var.glob("secret*")) == ["secret"]
    first.engine.dispose()
    second.engine.dispose()


def test_opening_makes_nothing(settings: Settings) -> None:
    """Serving before `moderation init` is refused by name and leaves no file behind."""
    with pytest.raises(StorageUnavailable, match="moderation init"):
        open_desk(settings)
    assert not settings.var.exists()


def test_a_lost_secret_is_named(settings: Settings) -> None:
    """Without its secret no key can be told; a damaged one is never taken for a good one."""
    prepare(settings).engine.dispose()
    (settings.var / "secret").write_bytes(b"short")
    with pytest.raises(StorageUnavailable, match="damaged"):
        open_desk(settings)
    (settings.var / "secret").unlink()
    with pytest.raises(StorageUnavailable, match="moderation init"):
        open_desk(settings)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, settings: Settings) -> None:
    """A wrong `MODERATION_VAR` is a sentence, not a traceback."""
    (tmp_path / "file").touch()
    with pytest.raises(StorageUnavailable, match="cannot be used"):
        prepare(settings.model_copy(update={"var": tmp_path / "file" / "var"}))


def test_serving_imports_no_tools(settings: Settings) -> None:
    """A worker opens its desk without Alembic, pandas or scikit-learn: it stays small and starts fast."""
    prepare(settings).engine.dispose()
    where = {
        "MODERATION_VAR": str(settings.var),
        "MODERATION_MODELS": str(settings.models),
        "MODERATION_DATABASE_URL": "",
    }
    run = subprocess.run(
        [sys.executable, "-c", LIST_IMPORTS], env={**os.environ, **where}, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == ""
